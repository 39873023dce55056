// User code that fails between a socket and a handler: replies that cannot be written, schemas, the policy, a stack that is spent.
// The client hears of its own request, every other request is answered, and the log says why.

import { describe, expect, test } from "bun:test";
import { agent, type AgentHandle, type HandlerArgument, message, type Policy } from "acton";
import { z } from "zod";
import { quiet } from "../../support/conditions.ts";
import type { Fields, RawClient } from "../../support/raw-client.ts";
import { atTheBottomOfTheStack } from "../../support/spent-stack.ts";
import { type LogLine, recordingLog } from "../../support/system.ts";
import { request, type ServeOptions, streamRequest, TestServer } from "../../support/test-server.ts";
import { ways } from "../../support/thrown.ts";

const Answer = message("CrashAnswer", z.any());
const Go = message("Go", z.any()).replies(Answer);
const GoStream = message("GoStream", z.any()).streams(Answer);
const Note = message("CrashNote", z.any());
type Culprit = AgentHandle<typeof Go | typeof GoStream>;
type Respond = (argument: HandlerArgument<object, typeof Go | typeof GoStream>) => unknown;

const allWays = Object.entries(ways);
const formats = ["json", "msgpack"] as const;
type Format = (typeof formats)[number];

/** A server whose agent `culprit` stops at its first crash, and every line of its log. */
async function serve(respond: Respond, options: ServeOptions = {}): Promise<{ readonly server: TestServer; readonly lines: LogLine[] }> {
  const lines: LogLine[] = [];
  const server = await TestServer.start({ log: recordingLog(lines), config: { maxMessageSize: 65_536 }, ...options });
  const handle: Culprit = await server.runtime.start(
    agent("culprit", () => ({}))
      .mutateOn(Go, (argument) => respond(argument as never))
      .mutateOn(GoStream, (argument) => respond(argument as never) as never)
      .onCrash("stop"),
  );
  server.runtime.ipcExpose("culprit", handle);
  server.runtime.ipcRegistry().register(Note);
  return { server, lines };
}

function send(client: RawClient, format: Format, body: Fields): void {
  if (format === "json") client.send(body);
  else client.sendPacked(body);
}

const errors = (lines: readonly LogLine[]): unknown[] =>
  lines.filter(({ level }) => level === "error").map(({ message: text, fields }) => [text, fields["agent"], fields["type"], fields["error"]]);

// Handlers ---------------------------------------------------------------------------------------------------------------

describe("a handler behind the socket", () => {
  test.each(allWays)("that fails by %s fails its request alone; its connection and the others live", async (_, { fail, text }) => {
    const { server, lines } = await serve(() => fail());
    await using _server = server;
    const client = await server.connect();
    client.send(request("culprit", "Go", 1));
    client.send(request("echo", "Echo", 2));
    expect(await client.take(2)).toMatchObject([
      { success: false, error: `HandlerFailed: ${text}`, error_code: "HANDLER_FAILED" },
      { success: true, payload: 2 },
    ]);
    const other = await server.connect();
    expect(await other.ask(request("echo", "Echo", 3))).toMatchObject({ payload: 3 });
    expect(await other.ask(request("culprit", "Go", 1))).toMatchObject({ error_code: "AGENT_STOPPED" });
    expect(errors(lines)).toEqual([["handler failed", "culprit", "Go", text]]);
  });
});

// What cannot be written ------------------------------------------------------------------------------------------------

function failing(): never {
  throw new Error("boom");
}

function cycle(): object {
  const loop: Record<string, unknown> = {};
  loop["itself"] = loop;
  return loop;
}

interface Unwritable {
  readonly make: () => unknown;
  readonly text: RegExp;
  readonly only?: Format;
}

const unwritable: Readonly<Record<string, Unwritable>> = {
  "a getter that throws": { make: () => Object.defineProperty({}, "a", { get: failing, enumerable: true }), text: /^payload\.a: boom$/ },
  "a toJSON that throws": { make: () => ({ a: { toJSON: failing } }), text: /^payload\.a: boom$/ },
  "a bigint beyond 64 bits": { make: () => ({ a: 2n ** 64n }), text: /^payload\.a: the integer exceeds 64 bits$/ },
  "a cycle": { make: cycle, text: /a cycle/ },
  "a symbol": { make: () => [Symbol("a")], text: /^payload\[0\]: a symbol has no representation$/ },
  "a function": { make: () => ({ a: failing }), text: /^payload\.a: a function has no representation$/ },
  "a number that is none": { make: () => NaN, text: /^payload: NaN has no representation$/ },
  "a map": { make: () => ({ a: new Map() }), text: /^payload\.a: "Map" has no representation$/ },
  "an invalid date": { make: () => new Date(NaN), text: /an invalid Date has no representation$/ },
  "a proxy whose traps throw": { make: () => ({ a: new Proxy({}, { ownKeys: failing }) }), text: /^payload\.a: boom$/ },
  "a getter that throws a revoked proxy": {
    make: () => Object.defineProperty({}, "a", { get: ways["a revoked proxy"]?.fail ?? failing, enumerable: true }),
    text: /^payload\.a: an error that cannot be printed$/,
  },
  "a getter that spends the stack": {
    make: () => Object.defineProperty({}, "a", { get: ways["a spent stack"]?.fail ?? failing, enumerable: true }),
    text: /^payload\.a: Maximum call stack size exceeded\.$/,
  },
  "a lone surrogate": { make: () => "\ud800", text: /a lone surrogate has no representation$/, only: "msgpack" },
  "more than a frame holds": { make: () => "x".repeat(100_000), text: /exceeds the frame limit of 65536 bytes$/ },
};

const later = (act: () => void): void => void setImmediate(act);

const responses: Readonly<Record<string, { readonly stream: boolean; readonly before: number; readonly respond: (value: unknown) => Respond }>> = {
  "returned as the reply": { stream: false, before: 0, respond: (value) => () => value },
  "resolved to as the reply": { stream: false, before: 0, respond: (value) => async () => value },
  "given to reply.send": {
    stream: false,
    before: 0,
    respond:
      (value) =>
      ({ reply }) =>
        void reply.send(value),
  },
  "given to reply.end": {
    stream: false,
    before: 0,
    respond:
      (value) =>
      ({ reply }) =>
        reply.end(value),
  },
  "a deferred reply": {
    stream: false,
    before: 0,
    respond:
      (value) =>
      ({ reply }) => {
        reply.defer();
        later(() => void reply.send(value));
      },
  },
  "yielded as an item": {
    stream: true,
    before: 1,
    respond: (value) =>
      function* () {
        yield 1;
        yield value;
      },
  },
  "returned as a stream's end": {
    stream: true,
    before: 1,
    respond: (value) =>
      function* () {
        yield 1;
        return value;
      },
  },
};

describe("an answer that cannot be written", () => {
  for (const [what, { make, text, only }] of Object.entries(unwritable)) {
    for (const [how, { stream, before, respond }] of Object.entries(responses)) {
      test(`${what}, ${how}: HandlerFailed says where; it is no crash`, async () => {
        const { server, lines } = await serve(respond(make()));
        await using _server = server;
        const tried = formats.filter((format) => only === undefined || format === only);
        for (const format of tried) {
          const client = await server.connect();
          const type = stream ? "GoStream" : "Go";
          send(client, format, (stream ? streamRequest : request)("culprit", type, 1));
          send(client, format, request("echo", "Echo", 2));
          const frames = await client.take(before + 2);
          expect(frames.at(before)).toMatchObject({ payload: null, error_code: "HANDLER_FAILED" });
          expect(String(frames.at(before)?.["error"]).replace("HandlerFailed: ", "")).toMatch(text);
          expect(frames.at(-1)).toMatchObject({ success: true, payload: 2 });
        }
        expect(errors(lines)).toEqual(
          tried.map(() => ["reply cannot be encoded", "culprit", stream ? "GoStream" : "Go", expect.stringMatching(text)]),
        );
        expect(server.listener.stats()).toMatchObject({ requestsInFlight: 0, streamsOpen: 0 });
      });
    }

    test(`${what}, broadcast: its push is lost and counted, the next one comes`, async () => {
      const { server, lines } = await serve(() => 1);
      await using _server = server;
      const client = await server.connect();
      send(client, only ?? "json", { message_types: [Note.name], request_id: "s" });
      await client.next();
      server.runtime.broker().broadcast(Note, make());
      server.runtime.broker().broadcast(Note, "after");
      expect(await client.next()).toMatchObject({ payload: "after", dropped: 1 });
      expect(errors(lines)).toEqual([["push cannot be encoded", undefined, Note.name, expect.stringMatching(text)]]);
    });
  }
});

// On the way in ---------------------------------------------------------------------------------------------------------

describe("a schema behind the socket", () => {
  test.each(allWays)("that fails by %s refuses its request and betrays nothing; the log says why", async (_, { fail, text }) => {
    const { server, lines } = await serve(() => 1);
    await using _server = server;
    const Checked = message("Checked", z.any().transform(fail)).replies(Answer);
    server.runtime.ipcExpose("checked", await server.runtime.start(agent("checked", () => ({})).mutateOn(Checked, () => 1)));
    const client = await server.connect();
    client.send(request("checked", "Checked", 1));
    client.send(request("culprit", "Go", 2));
    expect(await client.take(2)).toMatchObject([
      { error: "SerializationError: payload: its schema failed", error_code: "SERIALIZATION_ERROR" },
      { success: true, payload: 1 },
    ]);
    expect(errors(lines)).toEqual([["schema failed", undefined, "Checked", text]]);
  });
});

describe("a policy", () => {
  const admissions: Readonly<Record<string, (fail: () => never) => NonNullable<Policy["admit"]>>> = {
    "fails at once": (fail) => () => fail(),
    "fails after an await": (fail) => () => Promise.resolve().then(fail),
    "gives what cannot be read": (fail) => () => Object.defineProperty({}, "refused", { get: fail }) as never,
  };
  for (const [how, admit] of Object.entries(admissions)) {
    test.each(allWays)(`whose admit ${how}, by %s: the connection is refused, and the log says why`, async (_, { fail, text }) => {
      const { server, lines } = await serve(() => 1, { policy: { admit: admit(fail) } });
      await using _server = server;
      const client = await server.connect();
      client.send(request("culprit", "Go", 1));
      expect(await client.rest()).toMatchObject([{ error: "AccessDenied: the policy failed" }]);
      expect(errors(lines)).toEqual([["policy failed to admit a connection", undefined, undefined, text]]);
    });
  }

  const operations: Readonly<Record<string, Fields>> = {
    request: request("culprit", "Go", 1),
    subscribe: { message_types: [Note.name], request_id: "s" },
    discover: { discover: true },
    stats: { stats: true },
  };
  const typeOf: Readonly<Record<string, string>> = { request: "Go", subscribe: Note.name };
  for (const [kind, body] of Object.entries(operations)) {
    test.each(allWays)(`whose authorize fails for ${kind} by %s: it is refused, and the log says why`, async (_, { fail, text }) => {
      const { server, lines } = await serve(() => 1, { policy: { authorize: (_identity, operation) => operation.kind !== kind || fail() } });
      await using _server = server;
      const client = await server.connect();
      expect(await client.ask(body)).toMatchObject({ error: "AccessDenied: the policy failed" });
      expect(await client.ask({ ping: true })).toMatchObject({ success: true });
      expect(errors(lines)).toEqual([["policy failed to authorize", kind === "request" ? "culprit" : undefined, typeOf[kind], text]]);
    });
  }
});

// A spent stack ------------------------------------------------------------------------------------------------------------

describe("a stack that is spent", () => {
  const acts: Readonly<Record<string, Respond>> = {
    "reply.send": ({ reply }) => reply.send({ a: [1, { b: 2n }], c: new Date(0) }),
    "reply.send of much": ({ reply }) => reply.send("x".repeat(60_000)),
    "reply.end": ({ reply }) => reply.end(5),
    "reply.fail": ({ reply }) => reply.fail(new Error("by choice")),
    broadcast: ({ broker }) => broker.broadcast(Note, { a: [1, 2, { b: 3 }] }),
  };
  for (const [what, act] of Object.entries(acts)) {
    for (const format of formats) {
      for (const stream of [false, true]) {
        test(`in ${what} to a ${stream ? "stream" : "request"} in ${format}: one outcome, and its connection goes on`, async () => {
          for (let size = 0; size < 12; size += 2) {
            const { server } = await serve((argument) => atTheBottomOfTheStack(() => act(argument), size));
            await using _server = server;
            const subscriber = await server.connect();
            await subscriber.ask({ message_types: [Note.name], request_id: "s" });
            const client = await server.connect();
            send(client, format, (stream ? streamRequest : request)("culprit", stream ? "GoStream" : "Go", 1, { request_id: "it" }));
            send(client, format, request("echo", "Echo", 2, { request_id: "next" }));
            const isFinal = (frame: Fields): boolean => frame["request_id"] === "it" && (!stream || frame["is_final"] === true);
            const frames: Fields[] = [];
            while (!frames.some(isFinal) || !frames.some((frame) => frame["request_id"] === "next")) frames.push(await client.next());
            await quiet();
            expect(client.frames).toEqual([]);
            const mine = frames.filter((frame) => frame["request_id"] === "it");
            if (stream) expect(mine.map((frame) => frame["sequence"])).toEqual(mine.map((_, index) => index));
            else expect(mine).toHaveLength(1);
            expect(server.listener.stats()).toMatchObject({ requestsInFlight: 0, bytesInFlight: 0, streamsOpen: 0, activeConnections: 2 });
          }
        });
      }
    }
  }
});
