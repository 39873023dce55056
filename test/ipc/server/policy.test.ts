// The policy: who is let in, what they may do, and that a refusal betrays nothing (wire protocol 4, rules 3, 8, 11).

import { expect, test } from "bun:test";
import type { Admission, Operation, Policy } from "acton";
import { quiet } from "../../support/conditions.ts";
import { packedFrame, type RawClient } from "../../support/raw-client.ts";
import { request, streamRequest, TestServer } from "../../support/test-server.ts";
import { Price, Text } from "../../support/test-services.ts";

/** A policy that waits for the test to decide. */
class Gatekeeper implements Policy {
  readonly decisions: ((admission: Admission) => void)[] = [];

  readonly admit = (): Promise<Admission> => new Promise((resolve) => this.decisions.push(resolve));
}

function denying(...kinds: readonly Operation["kind"][]): Policy {
  return { authorize: (_identity, { kind }) => (kinds.includes(kind) ? `no ${kind} for you` : true) };
}

test("the identity that admit gives reaches the handlers, and the peer is what the kernel says", async () => {
  await using server = await TestServer.start({ policy: { admit: ({ uid }) => ({ identity: { role: "admin", uid } }) } });
  const client = await server.connect();
  const answer = await client.ask(request("echo", "Who", {}, { identity: "forged", peer: { uid: 1 } }));
  const uid = process.getuid?.();
  expect(answer["payload"]).toMatchObject({ identity: { role: "admin", uid }, peer: { uid, gid: process.getgid?.(), pid: process.pid } });
  expect(server.listener.stats().connectionsDenied).toBe(0);
});

test("without a policy the peer is known and the identity is not", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  const answer = await client.ask(request("echo", "Who", {}));
  expect(answer["payload"]).toMatchObject({ peer: { uid: process.getuid?.(), connection: 1 } });
  expect(answer["payload"]).not.toHaveProperty("identity");
});

test("frames that come before the admission wait for it, and are answered in order after it", async () => {
  const policy = new Gatekeeper();
  await using server = await TestServer.start({ policy });
  const client = await server.connect();
  for (let n = 0; n < 50; n++) client.send(request("echo", "Echo", n));
  client.shutWrite();
  await server.until(() => policy.decisions.length === 1);
  await quiet();
  expect(server.seen.echoes).toEqual([]);
  policy.decisions[0]?.({ identity: 1 });
  expect((await client.rest()).map((answer) => answer["payload"])).toEqual(Array.from({ length: 50 }, (_, n) => n));
});

test("a refused connection is told AccessDenied with the policy's text in its dialect, and closed", async () => {
  await using server = await TestServer.start({ policy: { admit: () => ({ refused: "members only" }) } });
  const client = await server.connect();
  client.send(request("echo", "Echo", 1, { request_id: "x" }));
  const answers = await client.rest();
  expect(answers).toHaveLength(1);
  expect(answers[0]).toMatchObject({ success: false, payload: null, error: "AccessDenied: members only", error_code: "ACCESS_DENIED" });
  expect(answers[0]).not.toHaveProperty("details");
  expect(server.seen.echoes).toEqual([]);
});

test("a refused connection that says nothing is waited for one second, then told in acton/2 JSON without a payload", async () => {
  await using server = await TestServer.start({ policy: { admit: () => ({ refused: "members only" }) } });
  const client = await server.connect({ uncut: true });
  await server.until(() => server.listener.stats().activeConnections === 1);
  await quiet();
  server.clock.advance(999);
  await quiet();
  expect(client.received).toBe(0);
  server.clock.advance(1);
  await client.until(() => client.ended);
  expect([...client.bytes.subarray(4, 7)]).toEqual([0x02, 0x03, 0x01]);
  const body = JSON.parse(client.bytes.subarray(7).toString()) as Record<string, unknown>;
  expect(body).toMatchObject({ correlation_id: "__acton_connection_rejected__", success: false, error_code: "ACCESS_DENIED" });
  expect(body["error"]).toContain("members only");
  expect(body).not.toHaveProperty("payload");
});

for (const [what, admit] of [
  [
    "throws",
    () => {
      throw new Error("secret detail");
    },
  ],
  ["rejects", () => Promise.reject(new Error("secret detail"))],
] as const) {
  test(`a policy that ${what} keeps the connection out and betrays nothing`, async () => {
    await using server = await TestServer.start({ policy: { admit } });
    const client = await server.connect();
    client.send({ ping: true });
    const [answer] = await client.rest();
    expect(answer).toMatchObject({ error_code: "ACCESS_DENIED" });
    expect(answer?.["error"]).not.toContain("secret detail");
  });
}

test("admissionTimeoutMs: a connection that is not admitted in time is refused", async () => {
  const policy = new Gatekeeper();
  await using server = await TestServer.start({ policy, config: { admissionTimeoutMs: 500 } });
  const client = await server.connect();
  client.send({ ping: true });
  await server.until(() => server.listener.stats().bytesReceived > 0);
  server.clock.advance(499);
  await quiet();
  expect(client.received).toBe(0);
  server.clock.advance(1);
  expect(await client.rest()).toMatchObject([{ success: false, error_code: "ACCESS_DENIED" }]);
  policy.decisions[0]?.({ identity: "too late" });
  await quiet();
  expect(server.listener.stats().activeConnections).toBe(0);
});

test("with the default times, a connection whose admission takes 40 seconds is not closed as idle, and served then", async () => {
  const policy = new Gatekeeper();
  await using server = await TestServer.start({ policy });
  const client = await server.connect();
  client.send({ ping: true, request_id: "p" });
  await server.until(() => server.listener.stats().bytesReceived > 0);
  server.clock.advance(40_000);
  await quiet();
  expect(client.ended).toBe(false);
  policy.decisions[0]?.({ identity: 1 });
  expect(await client.next()).toMatchObject({ request_id: "p", success: true });
});

test("with the default times, a connection that is never admitted is told AccessDenied after 60 seconds", async () => {
  await using server = await TestServer.start({ policy: new Gatekeeper() });
  const client = await server.connect();
  client.send({ ping: true });
  await server.until(() => server.listener.stats().bytesReceived > 0);
  for (let second = 0; second < 60; second++) server.clock.advance(1_000);
  expect(await client.rest()).toMatchObject([{ error_code: "ACCESS_DENIED" }]);
});

test("a connection that leaves before it is admitted leaves nothing behind", async () => {
  const policy = new Gatekeeper();
  await using server = await TestServer.start({ policy });
  const { armed } = server.clock;
  const client = await server.connect();
  await server.until(() => policy.decisions.length === 1);
  client.destroy();
  await server.until(() => server.listener.stats().activeConnections === 0);
  await quiet();
  expect(server.clock.armed).toBe(armed);
  policy.decisions[0]?.({ identity: 1 });
  await quiet();
  expect(server.listener.stats()).toMatchObject({ activeConnections: 0, errors: 0 });
});

const denials: ReadonlyArray<readonly [Operation["kind"], Record<string, unknown>]> = [
  ["request", request("echo", "Echo", 1)],
  ["request", { target: "notes", message_type: "Note", payload: 1 }],
  ["subscribe", { message_types: ["Price"] }],
  ["subscribePattern", { patterns: ["P*"] }],
  ["discover", { discover: true }],
  ["stats", { stats: true }],
];

for (const [kind, body] of denials) {
  test(`a denied ${kind} (${Object.keys(body)[0]}) is AccessDenied with the policy's text; the connection lives`, async () => {
    await using server = await TestServer.start({ policy: denying(kind) });
    const client = await server.connect();
    expect(await client.ask({ ...body, request_id: "d" })).toMatchObject({
      request_id: "d",
      success: false,
      error: `AccessDenied: no ${kind} for you`,
      error_code: "ACCESS_DENIED",
    });
    expect(await client.ask({ ping: true, request_id: "p" })).toMatchObject({ success: true });
    expect(server.seen.notes).toEqual([]);
    expect(server.listener.stats().subscriptions).toBe(0);
  });
}

test("a denied stream is one final frame", async () => {
  await using server = await TestServer.start({ policy: denying("request") });
  const client = await server.connect();
  expect(await client.ask(streamRequest("streams", "Count", { items: 1 }, { request_id: "s" }))).toMatchObject({
    stream_id: "s",
    sequence: 0,
    is_final: true,
    error_code: "ACCESS_DENIED",
  });
});

test("the policy is asked with the identity, the agent and the type, before any name is looked up", async () => {
  const asked: unknown[] = [];
  const policy: Policy = { admit: () => ({ identity: "me" }), authorize: (identity, operation) => void asked.push([identity, operation]) };
  await using server = await TestServer.start({ policy });
  const client = await server.connect();
  await client.ask(request("nobody", "Nothing", 1));
  await client.ask({ message_types: ["Nothing"], patterns: ["N*"], request_id: "s" });
  expect(asked).toEqual([
    ["me", { kind: "request", agent: "nobody", type: "Nothing" }],
    ["me", { kind: "subscribe", type: "Nothing" }],
    ["me", { kind: "subscribePattern", pattern: "N*" }],
  ]);
});

test("reply_to does not reach an agent that the policy denies", async () => {
  const policy: Policy = { authorize: (_identity, operation) => !(operation.kind === "request" && operation.agent === "notes") };
  await using server = await TestServer.start({ policy });
  const client = await server.connect();
  expect(await client.ask({ target: "notes", message_type: "Echoed", payload: 1, request_id: "direct" })).toMatchObject({
    error_code: "ACCESS_DENIED",
  });
  expect(await client.ask(request("echo", "Echo", "smuggled", { request_id: "r", reply_to: "notes" }))).toMatchObject({
    error_code: "ACCESS_DENIED",
  });
  await quiet();
  expect(server.seen.notes).toEqual([]);
});

test("a subscription of which one part is denied applies to nothing", async () => {
  await using server = await TestServer.start({
    policy: { authorize: (_identity, operation) => !("type" in operation && operation.type === "Text") },
  });
  const client = await server.connect();
  expect(await client.ask({ message_types: ["Price", "Text"], patterns: ["Pr*"], request_id: "s" })).toMatchObject({
    error_code: "ACCESS_DENIED",
    subscribed_types: [],
    subscribed_patterns: [],
  });
  expect(server.listener.stats().subscriptions).toBe(0);
});

test("a push that the policy withholds leaves no trace in dropped or seq, and is counted", async () => {
  let allowed = true;
  const policy: Policy = { authorize: (_identity, operation) => operation.kind !== "push" || allowed };
  await using server = await TestServer.start({ policy });
  const client = await server.connect();
  await client.ask({ message_types: ["Text"], request_id: "s" });
  const broker = server.runtime.broker();
  broker.broadcast(Text, 0);
  allowed = false;
  for (let n = 0; n < 5; n++) broker.broadcast(Text, "withheld");
  allowed = true;
  broker.broadcast(Text, 1);
  const pushes = await client.take(2);
  expect(pushes.map((push) => [push["payload"], push["seq"], push["dropped"]])).toEqual([
    [0, 0, undefined],
    [1, 1, undefined],
  ]);
  expect(server.listener.stats()).toMatchObject({ pushesWithheld: 5, pushesDropped: 0, pushesSent: 2 });
});

test("a pattern pushes only what the policy allows of it", async () => {
  const policy: Policy = { authorize: (_identity, operation) => !(operation.kind === "push" && operation.type === "Text") };
  await using server = await TestServer.start({ policy });
  const client = await server.connect();
  await client.ask({ patterns: ["*"], request_id: "s" });
  server.runtime.broker().broadcast(Text, "secret");
  server.runtime.broker().broadcast(Price, { symbol: "A", price: 1 });
  expect(await client.next()).toMatchObject({ message_type: "Price" });
});

test("an authorize that throws refuses, and betrays nothing", async () => {
  await using server = await TestServer.start({
    policy: {
      authorize: () => {
        throw new Error("secret detail");
      },
    },
  });
  const client: RawClient = await server.connect();
  const answer = await client.ask(request("echo", "Echo", 1));
  expect(answer).toMatchObject({ error_code: "ACCESS_DENIED" });
  expect(answer["error"]).not.toContain("secret detail");
});

test("a refused connection that speaks MessagePack is told in MessagePack", async () => {
  await using server = await TestServer.start({ policy: { admit: () => ({ refused: "members only" }) } });
  const client = await server.connect();
  client.write(packedFrame({ ping: true }));
  expect((await client.nextBody())[0]).toBeGreaterThanOrEqual(0x80);
});
