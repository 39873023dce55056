// Connections above the limit: told so in the dialect of their first bytes, in acton/2 when there are none, then closed.

import { expect, test } from "bun:test";
import { quiet } from "../../support/conditions.ts";
import { jsonFrame, packedFrame, type RawClient } from "../../support/raw-client.ts";
import { request, TestServer } from "../../support/test-server.ts";

async function fullServer(maxConnections = 1): Promise<TestServer> {
  const server = await TestServer.start({ config: { maxConnections } });
  for (let n = 0; n < maxConnections; n++) await (await server.connect()).ask({ ping: true });
  return server;
}

function expectActonRefusal(bytes: Buffer): void {
  expect(bytes.length).toBe(7 + bytes.readUInt32BE(0));
  expect([...bytes.subarray(4, 7)]).toEqual([0x02, 0x03, 0x01]);
  expect(JSON.parse(bytes.subarray(7).toString())).toMatchObject({
    correlation_id: "__acton_connection_rejected__",
    success: false,
    error_code: "CONNECTION_LIMIT_REACHED",
    payload: { limit: 1 },
  });
}

async function bytesUntilEnd(client: RawClient): Promise<Buffer> {
  await client.until(() => client.ended);
  return client.bytes;
}

test("maxConnections: so many are served, the next is told ConnectionLimitReached in bare JSON, and closed", async () => {
  await using server = await fullServer(3);
  const refused = await server.connect();
  refused.send(request("echo", "Echo", 1, { request_id: "x" }));
  const answers = await refused.rest();
  expect(answers).toHaveLength(1);
  expect(answers[0]).toMatchObject({ success: false, payload: null, error_code: "CONNECTION_LIMIT_REACHED" });
  expect(answers[0]?.["error"]).toMatch(/^ConnectionLimitReached: .*3/);
  expect(server.seen.echoes).toEqual([]);
  expect(server.listener.stats()).toMatchObject({ activeConnections: 3, connectionsRefused: 1, errorsByCode: { CONNECTION_LIMIT_REACHED: 1 } });
});

test("a place is free again as soon as a client has left", async () => {
  await using server = await TestServer.start({ config: { maxConnections: 1 } });
  for (let round = 0; round < 5; round++) {
    const client = await server.connect();
    expect(await client.ask({ ping: true })).toMatchObject({ success: true });
    client.destroy();
    await server.until(() => server.listener.stats().activeConnections === 0);
  }
});

test("a refused client that speaks MessagePack is told in MessagePack", async () => {
  await using server = await fullServer();
  const refused = await server.connect();
  refused.write(packedFrame({ ping: true }));
  expect((await refused.nextBody())[0]).toBeGreaterThanOrEqual(0x80);
});

test("a refused client that says nothing is waited for one second, then told in acton/2 JSON", async () => {
  await using server = await fullServer();
  const refused = await server.connect({ uncut: true });
  await server.until(() => server.listener.stats().connectionsRefused === 1);
  server.clock.advance(999);
  await quiet();
  expect(refused.received).toBe(0);
  expect(refused.ended).toBe(false);
  server.clock.advance(1);
  expectActonRefusal(await bytesUntilEnd(refused));
});

test("a refused client of acton is told in acton/2 JSON", async () => {
  await using server = await fullServer();
  const refused = await server.connect({ uncut: true });
  refused.write(Buffer.from([0, 0, 0, 2, 0x02, 0x04, 0x01, 0x7b, 0x7d]));
  expectActonRefusal(await bytesUntilEnd(refused));
});

test("a refused client that sends one byte at a time is told once its dialect is known", async () => {
  await using server = await fullServer();
  const refused = await server.connect();
  for (const byte of jsonFrame({ ping: true }).subarray(0, 5)) {
    refused.write(Buffer.from([byte]));
    await quiet();
  }
  expect(await refused.rest()).toMatchObject([{ error_code: "CONNECTION_LIMIT_REACHED" }]);
});

test("a refused client that half-closes is told at once", async () => {
  await using server = await fullServer();
  const refused = await server.connect({ uncut: true });
  refused.shutWrite();
  expectActonRefusal(await bytesUntilEnd(refused));
});

test("a refused client that has sent much more than one frame still gets its answer, not a reset", async () => {
  await using server = await fullServer();
  for (let round = 0; round < 20; round++) {
    const refused = await server.connect();
    refused.write(Buffer.concat(Array.from({ length: 50 }, () => jsonFrame({ ping: true, pad: "x".repeat(1000) }))));
    expect(await refused.next()).toMatchObject({ error_code: "CONNECTION_LIMIT_REACHED" });
    refused.destroy();
  }
});

test("a refused client that never hangs up is closed a moment later", async () => {
  await using server = await fullServer();
  const refused = await server.connect();
  refused.holdOpen();
  refused.send({ ping: true });
  await refused.until(() => refused.ended);
  expect(refused.gone).toBe(false);
  server.clock.advance(1_000);
  await refused.until(() => refused.gone);
});

test("of more refused clients than 64 that do not hang up, the oldest is closed, told why in its own dialect", async () => {
  await using server = await fullServer();
  const refused: RawClient[] = [];
  for (let n = 0; n < 64; n++) {
    const client = await server.connect();
    client.holdOpen();
    if (n === 0) expect(await client.ask({ ping: true })).toMatchObject({ error_code: "CONNECTION_LIMIT_REACHED" });
    refused.push(client);
  }
  const [told, silent] = refused as [RawClient, RawClient];
  expect(told.gone).toBe(false);
  (await server.connect()).holdOpen();
  await told.until(() => told.gone);
  expect([silent.ended, silent.received]).toEqual([false, 0]);
  (await server.connect()).holdOpen();
  await silent.until(() => silent.gone);
  expect(silent.received).toBeGreaterThan(0);
  expect(server.listener.stats()).toMatchObject({ activeConnections: 1, connectionsRefused: 66 });
});

test("refusals do not disturb those who are served, and leave nothing behind", async () => {
  await using server = await TestServer.start({ config: { maxConnections: 1 } });
  const served = await server.connect();
  await served.ask({ ping: true });
  const armed = server.clock.armed;
  for (let round = 0; round < 100; round++) {
    const refused = await server.connect();
    if (round % 2 === 0) refused.send({ ping: true });
    if (round % 2 === 0) await refused.next();
    refused.destroy();
  }
  expect(await served.ask(request("echo", "Echo", 7))).toMatchObject({ payload: 7 });
  await server.until(() => server.clock.armed === armed, "the timers of refused connections");
});

test("more connections than three quarters of the open-file limit are refused at start, with the number to set", async () => {
  const start = TestServer.start({ config: { maxConnections: 1_000_000 } });
  await expect(start).rejects.toMatchObject({ code: "INVALID_CONFIG" });
  await expect(start).rejects.toThrow(/1000000.*\d+/);
});
