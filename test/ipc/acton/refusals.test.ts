// A refusal has the shape of the answer it replaces, whatever refused it: rate limit, drain, policy or a malformed body.

import { expect, test } from "bun:test";
import type { Operation, Policy } from "acton";
import type { Fields } from "../../support/raw-client.ts";
import { type ServeOptions, TestServer } from "../../support/test-server.ts";
import { type ActonClient, connectActon, echo, envelope, formats, kinds } from "./support.ts";

interface Asked {
  readonly what: string;
  readonly kind: number;
  readonly body: Fields;
  /** What the refusal is beside its error. */
  readonly refusalKind: number;
  readonly shape: Fields;
  /** Whether `error` begins with the code. */
  readonly coded: boolean;
}

const correlation_id = "c";
const response = { refusalKind: kinds.error, shape: { correlation_id, success: false }, coded: false };
const request: Asked = { what: "request", kind: kinds.request, body: { ...echo("c", 1), expects_reply: true }, ...response };
const delivery: Asked = { what: "delivery", kind: kinds.request, body: envelope("c", "notes", "Note", 1), ...response };
const stream: Asked = {
  what: "stream",
  kind: kinds.request,
  body: envelope("c", "streams", "Count", { items: 1 }, { expects_stream: true }),
  refusalKind: kinds.stream,
  shape: { correlation_id, sequence: 0, is_final: true },
  coded: false,
};
const subscription = { refusalKind: kinds.error, shape: { correlation_id, success: false, subscribed_types: [] }, coded: true };
const subscribe: Asked = { what: "subscribe", kind: kinds.subscribe, body: { correlation_id, message_types: ["Price"] }, ...subscription };
const unsubscribe: Asked = { what: "unsubscribe", kind: kinds.unsubscribe, body: { correlation_id, message_types: ["Price"] }, ...subscription };
const patterns = { refusalKind: kinds.response, shape: { correlation_id, success: false, subscribed_patterns: [] }, coded: true };
const subscribePatterns: Asked = {
  what: "subscribe patterns",
  kind: kinds.subscribePatterns,
  body: { correlation_id, patterns: ["Pr*"] },
  ...patterns,
};
const unsubscribePatterns: Asked = {
  what: "unsubscribe patterns",
  kind: kinds.unsubscribePatterns,
  body: { correlation_id, patterns: ["Pr*"] },
  ...patterns,
};
const discover: Asked = {
  what: "discover",
  kind: kinds.discover,
  body: { correlation_id },
  refusalKind: kinds.error,
  shape: { correlation_id, success: false },
  coded: true,
};
const stats: Asked = { what: "stats", kind: kinds.stats, body: { correlation_id }, ...response };

/** `extra` is what stands beside error and error_code. Subscription and discovery answers have no error_code of their own. */
async function expectRefusal(client: ActonClient, asked: Asked, failure: { code: string; error: string | RegExp; extra?: Fields }): Promise<void> {
  const answer = await client.ask(asked.kind, asked.body);
  expect(answer).toMatchObject({ version: 2, kind: asked.refusalKind, format: client.spelling });
  const { error, error_code, ...rest } = answer.fields;
  expect(rest).toEqual({ ...asked.shape, ...failure.extra });
  expect(error_code).toBe(asked.coded ? undefined : failure.code);
  const text = asked.coded ? String(error).slice(failure.code.length + 2) : String(error);
  if (asked.coded) expect(error).toStartWith(`${failure.code}: `);
  if (typeof failure.error === "string") expect(text).toBe(failure.error);
  else expect(text).toMatch(failure.error);
}

async function eachFormat(options: ServeOptions, run: (server: TestServer, client: ActonClient) => Promise<void>): Promise<void> {
  for (const format of formats) {
    await using server = await TestServer.start(options);
    await run(server, await connectActon(server, format));
  }
}

test.each([request, delivery, stream, subscribe, subscribePatterns])(
  "a $what beyond the rate is RATE_LIMITED in its own shape, and says when to come again",
  async (asked) => {
    await eachFormat({ config: { rateLimit: { requestsPerSecond: 100, burstSize: 1 } } }, async (server, client) => {
      expect((await client.request(echo("first", 1))).fields["success"]).toBe(true);
      await expectRefusal(client, asked, { code: "RATE_LIMITED", error: "Rate limit exceeded, retry after 10ms", extra: { retry_after_ms: 10 } });
      server.clock.advance(10);
      expect((await client.request(echo("again", 1))).fields["success"]).toBe(true);
    });
  },
);

test("discover, heartbeat and statistics cost no token", async () => {
  await using server = await TestServer.start({ config: { rateLimit: { requestsPerSecond: 1, burstSize: 1 } } });
  const client = await connectActon(server);
  expect((await client.request(echo("first", 1))).fields["success"]).toBe(true);
  expect((await client.ask(kinds.discover, { correlation_id })).fields["success"]).toBe(true);
  expect((await client.ask(kinds.heartbeat, Buffer.alloc(0))).kind).toBe(kinds.heartbeat);
  expect((await client.ask(kinds.stats, { correlation_id })).fields["success"]).toBe(true);
});

test("a malformed discovery costs no token either", async () => {
  await using server = await TestServer.start({ config: { rateLimit: { requestsPerSecond: 1, burstSize: 1 } } });
  const client = await connectActon(server);
  expect((await client.ask(kinds.discover, {})).fields["error"]).toStartWith("SERIALIZATION_ERROR: ");
  expect((await client.request(echo("first", 1))).fields["success"]).toBe(true);
  expect((await client.ask(kinds.discover, {})).fields["error"]).toStartWith("SERIALIZATION_ERROR: ");
});

/** A server that drains while one request runs, and the client that sent it. */
async function draining(run: (client: ActonClient, server: TestServer) => Promise<void>): Promise<void> {
  await eachFormat({}, async (server, client) => {
    client.send(kinds.request, envelope("running", "holder", "Hold", 1, { expects_reply: true }));
    await server.until(() => server.seen.held.length === 1);
    const drained = server.listener.drain();
    await run(client, server);
    server.seen.call(0).reply.end("done");
    expect((await client.next()).fields).toEqual({ correlation_id: "running", success: true, payload: "done" });
    await drained;
  });
}

test.each([request, delivery, stream])("a $what while the server drains is SHUTTING_DOWN in its own shape, on new connections too", async (asked) => {
  await draining(async (client, server) => {
    await expectRefusal(client, asked, { code: "SHUTTING_DOWN", error: "Server is shutting down" });
    await expectRefusal(await connectActon(server, client.spelling), asked, { code: "SHUTTING_DOWN", error: "Server is shutting down" });
  });
});

test("subscribe, unsubscribe, patterns, discover, heartbeat and statistics are answered while the server drains", async () => {
  await draining(async (client) => {
    for (const asked of [subscribe, unsubscribe, subscribePatterns, unsubscribePatterns, discover, stats]) {
      expect((await client.ask(asked.kind, asked.body)).fields).toMatchObject({ correlation_id, success: true });
    }
    expect((await client.ask(kinds.heartbeat, Buffer.from("x"))).raw.toString()).toBe("x");
  });
});

test("what is wrong with a subscription, a pattern or a discovery is said while the server drains", async () => {
  await draining(async (client) => {
    for (const asked of [subscribe, subscribePatterns, discover]) {
      await expectRefusal(
        client,
        { ...asked, body: {}, shape: { ...asked.shape, correlation_id: "unknown" } },
        { code: "SERIALIZATION_ERROR", error: /^Serialization error: / },
      );
    }
  });
});

function denying(...denied: ReadonlyArray<Operation["kind"]>): Policy {
  return { authorize: (_identity, { kind }) => (denied.includes(kind) ? "Capability missing" : true) };
}

test.each([request, delivery, stream, subscribe, subscribePatterns, discover, stats])(
  "a $what that the policy denies is ACCESS_DENIED in the policy's own words",
  async (asked) => {
    await eachFormat({ policy: denying("request", "subscribe", "subscribePattern", "discover", "stats") }, async (_server, client) => {
      await expectRefusal(client, asked, { code: "ACCESS_DENIED", error: "Capability missing" });
      await client.expectNothingElse();
    });
  },
);

test.each([
  { ...request, body: { correlation_id, message_type: "Echo", payload: 1 }, problem: "target" },
  { ...request, body: { correlation_id, target: "echo", payload: 1 }, problem: "message_type" },
  { ...request, body: { ...request.body, expects_reply: "yes" }, problem: "expects_reply" },
  { ...stream, body: { ...stream.body, target: 5 }, problem: "target" },
  { ...stream, body: { ...stream.body, stream_window: -1 }, problem: "stream_window" },
  { ...subscribe, body: { correlation_id }, problem: "message_types" },
  { ...subscribe, body: { correlation_id, message_types: ["Price", 2] }, problem: "message_types[1]" },
  { ...unsubscribe, body: { correlation_id, message_types: "Price" }, problem: "message_types" },
  { ...subscribePatterns, body: { correlation_id, patterns: 3 }, problem: "patterns" },
  { ...unsubscribePatterns, body: { correlation_id }, problem: "patterns" },
  { ...discover, body: { correlation_id, include_actors: "all" }, problem: "include_actors" },
])("a $what with a wrong $problem is SERIALIZATION_ERROR in its own shape, and names the field", async ({ problem, ...asked }) => {
  await eachFormat({}, async (_server, client) => {
    await expectRefusal(client, asked, { code: "SERIALIZATION_ERROR", error: /^Serialization error: / });
    expect((await client.ask(asked.kind, asked.body)).fields["error"]).toContain(problem);
    await client.expectNothingElse();
  });
});

test.each([request, subscribe, unsubscribe, subscribePatterns, unsubscribePatterns, discover, stats])(
  "a $what without a body is SERIALIZATION_ERROR in its own shape, under the correlation unknown",
  async (asked) => {
    await eachFormat({}, async (_server, client) => {
      const answer = await client.ask(asked.kind, Buffer.alloc(0));
      expect(answer).toMatchObject({ kind: asked.refusalKind, format: client.spelling });
      expect(answer.fields).toMatchObject({ ...asked.shape, correlation_id: "unknown" });
      expect(answer.fields["error"]).toContain("Serialization error: ");
      await client.expectNothingElse();
    });
  },
);

test("the policy is asked before any name is looked up, and the payload after the type", async () => {
  await using server = await TestServer.start({ policy: denying("request") });
  const client = await connectActon(server);
  expect((await client.request(envelope("c", "nobody", "Nope", 1))).fields["error_code"]).toBe("ACCESS_DENIED");
});
