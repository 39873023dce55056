// Each error of section 5 that the bare dialect can meet, produced, and what becomes of the connection after it.

import { expect, test } from "bun:test";
import { z } from "zod";
import { ActonError, agent, type AgentRef, type Log, message } from "acton";
import { silentLog } from "../../../src/log.ts";
import { quiet } from "../../support/conditions.ts";
import { type Fields, frameOf, type RawClient } from "../../support/raw-client.ts";
import { request, TestServer } from "../../support/test-server.ts";

const beyondTheDefaultLimit = Buffer.from([0, 0x10, 0, 1, 0x7b]);

function expectFailure(answer: Fields, id: string | null, [variant, code]: readonly [string, string], detail: string | RegExp = /./): void {
  expect(answer).toMatchObject({ request_id: id, success: false, payload: null, error_code: code });
  expect(answer["error"]).toStartWith(`${variant}: `);
  expect((answer["error"] as string).slice(variant.length + 2)).toMatch(detail);
}

async function expectAlive(client: RawClient): Promise<void> {
  expect(await client.ask({ ping: true, request_id: "alive" })).toMatchObject({ request_id: "alive", success: true });
}

test("UnknownMessageType: the type is not registered; the connection lives", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  const answer = await client.ask(request("echo", "InvalidRequest", 1, { request_id: "e" }));
  expectFailure(answer, "e", ["UnknownMessageType", "UNKNOWN_MESSAGE_TYPE"], /is not registered$/);
  expect(answer["error"]).toBe("UnknownMessageType: InvalidRequest is not registered");
  await expectAlive(client);
});

test("AgentNotFound: no agent of that name, or it was hidden; the connection lives", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  expectFailure(await client.ask(request("nobody", "Echo", 1, { request_id: "e" })), "e", ["AgentNotFound", "ACTOR_NOT_FOUND"], "nobody");
  expect(server.runtime.ipcHide("echo")).toBe(true);
  expectFailure(await client.ask(request("echo", "Echo", 1, { request_id: "h" })), "h", ["AgentNotFound", "ACTOR_NOT_FOUND"], "echo");
  await expectAlive(client);
});

test("SerializationError: the payload does not match, and the detail has the field's path; the connection lives", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  const answer = await client.ask(request("echo", "Add", { a: 1, b: "two" }, { request_id: "e" }));
  expectFailure(answer, "e", ["SerializationError", "SERIALIZATION_ERROR"], /payload\.b/);
  await expectAlive(client);
});

const undecodable: ReadonlyArray<readonly [string, Uint8Array | string]> = [
  ["broken JSON", '{"target":'],
  ["bytes after the JSON value", '{"ping":true} x'],
  ["two JSON values", '{"ping":true}{"ping":true}'],
  ["invalid UTF-8", Buffer.concat([Buffer.from('{"target":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')])],
  ["an overlong UTF-8 sequence", Buffer.concat([Buffer.from('{"target":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')])],
  ["a surrogate in UTF-8", Buffer.concat([Buffer.from('{"target":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')])],
  ["white space only", "   "],
  ["a single quote", "{'ping':true}"],
  ["NaN", '{"ping":NaN}'],
  ["128 containers", `{"payload":${"[".repeat(127)}${"]".repeat(127)}}`],
  ["an array behind white space", " [1,2]"],
  ["a number behind white space", " 12"],
];

for (const [what, body] of undecodable) {
  test(`SerializationError: ${what}; the connection lives`, async () => {
    await using server = await TestServer.start();
    const client = await server.connect();
    client.write(frameOf(body));
    expectFailure(await client.next(), null, ["SerializationError", "SERIALIZATION_ERROR"]);
    await expectAlive(client);
  });
}

test("SerializationError: an envelope whose fields are wrong names the field and echoes the id; the connection lives", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  const wrong: ReadonlyArray<readonly [string, Record<string, unknown>]> = [
    ["target", request(5 as unknown as string, "Echo", 1)],
    ["target", { message_type: "Echo", payload: 1 }],
    ["message_type", { target: "echo", payload: 1 }],
    ["message_type", request("echo", null as unknown as string, 1)],
    ["expects_reply", { target: "echo", message_type: "Echo", expects_reply: "yes" }],
    ["expects_stream", { target: "echo", message_type: "Echo", expects_stream: 1 }],
    ["reply_to", request("echo", "Echo", 1, { reply_to: 3 })],
    ["message_types", { message_types: "Price" }],
    ["message_types[1]", { message_types: ["Price", 2] }],
    ["patterns", { patterns: { a: 1 } }],
    ["unsubscribe", { unsubscribe: "Price" }],
  ];
  for (const [field, body] of wrong) {
    const answer = await client.ask({ ...body, request_id: "w" });
    expect(answer).toMatchObject({ request_id: "w", success: false, error_code: "SERIALIZATION_ERROR" });
    expect(answer["error"]).toContain(field);
  }
  await expectAlive(client);
});

test("TargetBusy: the mailbox is full and nothing was enqueued; the connection lives", async () => {
  await using server = await TestServer.start({ limits: { mailboxSize: 2 } });
  const client = await server.connect();
  client.send(request("alone", "HoldAlone", 0, { request_id: "running" }));
  await server.until(() => server.seen.held.length === 1);
  for (const n of [1, 2])
    expect(await client.ask({ target: "alone", message_type: "Note", payload: n, request_id: `n${n}` })).toMatchObject({ success: true });
  expectFailure(await client.ask({ target: "alone", message_type: "Note", payload: 3, request_id: "n3" }), "n3", ["TargetBusy", "TARGET_BUSY"]);
  expectFailure(await client.ask(request("alone", "HoldAlone", 4, { request_id: "n4" })), "n4", ["TargetBusy", "TARGET_BUSY"]);
  server.seen.call(0).reply.end("done");
  expect(await client.next()).toMatchObject({ request_id: "running", success: true });
  await server.until(() => server.seen.notes.length === 2);
  await quiet();
  expect(server.seen.notes).toEqual([1, 2]);
  expect(server.seen.held).toHaveLength(1);
  await expectAlive(client);
});

test("ProtocolError on a frame beyond the limit names length and limit, and the connection is closed", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  await expectAlive(client);
  client.write(beyondTheDefaultLimit);
  const answer = await client.next();
  expectFailure(answer, null, ["ProtocolError", "PROTOCOL_ERROR"], /1048577.*1048576/);
  expect(await client.rest()).toEqual([]);
});

test("ProtocolError on an id in use; the connection lives", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(request("holder", "Hold", 1, { request_id: "x" }));
  expectFailure(await client.ask(request("holder", "Hold", 1, { request_id: "x" })), "x", ["ProtocolError", "PROTOCOL_ERROR"]);
  await expectAlive(client);
});

test("RateLimited says when to come again; the connection lives", async () => {
  await using server = await TestServer.start({ config: { rateLimit: { requestsPerSecond: 10, burstSize: 1 } } });
  const client = await server.connect();
  expect(await client.ask(request("echo", "Echo", 1, { request_id: "1" }))).toMatchObject({ success: true });
  const answer = await client.ask(request("echo", "Echo", 2, { request_id: "2" }));
  expectFailure(answer, "2", ["RateLimited", "RATE_LIMITED"]);
  expect(answer["retry_after_ms"]).toBe(100);
  await expectAlive(client);
});

test("Timeout: no reply in time, and the handler's signal aborts; the connection lives", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(request("holder", "Hold", 1, { request_id: "t", timeout_ms: 100 }));
  await server.until(() => server.seen.held.length === 1);
  const { signal, reply } = server.seen.call(0);
  server.clock.advance(99);
  expect(signal.aborted).toBe(false);
  server.clock.advance(1);
  expect(signal.aborted).toBe(true);
  expectFailure(await client.next(), "t", ["Timeout", "TIMEOUT"]);
  reply.end("late");
  await expectAlive(client);
});

test("NoReply: a handler that returned without replying is told at once; the connection lives", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  expectFailure(await client.ask(request("echo", "Silence", {}, { request_id: "n" })), "n", ["NoReply", "NO_REPLY"]);
  await expectAlive(client);
});

test("a second reply is dropped and logged with the handler's name", async () => {
  const lines: string[] = [];
  const log: Log = { ...silentLog, warn: (text, fields) => void lines.push(`${text} ${JSON.stringify(fields)}`), with: () => log };
  await using server = await TestServer.start({ log });
  const client = await server.connect();
  expect(await client.ask(request("echo", "Twice", {}, { request_id: "d" }))).toMatchObject({ success: true, payload: "first" });
  await expectAlive(client);
  expect(lines.join("\n")).toContain("answersTwice");
});

test("Unhandled: the agent has no handler for a registered type; the connection lives", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  expectFailure(await client.ask(request("holder", "Add", { a: 1, b: 2 }, { request_id: "u" })), "u", ["Unhandled", "UNHANDLED"]);
  await expectAlive(client);
});

test("HandlerFailed has the error's message and never a stack; the connection lives", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  const answer = await client.ask(request("echo", "Fail", { text: "no such thing" }, { request_id: "h" }));
  expectFailure(answer, "h", ["HandlerFailed", "HANDLER_FAILED"]);
  expect(answer["error"]).toBe("HandlerFailed: no such thing");
  const long = await client.ask(request("echo", "Fail", { text: `two\nlines\u001b[31m ${"x".repeat(5000)}` }, { request_id: "l" }));
  expect(long["error"]).not.toMatch(/[\u0000-\u001f]/);
  expect((long["error"] as string).length).toBeLessThan(300);
  await expectAlive(client);
});

for (const [what, value] of [
  ["a function", () => 1],
  ["NaN", { deep: [Number.NaN] }],
  ["a Map", new Map()],
  ["a cycle", cycle()],
  ["bytes, in JSON", new Uint8Array(4)],
  ["more than the frame limit", "x".repeat(1_048_577)],
] as const) {
  test(`HandlerFailed: the reply is ${what}; the connection lives`, async () => {
    await using server = await TestServer.start();
    const client = await server.connect();
    client.send(request("holder", "Hold", 1, { request_id: "h" }));
    await server.until(() => server.seen.held.length === 1);
    server.seen.call(0).reply.end(value);
    expectFailure(await client.next(), "h", ["HandlerFailed", "HANDLER_FAILED"]);
    await expectAlive(client);
  });
}

test("AgentStopped: the agent stops by force with requests running and queued; the connection lives", async () => {
  await using server = await TestServer.start();
  const Stay = message("Stay", {}).replies(message("Stayed", z.any()));
  const stopping = await server.runtime.start(agent("stopping", () => ({})).mutateOn(Stay, () => new Promise<void>(() => {})));
  server.runtime.ipcExpose("stopping", stopping);
  const client = await server.connect();
  client.send(request("stopping", "Stay", {}, { request_id: "running" }));
  client.send(request("stopping", "Stay", {}, { request_id: "queued" }));
  await server.until(() => server.listener.stats().requestsInFlight === 2);
  const stopped = stopping.stop();
  server.clock.advance(10_000);
  await stopped;
  const answers = await client.take(2);
  for (const id of ["running", "queued"]) {
    expectFailure(answers.find((answer) => answer["request_id"] === id) ?? {}, id, ["AgentStopped", "AGENT_STOPPED"]);
  }
  expect(Object.fromEntries(answers.map((answer) => [answer["request_id"], answer["ran"]]))).toEqual({ running: "yes", queued: "no" });
  await expectAlive(client);
});

test("AskCycle names the cycle; the connection lives", async () => {
  await using server = await TestServer.start();
  const Self = message("Self", {}).replies(message("SelfAnswer", z.any()));
  const selfish = agent("selfish", () => ({})).mutateOn(Self, async ({ self, reply }) => {
    try {
      await (self as unknown as AgentRef<typeof Self>).ask(Self, {});
    } catch (error) {
      reply.fail(error);
    }
  });
  server.runtime.ipcExpose("selfish", await server.runtime.start(selfish));
  const client = await server.connect();
  expectFailure(await client.ask(request("selfish", "Self", {}, { request_id: "c" })), "c", ["AskCycle", "ASK_CYCLE"], /selfish.*selfish/);
  await expectAlive(client);
});

test("Cancelled: the client cancelled a request that runs, one that waits, and a stream; the connection lives", async () => {
  await using server = await TestServer.start({ config: { inFlightMax: 1 } });
  const client = await server.connect();
  client.send({ target: "streams", message_type: "Feed", payload: 1, expects_stream: true, request_id: "stream" });
  for (const id of ["running", "waiting", "next"]) client.send(request("holder", "Hold", id, { request_id: id }));
  await server.until(() => server.listener.stats().requestsWaiting === 2);
  expectFailure(await client.ask({ cancel: "waiting" }), "waiting", ["Cancelled", "CANCELLED"]);
  expectFailure(await client.ask({ cancel: "running" }), "running", ["Cancelled", "CANCELLED"]);
  expect(server.seen.call(0).signal.aborted).toBe(true);
  expect(await client.ask({ cancel: "stream" })).toMatchObject({ stream_id: "stream", is_final: true, error_code: "CANCELLED" });
  expect(server.seen.feed(0).signal.aborted).toBe(true);
  await server.until(() => server.seen.held.length === 2);
  expect(server.seen.call(1).message).toBe("next");
  await expectAlive(client);
});

test("a typed failure keeps its code and its details", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(request("holder", "Hold", 1, { request_id: "d" }));
  await server.until(() => server.seen.held.length === 1);
  server.seen.call(0).reply.fail(new ActonError("TARGET_BUSY", "later", { retryAfterMs: 40, details: { queue: 7 } }));
  expect(await client.next()).toMatchObject({
    request_id: "d",
    error: "TargetBusy: later",
    error_code: "TARGET_BUSY",
    retry_after_ms: 40,
    details: { queue: 7 },
  });
});

function cycle(): object {
  const value: Record<string, unknown> = {};
  value["self"] = value;
  return value;
}
