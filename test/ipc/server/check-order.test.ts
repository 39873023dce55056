// A request that is wrong in several ways is told the first of them: drain, rate limit, body, policy, agent, type,
// payload, mailbox (wire protocol 4, rule 3). And what opens a connection decides what it may speak (1).

import { expect, test } from "bun:test";
import type { Policy } from "acton";
import { type Fields, frameOf, jsonFrame, type RawClient } from "../../support/raw-client.ts";
import { request, TestServer } from "../../support/test-server.ts";

const denyAll: Policy = { authorize: (_identity, { kind }) => kind !== "request" };
const noTokens = { rateLimit: { requestsPerSecond: 1, burstSize: 1 } };

async function spendToken(client: RawClient): Promise<void> {
  await client.ask(request("echo", "Echo", 0, { request_id: "token" }));
}

async function startDraining(server: TestServer, client: RawClient): Promise<void> {
  client.send(request("holder", "Hold", 0, { request_id: "open" }));
  await server.until(() => server.seen.held.length === 1);
  void server.listener.drain();
}

test("the drain comes before the rate limit", async () => {
  await using server = await TestServer.start({ config: noTokens });
  const client = await server.connect();
  await startDraining(server, client);
  expect(await client.ask(request("echo", "Echo", 1, { request_id: "x" }))).toMatchObject({ request_id: "x", error_code: "SHUTTING_DOWN" });
});

test("the drain comes before the body", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  await startDraining(server, client);
  expect(await client.ask({ target: 5, message_type: "Echo", request_id: "x" })).toMatchObject({ request_id: "x", error_code: "SHUTTING_DOWN" });
});

test("the rate limit comes before the body", async () => {
  await using server = await TestServer.start({ config: noTokens });
  const client = await server.connect();
  await spendToken(client);
  expect(await client.ask({ target: 5, message_type: "Echo", request_id: "x" })).toMatchObject({ request_id: "x", error_code: "RATE_LIMITED" });
  client.write(frameOf('{"broken'));
  expect(await client.next()).toMatchObject({ request_id: null, error_code: "RATE_LIMITED" });
});

test("the body comes before the policy", async () => {
  await using server = await TestServer.start({ policy: denyAll });
  const client = await server.connect();
  expect(await client.ask(request("echo", "Echo", 1, { request_id: "x", timeout_ms: "soon" }))).toMatchObject({ error_code: "SERIALIZATION_ERROR" });
});

test("the policy comes before the agent, so that a refusal betrays no name", async () => {
  await using server = await TestServer.start({ policy: denyAll });
  const client = await server.connect();
  const known = await client.ask(request("echo", "Echo", 1, { request_id: "x" }));
  const unknown = await client.ask(request("nobody", "Nothing", 1, { request_id: "x" }));
  expect(known).toMatchObject({ error_code: "ACCESS_DENIED" });
  expect(unknown).toEqual(known);
});

test("the agent comes before the type", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  expect(await client.ask(request("nobody", "Nothing", 1))).toMatchObject({ error_code: "ACTOR_NOT_FOUND" });
});

test("the type comes before the payload, and the payload before the mailbox", async () => {
  await using server = await TestServer.start({ limits: { mailboxSize: 1 } });
  const client = await server.connect();
  expect(await client.ask(request("echo", "Nothing", { a: "x" }))).toMatchObject({ error_code: "UNKNOWN_MESSAGE_TYPE" });
  client.send(request("alone", "HoldAlone", 0, { request_id: "running" }));
  await server.until(() => server.seen.held.length === 1);
  expect(await client.ask({ target: "alone", message_type: "Note", payload: 1, request_id: "fills" })).toMatchObject({ success: true });
  expect(await client.ask(request("alone", "Add", { a: "x" }, { request_id: "p" }))).toMatchObject({ error_code: "SERIALIZATION_ERROR" });
});

test("a refusal of the drain or the rate limit has the shape of the answer it replaces", async () => {
  await using server = await TestServer.start({ config: noTokens });
  const client = await server.connect();
  await spendToken(client);
  const stream = { target: "streams", message_type: "Count", payload: { items: 1 }, expects_stream: true, request_id: "s" };
  expect(await client.ask(stream)).toMatchObject({
    stream_id: "s",
    request_id: "s",
    sequence: 0,
    is_final: true,
    error_code: "RATE_LIMITED",
    retry_after_ms: 1000,
  });
  expect(await client.ask({ message_types: ["Price"], request_id: "t" })).toMatchObject({
    request_id: "t",
    success: false,
    error_code: "RATE_LIMITED",
    retry_after_ms: 1000,
    subscribed_types: [],
    subscribed_patterns: [],
  });
});

for (const byte of [0x00, 0x03, 0x04, 0x07, 0x08]) {
  test(`a connection that begins with version byte ${byte} is told UnsupportedProtocolVersion in acton/2 JSON, and closed`, async () => {
    await using server = await TestServer.start();
    const client = await server.connect({ uncut: true });
    client.write(Buffer.from([0, 0, 0, 2, byte, 1, 0x7b, 0x7d]));
    const { header, body } = actonFrame(await everything(client));
    expect(header).toEqual([0x02, 0x03, 0x01]);
    expect(body).toMatchObject({ correlation_id: "__acton_connection_rejected__", success: false, error_code: "UNSUPPORTED_PROTOCOL_VERSION" });
  });
}

for (const byte of [0x0b, 0x0c, 0x0e, 0x1f, 0x21, 0x5b, 0x22, 0x31, 0x7a, 0x7c, 0x7f, 0x90, 0xa1, 0xc0, 0xdd, 0xe0, 0xef, 0xff]) {
  test(`a connection that begins with byte 0x${byte.toString(16)} is told ProtocolError in bare JSON, once, and closed`, async () => {
    await using server = await TestServer.start();
    const client = await server.connect();
    client.write(Buffer.from([0, 0, 0, 3, byte, 0x7d, 0x7d]));
    client.write(jsonFrame({ ping: true, request_id: "ignored" }));
    const answers = await client.rest();
    expect(answers).toHaveLength(1);
    expect(answers[0]).toMatchObject({ request_id: null, success: false, payload: null, error_code: "PROTOCOL_ERROR" });
  });
}

test("the first byte decides before its frame is whole", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.write(Buffer.from([0, 0, 1, 0, 0x5b]));
  expect(await client.next()).toMatchObject({ error_code: "PROTOCOL_ERROR" });
  expect(await client.rest()).toEqual([]);
});

test("a later frame that is neither JSON nor MessagePack is a ProtocolError, and the connection is closed", async () => {
  for (const first of [0x00, 0x01, 0x02, 0x5b, 0x90, 0xc0]) {
    await using server = await TestServer.start();
    const client = await server.connect();
    await client.ask({ ping: true, request_id: "p" });
    client.write(frameOf(Buffer.from([first, 0x5d])));
    expect(await client.next()).toMatchObject({ success: false, error_code: "PROTOCOL_ERROR" });
    expect(await client.rest()).toEqual([]);
  }
});

async function everything(client: RawClient): Promise<Buffer> {
  await client.until(() => client.ended);
  return client.bytes;
}

function actonFrame(bytes: Buffer): { readonly header: readonly number[]; readonly body: Fields } {
  expect(bytes.length).toBe(7 + bytes.readUInt32BE(0));
  return { header: [...bytes.subarray(4, 7)], body: JSON.parse(bytes.subarray(7).toString()) as Fields };
}
