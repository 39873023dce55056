// Acton connections that are turned away: one frame that its client reports to every open call, in acton/2 JSON, then the end.

import { expect, test } from "bun:test";
import type { Admission, Policy } from "acton";
import { quiet } from "../../support/conditions.ts";
import type { Fields } from "../../support/raw-client.ts";
import { type ServeOptions, TestServer } from "../../support/test-server.ts";
import { type ActonClient, connectActon, echo, kinds, rejected, type Spelling, spellings } from "./support.ts";

const limitReached = {
  correlation_id: rejected,
  success: false,
  error: "Server refused the connection: connection limit reached (1 concurrent connections)",
  error_code: "CONNECTION_LIMIT_REACHED",
  payload: { limit: 1 },
};

function denied(error: string): Fields {
  return { correlation_id: rejected, success: false, error, error_code: "ACCESS_DENIED" };
}

async function expectRejection(client: ActonClient, body: Fields): Promise<void> {
  const frames = await client.rest();
  expect(frames).toHaveLength(1);
  expect(frames[0]).toMatchObject({ version: 2, kind: kinds.error, format: "json" });
  expect(frames[0]?.fields).toEqual(body);
}

async function full(): Promise<TestServer> {
  const server = await TestServer.start({ config: { maxConnections: 1 } });
  const first = await connectActon(server);
  expect((await first.request(echo("a", 1))).fields["success"]).toBe(true);
  return server;
}

test.each([...spellings])("above the connection limit a client of %s is told the limit, once, and nothing of it runs", async (spelling: Spelling) => {
  await using server = await full();
  const client = await connectActon(server, spelling);
  for (let n = 0; n < 3; n++) client.send(kinds.request, { ...echo(`r${n}`, n), expects_reply: true });
  await expectRejection(client, limitReached);
  await quiet();
  expect(server.seen.echoes).toHaveLength(1);
});

test("above the connection limit a silent client is told after one second", async () => {
  await using server = await full();
  const client = await connectActon(server);
  await server.until(() => server.listener.stats().connectionsRefused === 1);
  server.clock.advance(999);
  await quiet();
  expect(client.raw.received).toBe(0);
  server.clock.advance(1);
  await expectRejection(client, limitReached);
});

test("above the connection limit a version out of range is told the limit as well", async () => {
  await using server = await full();
  const client = await connectActon(server);
  client.write(Buffer.from([0, 0, 0, 2, 0x03, 1, 1, 0x7b, 0x7d]));
  await expectRejection(client, limitReached);
});

async function refusing(admit: Policy["admit"], config: ServeOptions["config"] = {}): Promise<TestServer> {
  return TestServer.start({ policy: { admit }, config });
}

test.each([...spellings])(
  "a client of %s that the policy does not admit is told ACCESS_DENIED in the policy's words, without a payload",
  async (spelling: Spelling) => {
    await using server = await refusing(() => ({ refused: "Unrecognized peer" }));
    const client = await connectActon(server, spelling);
    client.send(kinds.request, { ...echo("r", 1), expects_reply: true });
    await expectRejection(client, denied("Unrecognized peer"));
    expect(server.seen.echoes).toEqual([]);
  },
);

test("a silent client that the policy does not admit is told after a second", async () => {
  await using server = await refusing(() => ({ refused: "Unrecognized peer" }));
  const client = await connectActon(server);
  await server.until(() => server.listener.stats().activeConnections === 1);
  await quiet();
  server.clock.advance(1_000);
  await expectRejection(client, denied("Unrecognized peer"));
});

test("a connection that is not admitted in time is told so; what it sent meanwhile never runs", async () => {
  await using server = await refusing(() => new Promise(() => {}), { admissionTimeoutMs: 500 });
  const client = await connectActon(server, "msgpack");
  client.send(kinds.request, { ...echo("r", 1), expects_reply: true });
  await server.until(() => server.listener.stats().bytesReceived > 0);
  server.clock.advance(499);
  await quiet();
  expect(client.raw.received).toBe(0);
  server.clock.advance(1);
  await expectRejection(client, denied("Connection admission timed out"));
  expect(server.seen.echoes).toEqual([]);
});

test("frames that come before the admission are answered after it, in their own versions and formats", async () => {
  const admission = Promise.withResolvers<Admission>();
  await using server = await refusing(() => admission.promise);
  const client = await connectActon(server);
  for (const spelling of spellings) client.send(kinds.request, { ...echo(spelling, 1), expects_reply: true }, spelling);
  await server.until(() => server.listener.stats().bytesReceived > 0);
  await quiet();
  expect(client.raw.received).toBe(0);
  admission.resolve({ identity: "somebody" });
  const answers = await client.take(3);
  expect(answers.map(({ version, format, fields }) => [version, format, fields["correlation_id"], fields["success"]])).toEqual([
    [1, "json", "v1", true],
    [2, "json", "json", true],
    [2, "msgpack", "msgpack", true],
  ]);
});

test("an idle acton connection is closed after 60 seconds, a bare one after 30", async () => {
  await using server = await TestServer.start();
  const acton = await connectActon(server);
  expect((await acton.request(echo("a", 1))).fields["success"]).toBe(true);
  const bare = await server.connect();
  await bare.ask({ ping: true });
  server.clock.advance(30_000);
  await bare.until(() => bare.ended);
  server.clock.advance(29_999);
  await quiet();
  expect(acton.raw.ended).toBe(false);
  server.clock.advance(1);
  await acton.raw.until(() => acton.raw.ended);
  expect(server.listener.stats()).toMatchObject({ connectionsClosedIdle: 2, errors: 0 });
});

test("an idle acton connection that sends heartbeats, or holds a subscription, is not closed", async () => {
  await using server = await TestServer.start();
  const beating = await connectActon(server);
  const subscribed = await connectActon(server);
  await subscribed.ask(kinds.subscribe, { correlation_id: "s", message_types: ["Price"] });
  for (let n = 0; n < 10; n++) {
    await beating.expectNothingElse();
    server.clock.advance(20_000);
    await quiet();
  }
  await beating.expectNothingElse();
  await subscribed.expectNothingElse();
});
