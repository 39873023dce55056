// Draining: new work is refused, what runs is answered, then every connection is closed and the path is free.

import { existsSync } from "node:fs";
import { expect, test } from "bun:test";
import { quiet } from "../../support/conditions.ts";
import { RawClient } from "../../support/raw-client.ts";
import { request, streamRequest, TestServer } from "../../support/test-server.ts";

const drainTimeoutMs = 5_000;

/** Advances the clock until the promise has settled, for at most so long. */
async function within<T>(server: TestServer, ms: number, promise: Promise<T>): Promise<T> {
  let settled = false;
  void promise.then(() => (settled = true));
  await quiet();
  for (let spent = 0; !settled && spent < ms; spent += 100) {
    server.clock.advance(100);
    await quiet();
  }
  if (!settled) throw new Error(`not settled within ${ms} ms`);
  return promise;
}

test("while it drains, new requests and streams get ShuttingDown, on new connections too", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(request("holder", "Hold", 1, { request_id: "open" }));
  await server.until(() => server.seen.held.length === 1);
  void server.listener.shutdown();
  expect(server.listener.stats().draining).toBe(true);
  for (const connection of [client, await server.connect()]) {
    const refused = await connection.ask(request("echo", "Echo", 1, { request_id: "r" }));
    expect(refused).toMatchObject({ request_id: "r", success: false, payload: null, error_code: "SHUTTING_DOWN" });
    expect(refused["error"]).toStartWith("ShuttingDown: ");
    expect(await connection.ask({ target: "notes", message_type: "Note", payload: 1, request_id: "f" })).toMatchObject({
      error_code: "SHUTTING_DOWN",
    });
    expect(await connection.ask(streamRequest("streams", "Count", { items: 1 }, { request_id: "s" }))).toMatchObject({
      stream_id: "s",
      sequence: 0,
      is_final: true,
      error_code: "SHUTTING_DOWN",
    });
  }
  expect(server.seen.notes).toEqual([]);
  expect(server.seen.echoes).toEqual([]);
});

test("while it drains, subscribe, unsubscribe, discover and ping are answered", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(request("holder", "Hold", 1, { request_id: "open" }));
  await server.until(() => server.seen.held.length === 1);
  void server.listener.shutdown();
  for (const body of [{ message_types: ["Price"] }, { patterns: ["P*"] }, { unsubscribe: [] }, { discover: true }, { ping: true }]) {
    expect(await client.ask({ ...body, request_id: "x" })).toMatchObject({ request_id: "x", success: true });
  }
});

test("what runs is answered in full, then every connection is closed and the path is gone", async () => {
  await using server = await TestServer.start();
  const { armed } = server.clock;
  const [client, idle] = [await server.connect(), await server.connect()];
  await idle.ask({ ping: true });
  client.send(request("holder", "Hold", 1, { request_id: "r" }));
  client.send(streamRequest("streams", "Feed", 1, { request_id: "s" }));
  await server.until(() => server.seen.held.length === 1 && server.seen.feeds.length === 1);
  const down = server.listener.shutdown();
  await quiet();
  void server.seen.feed(0).reply.send("item");
  server.seen.feed(0).reply.end();
  server.seen.call(0).reply.end("reply");
  const answers = await client.rest();
  expect(answers).toHaveLength(3);
  expect(answers.at(-1)).toMatchObject({ request_id: "r", payload: "reply" });
  expect(await idle.rest()).toEqual([]);
  expect(await down).toEqual({ lost: 0 });
  expect(existsSync(server.path)).toBe(false);
  expect(server.clock.armed).toBe(armed);
});

test("a client that vanishes during the drain is not waited for", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(request("holder", "Hold", 1, { request_id: "r" }));
  await server.until(() => server.seen.held.length === 1);
  const down = server.listener.shutdown();
  await quiet();
  client.destroy();
  expect(await down).toEqual({ lost: 0 });
});

test("requests that waited for a place when the drain began are answered too", async () => {
  await using server = await TestServer.start({ config: { inFlightMax: 1 } });
  const client = await server.connect();
  for (const id of ["a", "b", "c"]) client.send(request("holder", "Hold", id, { request_id: id }));
  await server.until(() => server.listener.stats().requestsWaiting === 2);
  const down = server.listener.shutdown();
  for (let n = 0; n < 3; n++) {
    await server.until(() => server.seen.held.length === n + 1);
    server.seen.call(n).reply.end(n);
  }
  expect((await client.rest()).map((answer) => answer["payload"])).toEqual([0, 1, 2]);
  expect(await down).toEqual({ lost: 0 });
});

test("drainTimeoutMs: it waits so long and no longer, and counts what it cut off", async () => {
  await using server = await TestServer.start({ config: { drainTimeoutMs } });
  const client = await server.connect();
  for (const id of ["a", "b"]) client.send(request("holder", "Hold", id, { request_id: id, timeout_ms: 1_000_000 }));
  client.send(streamRequest("streams", "Feed", 1, { request_id: "s" }));
  await server.until(() => server.seen.held.length === 2 && server.seen.feeds.length === 1);
  const down = server.listener.shutdown();
  server.clock.advance(drainTimeoutMs - 1);
  await quiet();
  expect(client.ended).toBe(false);
  expect(server.seen.call(0).signal.aborted).toBe(false);
  server.clock.advance(1);
  expect(await down).toEqual({ lost: 3 });
  expect(server.seen.call(0).signal.aborted).toBe(true);
  expect(server.seen.feed(0).signal.aborted).toBe(true);
  await client.until(() => client.ended);
});

test("requests that wait for a place when the drain's time is over are cut off, and counted, like those that run", async () => {
  await using server = await TestServer.start({ config: { drainTimeoutMs, inFlightMax: 1 } });
  const client = await server.connect();
  for (const id of ["a", "b", "c"]) client.send(request("holder", "Hold", id, { request_id: id, timeout_ms: 1_000_000 }));
  await server.until(() => server.listener.stats().requestsWaiting === 2);
  const down = server.listener.shutdown();
  server.clock.advance(drainTimeoutMs);
  expect(await down).toEqual({ lost: 3 });
  expect((await client.rest()).map((answer) => answer["request_id"])).toEqual(["b", "c", "a"]);
});

test("what is cut off at the end of the drain is told so: every request frame gets at least one frame back", async () => {
  await using server = await TestServer.start({ config: { drainTimeoutMs } });
  const client = await server.connect();
  client.send(request("holder", "Hold", 1, { request_id: "r", timeout_ms: 1_000_000 }));
  client.send(streamRequest("streams", "Feed", 1, { request_id: "s" }));
  await server.until(() => server.seen.held.length === 1 && server.seen.feeds.length === 1);
  const down = server.listener.shutdown();
  server.clock.advance(drainTimeoutMs);
  await down;
  const answers = await client.rest();
  expect(answers.find((answer) => answer["request_id"] === "r")).toMatchObject({ success: false });
  expect(answers.find((answer) => answer["stream_id"] === "s")).toMatchObject({ is_final: true });
});

test("a client that does not hang up is closed a moment after everything is said", async () => {
  await using server = await TestServer.start({ config: { drainTimeoutMs } });
  const client = await server.connect();
  client.holdOpen();
  await client.ask({ ping: true });
  const down = server.listener.shutdown();
  await client.until(() => client.ended);
  await quiet();
  server.clock.advance(999);
  await quiet();
  expect(client.gone).toBe(false);
  server.clock.advance(1);
  expect(await down).toEqual({ lost: 0 });
  await client.until(() => client.gone);
});

test("a client that comes while the last one is being closed does not keep the server from ending", async () => {
  await using server = await TestServer.start({ config: { drainTimeoutMs, connectionTimeoutMs: 0 } });
  const slow = await server.connect();
  slow.holdOpen();
  await slow.ask({ ping: true });
  const down = server.listener.shutdown();
  await slow.until(() => slow.ended);
  const late = await RawClient.connect(server.path).catch(() => undefined);
  late?.holdOpen();
  try {
    expect(await within(server, drainTimeoutMs + 2_000, down)).toEqual({ lost: 0 });
  } finally {
    late?.destroy();
  }
});

test("a client that keeps asking does not keep the server from ending", async () => {
  await using server = await TestServer.start({ config: { drainTimeoutMs } });
  const client = await server.connect();
  client.send(request("holder", "Hold", 1, { request_id: "open" }));
  await server.until(() => server.seen.held.length === 1);
  const down = server.listener.shutdown();
  for (let n = 0; n < 20; n++) expect(await client.ask({ ping: true, request_id: `p${n}` })).toMatchObject({ success: true });
  server.seen.call(0).reply.end("reply");
  expect(await within(server, 2_000, down)).toEqual({ lost: 0 });
});

test("half a frame does not keep the server from ending", async () => {
  await using server = await TestServer.start({ config: { drainTimeoutMs } });
  const client = await server.connect();
  client.write(Buffer.from([0, 0, 0, 50, 0x7b]));
  await server.until(() => server.listener.stats().unfinishedBytes === 5);
  expect(await within(server, 2_000, server.listener.shutdown())).toEqual({ lost: 0 });
});

test("a client that does not read does not keep the server from ending beyond the drain's time", async () => {
  await using server = await TestServer.start({ config: { drainTimeoutMs } });
  const client = await server.connect();
  client.send(streamRequest("streams", "Count", { items: 100_000, size: 10_000 }, { request_id: "s" }));
  await client.next();
  client.stopReading();
  await quiet();
  await quiet();
  const result = await within(server, drainTimeoutMs + 2_000, server.listener.shutdown());
  expect(result.lost).toBe(1);
});

test("answers that a slow client has yet to read are flushed within the drain's time", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.stopReading();
  for (let n = 0; n < 4; n++) client.send(request("echo", "Echo", "x".repeat(200_000), { request_id: `${n}` }));
  await server.until(() => server.seen.echoes.length === 4);
  await quiet();
  const shutdown = server.listener.shutdown();
  await quiet();
  // Far beyond the moment that a client has to hang up in.
  server.clock.advance(drainTimeoutMs - 1);
  await quiet();
  client.startReading();
  expect((await client.take(4)).map((reply) => reply["request_id"])).toEqual(["0", "1", "2", "3"]);
  expect(await within(server, 2_000, shutdown)).toEqual({ lost: 0 });
});

test("shutting down twice is one shutdown, and the figures stay readable", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  await client.ask({ ping: true });
  const [one, two] = await Promise.all([server.listener.shutdown(), server.listener.shutdown()]);
  expect(one).toEqual(two);
  expect(server.listener.stats()).toMatchObject({ activeConnections: 0, draining: true, errors: 0 });
});

test("shutdownAll answers what runs, stops the agents and closes the connections", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(request("holder", "Hold", 1, { request_id: "r" }));
  await server.until(() => server.seen.held.length === 1);
  const down = server.runtime.shutdownAll();
  await quiet();
  server.seen.call(0).reply.end("answered");
  expect(await client.next()).toMatchObject({ request_id: "r", payload: "answered" });
  expect(await down).toEqual({ complete: true, lost: 0 });
});

test("the listener's shutdown and the runtime's may overlap: both end as soon as all is answered", async () => {
  await using server = await TestServer.start({ config: { drainTimeoutMs } });
  const client = await server.connect();
  client.send(request("holder", "Hold", 1, { request_id: "r" }));
  await server.until(() => server.seen.held.length === 1);
  const downs = [server.listener.shutdown(), server.runtime.shutdownAll()].map((down) => down.then(() => (ended += 1)));
  let ended = 0;
  await quiet();
  server.seen.call(0).reply.end("answered");
  expect(await client.next()).toMatchObject({ payload: "answered" });
  await quiet();
  expect(ended).toBe(2);
  await Promise.all(downs);
});

test("what had come before the end, and was not read yet, is answered too", async () => {
  await using server = await TestServer.start();
  const [known, fresh] = [await server.connect(), await server.connect()];
  await known.ask({ ping: true });
  known.send(request("echo", "Echo", 1, { request_id: "known" }));
  fresh.send(request("echo", "Echo", 1, { request_id: "fresh" }));
  const down = server.listener.shutdown();
  expect(await known.rest()).toMatchObject([{ request_id: "known", error_code: "SHUTTING_DOWN" }]);
  expect(await fresh.rest()).toMatchObject([{ request_id: "fresh", error_code: "SHUTTING_DOWN" }]);
  expect(await down).toEqual({ lost: 0 });
});
