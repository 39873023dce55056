// How a connection ends: the client's half-close, idleness, errors of the frame, drain, a peer that vanishes, revocation.

import { expect, test } from "bun:test";
import { type Log, type LogFields, silentLog } from "../../../src/log.ts";
import { quiet } from "../../support/conditions.ts";
import { jsonFrame } from "../../support/raw-client.ts";
import { request, streamRequest, TestServer } from "../../support/test-server.ts";
import { Price } from "../../support/test-services.ts";

const idleMs = 30_000;

test("a peer that has shut its write side is answered in full, then closed", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(request("holder", "Hold", 1, { request_id: "slow" }));
  client.send(streamRequest("streams", "Count", { items: 3 }, { request_id: "s" }));
  client.shutWrite();
  expect(await client.take(4)).toHaveLength(4);
  await quiet();
  expect(client.ended).toBe(false);
  server.seen.call(0).reply.end("at last");
  expect(await client.rest()).toEqual([{ request_id: "slow", success: true, payload: "at last", error: null }]);
  await server.until(() => server.listener.stats().activeConnections === 0);
});

test("two hundred requests and a half-close in one write are all answered", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.write(Buffer.concat(Array.from({ length: 200 }, (_, n) => jsonFrame(request("echo", "Echo", n)))));
  client.shutWrite();
  expect((await client.rest()).map((answer) => answer["payload"])).toEqual(Array.from({ length: 200 }, (_, n) => n));
});

test("a half-close while more waits than may be in flight is answered in full", async () => {
  await using server = await TestServer.start({ config: { inFlightMax: 1, waitingBytesMax: 100 } });
  const client = await server.connect();
  client.write(Buffer.concat(Array.from({ length: 50 }, (_, n) => jsonFrame(request("holder", "Hold", n, { request_id: `h${n}` })))));
  client.shutWrite();
  for (let n = 0; n < 50; n++) {
    await server.until(() => server.seen.held.length === n + 1);
    server.seen.call(n).reply.end(n);
  }
  expect(await client.rest()).toHaveLength(50);
});

test("a half-close in the middle of a frame ends the connection, and what came before is answered", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.write(Buffer.concat([jsonFrame(request("echo", "Echo", 1)), jsonFrame({ ping: true }).subarray(0, 7)]));
  client.shutWrite();
  expect(await client.rest()).toMatchObject([{ payload: 1 }]);
});

test("who half-closes and does not read yet has no subscription any more, and half a frame of it is forgotten", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  await client.ask({ message_types: ["Price"], request_id: "s" });
  client.stopReading();
  for (let n = 0; n < 4; n++) client.send(request("echo", "Echo", "x".repeat(200_000), { request_id: `${n}` }));
  client.write(jsonFrame({ ping: true }).subarray(0, 7));
  client.shutWrite();
  await server.until(() => server.listener.stats().subscriptions === 0);
  expect(server.listener.stats()).toMatchObject({ activeConnections: 1, unfinishedBytes: 0 });
  client.startReading();
  expect((await client.rest()).map((answer) => answer["request_id"])).toEqual(["0", "1", "2", "3"]);
});

test("a half-close before any byte ends the connection in silence", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.shutWrite();
  expect(await client.rest()).toEqual([]);
  await server.until(() => server.listener.stats().activeConnections === 0);
  expect(server.listener.stats().errors).toBe(0);
});

test("an idle connection is closed after the connection timeout, and that is no error", async () => {
  await using server = await TestServer.start({ config: { connectionTimeoutMs: idleMs } });
  const client = await server.connect();
  await client.ask({ ping: true });
  server.clock.advance(idleMs - 1);
  await quiet();
  expect(client.ended).toBe(false);
  server.clock.advance(1);
  expect(await client.rest()).toEqual([]);
  expect(server.listener.stats()).toMatchObject({ errors: 0, connectionsClosedIdle: 1 });
});

test("any frame puts the idle close off, an empty one too", async () => {
  await using server = await TestServer.start({ config: { connectionTimeoutMs: idleMs } });
  const client = await server.connect();
  await client.ask({ ping: true });
  for (let round = 0; round < 3; round++) {
    server.clock.advance(idleMs - 1);
    const { bytesReceived } = server.listener.stats();
    client.write(Buffer.alloc(4));
    await server.until(() => server.listener.stats().bytesReceived === bytesReceived + 4);
  }
  server.clock.advance(idleMs - 1);
  await quiet();
  expect(client.ended).toBe(false);
  server.clock.advance(1);
  await client.until(() => client.ended);
});

test("an open request, stream, watch, subscription or pattern keeps a connection from being idle", async () => {
  await using server = await TestServer.start({ config: { connectionTimeoutMs: idleMs } });
  const clients = [await server.connect(), await server.connect(), await server.connect(), await server.connect(), await server.connect()] as const;
  const [asking, streaming, watching, subscribed, patterned] = clients;
  asking.send(request("holder", "Hold", 1, { timeout_ms: 10_000_000 }));
  streaming.send(streamRequest("streams", "Feed", 1));
  watching.send({ watch: "echo", request_id: "w" });
  await subscribed.ask({ message_types: ["Price"], request_id: "s" });
  await patterned.ask({ patterns: ["Pri*"], request_id: "p" });
  await server.until(() => server.seen.held.length === 1 && server.seen.feeds.length === 1 && server.listener.stats().streamsOpen === 2);
  for (let round = 0; round < 10; round++) server.clock.advance(idleMs);
  await quiet();
  for (const client of clients) expect(client.ended).toBe(false);
});

test("a connection is idle from its last answer on, not from its last frame", async () => {
  await using server = await TestServer.start({ config: { connectionTimeoutMs: idleMs } });
  const client = await server.connect();
  client.send(request("holder", "Hold", 1, { request_id: "x", timeout_ms: 10_000_000 }));
  await server.until(() => server.seen.held.length === 1);
  server.clock.advance(idleMs - 100);
  server.seen.call(0).reply.end("answered");
  expect(await client.next()).toMatchObject({ payload: "answered" });
  server.clock.advance(idleMs - 1);
  await quiet();
  expect(client.ended).toBe(false);
  server.clock.advance(1);
  await client.until(() => client.ended);
});

test("a connection whose last answer came late is idle no longer than the timeout after it", async () => {
  await using server = await TestServer.start({ config: { connectionTimeoutMs: idleMs } });
  const client = await server.connect();
  client.send(request("holder", "Hold", 1, { request_id: "x", timeout_ms: 10_000_000 }));
  await server.until(() => server.seen.held.length === 1);
  server.clock.advance(idleMs * 1.5);
  server.seen.call(0).reply.end("answered");
  await client.next();
  server.clock.advance(idleMs);
  await quiet();
  expect(client.ended).toBe(true);
});

test("a connection that has given up its subscriptions is idle again after the connection timeout", async () => {
  await using server = await TestServer.start({ config: { connectionTimeoutMs: idleMs } });
  const client = await server.connect();
  await client.ask({ message_types: ["Price"], request_id: "s" });
  server.clock.advance(10 * idleMs);
  await client.ask({ unsubscribe: [], request_id: "u" });
  server.clock.advance(idleMs - 1);
  await quiet();
  expect(client.ended).toBe(false);
  server.clock.advance(1);
  await client.until(() => client.ended);
});

test("a client that was told the end has a moment to hang up, and a shutdown meanwhile gives it no further one", async () => {
  await using server = await TestServer.start({ config: { connectionTimeoutMs: idleMs } });
  const client = await server.connect();
  client.holdOpen();
  await client.ask({ ping: true });
  server.clock.advance(idleMs);
  await client.until(() => client.ended);
  server.clock.advance(900);
  const down = server.listener.shutdown();
  await quiet();
  expect(client.gone).toBe(false);
  server.clock.advance(100);
  expect(await down).toEqual({ lost: 0 });
});

test("after a frame that was late nothing is read and nothing pushed while what was asked before is answered", async () => {
  await using server = await TestServer.start({ config: { frameTimeoutMs: 1_000 } });
  const client = await server.connect();
  await client.ask({ message_types: ["Price"], request_id: "s" });
  client.send(request("holder", "Hold", 1, { request_id: "r" }));
  const late = jsonFrame(request("echo", "Echo", "late"));
  client.write(late.subarray(0, 7));
  await server.until(() => server.seen.held.length === 1 && server.listener.stats().unfinishedBytes === 7);
  server.clock.advance(1_000);
  expect(await client.next()).toMatchObject({ error_code: "PROTOCOL_ERROR" });
  client.write(late.subarray(7));
  client.send(request("echo", "Echo", "later"));
  server.runtime.broker().broadcast(Price, { symbol: "A", price: 1 });
  await quiet();
  server.seen.call(0).reply.end("answered");
  expect(await client.rest()).toMatchObject([{ request_id: "r", payload: "answered" }]);
  expect(server.seen.echoes).toEqual([]);
});

test("after a frame error what was asked before is answered, what comes after is not read", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  const oversize = Buffer.from([0x7f, 0, 0, 0, 0x7b]);
  client.write(Buffer.concat([jsonFrame(request("echo", "Echo", 1)), oversize, jsonFrame(request("echo", "Echo", 2))]));
  const answers = await client.rest();
  expect(answers).toMatchObject([{ payload: 1 }, { error_code: "PROTOCOL_ERROR" }]);
  expect(server.seen.echoes).toHaveLength(1);
});

test("a frame error while a stream without an id is open is answered, then the connection is closed", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(streamRequest("streams", "Feed", 1));
  await server.until(() => server.seen.feeds.length === 1);
  void server.seen.feed(0).reply.send("item");
  await client.next();
  client.write(Buffer.from([0x7f, 0, 0, 0, 0x7b]));
  await server.until(() => server.seen.feed(0).signal.aborted);
  await quiet();
  server.clock.advance(10_000);
  const answers = await client.rest();
  expect(answers.at(-1)).toMatchObject({ success: false, error_code: "PROTOCOL_ERROR" });
});

test("a frame error ends an open stream with a final frame", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(streamRequest("streams", "Feed", 1, { request_id: "s" }));
  await server.until(() => server.seen.feeds.length === 1);
  client.write(Buffer.from([0x7f, 0, 0, 0, 0x7b]));
  await server.until(() => server.seen.feed(0).signal.aborted);
  await quiet();
  server.clock.advance(10_000);
  const answers = await client.rest();
  expect(answers.find((answer) => answer["error_code"] === "PROTOCOL_ERROR" && answer["request_id"] === null)).toBeDefined();
  expect(answers.find((answer) => answer["stream_id"] === "s")).toMatchObject({ is_final: true });
});

test("a client that vanishes cancels its requests and streams, and their signals abort", async () => {
  await using server = await TestServer.start();
  const { armed } = server.clock;
  const client = await server.connect();
  await client.ask({ message_types: ["Price"], request_id: "p" });
  client.send(request("holder", "Hold", 1, { request_id: "r" }));
  client.send(streamRequest("streams", "Feed", 1, { request_id: "s" }));
  client.write(jsonFrame({ ping: true }).subarray(0, 7));
  await server.until(() => server.seen.feeds.length === 1 && server.listener.stats().unfinishedBytes === 7);
  client.destroy();
  await server.until(() => server.seen.call(0).signal.aborted && server.seen.feed(0).signal.aborted, "aborting the signals");
  server.runtime.broker().broadcast(Price, { symbol: "A", price: 1 });
  expect(server.listener.stats()).toMatchObject({
    activeConnections: 0,
    requestsInFlight: 0,
    streamsOpen: 0,
    requestsWaiting: 0,
    subscriptions: 0,
    unfinishedBytes: 0,
    pushesSent: 0,
  });
  expect(server.clock.armed).toBe(armed);
});

test("a client that vanishes takes its requests out of a busy agent's mailbox", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  for (const n of [0, 1, 2]) client.send(request("alone", "HoldAlone", n, { request_id: `r${n}` }));
  await server.until(() => server.listener.stats().requestsInFlight === 3 && server.seen.held.length === 1);
  client.destroy();
  await server.until(() => server.seen.call(0).signal.aborted);
  await quiet();
  expect(server.seen.held).toHaveLength(1);
});

test("revoking a connection closes it, aborts what runs and drops what is queued", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  for (const n of [0, 1]) client.send(request("alone", "HoldAlone", n, { request_id: `r${n}` }));
  await server.until(() => server.listener.stats().requestsInFlight === 2 && server.seen.held.length === 1);
  const connection = server.seen.call(0).peer?.connection ?? -1;
  expect(server.listener.revoke(connection)).toBe(true);
  expect(server.listener.revoke(connection)).toBe(false);
  await client.until(() => client.gone);
  expect(server.seen.call(0).signal.aborted).toBe(true);
  await quiet();
  expect(server.seen.held).toHaveLength(1);
});

test("the log says where it listens, and why a connection was ended", async () => {
  const lines: [string, LogFields | undefined][] = [];
  const line = (text: string, fields?: LogFields): void => void lines.push([text, fields]);
  const log: Log = { ...silentLog, debug: line, info: line, with: () => log };
  await using server = await TestServer.start({ log });
  expect(lines).toContainEqual(["listening", expect.objectContaining({ path: server.path, pid: process.pid })]);
  const client = await server.connect();
  await client.ask({ ping: true });
  server.listener.revoke(1);
  expect(lines).toContainEqual(["connection terminated", { connection: 1, why: "revoked" }]);
});

test("revoking a connection drops its queued fire-and-forget messages too", async () => {
  await using server = await TestServer.start();
  const [revoked, other] = [await server.connect(), await server.connect()];
  other.send(request("alone", "HoldAlone", 0, { request_id: "busy" }));
  await server.until(() => server.seen.held.length === 1);
  const connection = (await revoked.ask(request("echo", "Who", {})))["payload"] as { peer: { connection: number } };
  await revoked.ask({ target: "alone", message_type: "Note", payload: "from the revoked" });
  expect(server.listener.revoke(connection.peer.connection)).toBe(true);
  server.seen.call(0).reply.end(1);
  await other.next();
  await quiet();
  expect(server.seen.notes).toEqual([]);
});
