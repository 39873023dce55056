// How much one client may have open at once, and all clients together: requests, streams, what waits for a place, and
// the time that all of them have.

import { expect, test } from "bun:test";
import { quiet } from "../../support/conditions.ts";
import { jsonFrame, type RawClient } from "../../support/raw-client.ts";
import { request, streamRequest, TestServer } from "../../support/test-server.ts";

function hold(client: RawClient, id: string, more: Record<string, unknown> = {}): void {
  client.send(request("holder", "Hold", id, { request_id: id, ...more }));
}

test("inFlightMax: so many requests run at once, the next runs when one of them has ended", async () => {
  await using server = await TestServer.start({ config: { inFlightMax: 2 } });
  const client = await server.connect();
  for (const id of ["a", "b", "c", "d"]) hold(client, id);
  await server.until(() => server.listener.stats().requestsWaiting === 2);
  expect(server.seen.held.map((call) => call.message)).toEqual(["a", "b"]);
  expect(server.listener.stats().requestsInFlight).toBe(2);
  server.seen.call(1).reply.end("done");
  expect(await client.next()).toMatchObject({ request_id: "b" });
  await server.until(() => server.seen.held.length === 3);
  expect(server.seen.call(2).message).toBe("c");
  expect(server.listener.stats().requestsWaiting).toBe(1);
});

test("inFlightMax: what waits on one connection does not hold up another", async () => {
  await using server = await TestServer.start({ config: { inFlightMax: 1 } });
  const [full, other] = [await server.connect(), await server.connect()];
  for (const id of ["a", "b"]) hold(full, id);
  await server.until(() => server.listener.stats().requestsWaiting === 1);
  expect(await other.ask(request("echo", "Echo", 1))).toMatchObject({ success: true });
});

test("a request that waits for its place times out by its own time, counted from its arrival", async () => {
  await using server = await TestServer.start({ config: { inFlightMax: 1 } });
  const client = await server.connect();
  hold(client, "running", { timeout_ms: 1_000_000 });
  hold(client, "waiting", { timeout_ms: 100 });
  await server.until(() => server.listener.stats().requestsWaiting === 1);
  server.clock.advance(100);
  await quiet();
  expect(client.frames).toHaveLength(1);
  expect(await client.next()).toMatchObject({ request_id: "waiting", error_code: "TIMEOUT" });
  expect(server.seen.held).toHaveLength(1);
});

test("streams count apart: one starts while requests wait for their places", async () => {
  await using server = await TestServer.start({ config: { inFlightMax: 1 } });
  const client = await server.connect();
  for (const id of ["a", "b"]) hold(client, id);
  await server.until(() => server.listener.stats().requestsWaiting === 1);
  client.send(streamRequest("streams", "Count", { items: 1 }, { request_id: "s" }));
  await quiet();
  expect(client.frames).toHaveLength(2);
});

test("pings, subscriptions and unsubscriptions do not wait for a place", async () => {
  await using server = await TestServer.start({ config: { inFlightMax: 1 } });
  const client = await server.connect();
  for (const id of ["a", "b"]) hold(client, id);
  expect(await client.ask({ message_types: ["Price"], request_id: "s" })).toMatchObject({ request_id: "s", success: true });
  expect(await client.ask({ unsubscribe: ["Price"], request_id: "u" })).toMatchObject({ request_id: "u", success: true });
  expect(await client.ask({ ping: true, request_id: "p" })).toMatchObject({ request_id: "p", success: true });
});

test("inFlightTotalMax: so many requests run on all connections together, and those that wait take turns", async () => {
  await using server = await TestServer.start({ config: { inFlightTotalMax: 2 } });
  const [one, two, three] = [await server.connect(), await server.connect(), await server.connect()];
  hold(one, "1");
  hold(two, "2");
  await server.until(() => server.listener.stats().requestsInFlight === 2);
  hold(three, "3");
  await server.until(() => server.listener.stats().requestsWaiting === 1);
  expect(server.seen.held).toHaveLength(2);
  server.seen.call(0).reply.end("done");
  await one.next();
  await server.until(() => server.seen.held.length === 3);
  expect(server.listener.stats()).toMatchObject({ requestsInFlight: 2, requestsWaiting: 0 });
});

test("inFlightTotalMax: a client that vanishes gives its places to others", async () => {
  await using server = await TestServer.start({ config: { inFlightTotalMax: 2 } });
  const [leaving, waiting] = [await server.connect(), await server.connect()];
  for (const id of ["1", "2", "3"]) hold(leaving, id);
  await server.until(() => server.listener.stats().requestsWaiting === 1);
  for (const id of ["4", "5"]) hold(waiting, id);
  await server.until(() => server.listener.stats().requestsWaiting === 3);
  leaving.destroy();
  await server.until(() => server.seen.held.length === 4);
  expect(server.seen.held.slice(2).map((call) => call.message)).toEqual(["4", "5"]);
  expect(server.listener.stats()).toMatchObject({ requestsInFlight: 2, requestsWaiting: 0 });
});

test("waitingBytesMax: beyond it the connection is not read, and nothing is lost", async () => {
  await using server = await TestServer.start({ config: { inFlightMax: 1, waitingBytesMax: 10_000 } });
  const client = await server.connect();
  const frame = jsonFrame(request("holder", "Hold", "x".repeat(900)));
  const count = 2_000;
  client.write(Buffer.concat(Array.from({ length: count }, () => frame)));
  await server.until(() => server.listener.stats().requestsWaiting > 0);
  await quiet();
  const { requestsWaiting } = server.listener.stats();
  const bodyBytes = frame.length - 4;
  expect(requestsWaiting * bodyBytes).toBeGreaterThan(10_000);
  expect((requestsWaiting - 1) * bodyBytes).toBeLessThanOrEqual(10_000);
  expect(client.unsent).toBeGreaterThan(0);
  for (let n = 0; n < count; n++) {
    await server.until(() => server.seen.held.length > n);
    server.seen.call(n).reply.end(n);
  }
  expect((await client.take(count)).map((answer) => answer["payload"])).toEqual(Array.from({ length: count }, (_, n) => n));
});

test("streamsMax: so many streams are open at once, the next is told TargetBusy", async () => {
  await using server = await TestServer.start({ config: { streamsMax: 2 } });
  const client = await server.connect();
  for (const id of ["a", "b"]) client.send(streamRequest("streams", "Feed", id, { request_id: id }));
  await server.until(() => server.seen.feeds.length === 2);
  client.send(streamRequest("streams", "Feed", "c", { request_id: "c" }));
  expect(await client.next()).toMatchObject({ stream_id: "c", is_final: true, error_code: "TARGET_BUSY" });
  server.seen.feed(0).reply.end();
  expect(await client.next()).toMatchObject({ stream_id: "a", is_final: true });
  client.send(streamRequest("streams", "Feed", "d", { request_id: "d" }));
  await server.until(() => server.seen.feeds.length === 3);
});

test("the default is 64 requests in flight and 128 streams on one connection", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  for (let n = 0; n < 65; n++) hold(client, `h${n}`);
  await server.until(() => server.listener.stats().requestsWaiting === 1);
  expect(server.seen.held).toHaveLength(64);
  const other = await server.connect();
  for (let n = 0; n < 129; n++) other.send(streamRequest("streams", "Feed", n, { request_id: `s${n}` }));
  expect(await other.next()).toMatchObject({ stream_id: "s128", error_code: "TARGET_BUSY" });
  expect(server.seen.feeds).toHaveLength(128);
});

test("requestTimeoutMs: a request that names no time has this long", async () => {
  await using server = await TestServer.start({ config: { requestTimeoutMs: 700, connectionTimeoutMs: 0 } });
  const client = await server.connect();
  hold(client, "a");
  await server.until(() => server.seen.held.length === 1);
  server.clock.advance(699);
  await quiet();
  expect(client.frames).toEqual([]);
  server.clock.advance(1);
  expect(await client.next()).toMatchObject({ request_id: "a", error_code: "TIMEOUT" });
});

test("a request that names its own time has that, shorter or longer", async () => {
  await using server = await TestServer.start({ config: { requestTimeoutMs: 700, connectionTimeoutMs: 0 } });
  const client = await server.connect();
  hold(client, "short", { timeout_ms: 10 });
  hold(client, "long", { timeout_ms: 5000 });
  await server.until(() => server.seen.held.length === 2);
  server.clock.advance(10);
  expect(await client.next()).toMatchObject({ request_id: "short", error_code: "TIMEOUT" });
  server.clock.advance(4989);
  await quiet();
  expect(client.frames).toEqual([]);
  server.clock.advance(1);
  expect(await client.next()).toMatchObject({ request_id: "long", error_code: "TIMEOUT" });
});

test("a reply that comes after its time is dropped, and the next call of that id is its own", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  hold(client, "x", { timeout_ms: 10 });
  await server.until(() => server.seen.held.length === 1);
  server.clock.advance(10);
  expect(await client.next()).toMatchObject({ error_code: "TIMEOUT" });
  hold(client, "x");
  await server.until(() => server.seen.held.length === 2);
  server.seen.call(0).reply.end("of the first");
  server.seen.call(1).reply.end("of the second");
  expect(await client.next()).toMatchObject({ request_id: "x", success: true, payload: "of the second" });
  expect(await client.ask({ ping: true, request_id: "p" })).toMatchObject({ request_id: "p" });
});

test("thousands that wait and are refused as their turn comes are answered one after the other, each", async () => {
  await using server = await TestServer.start({ config: { inFlightMax: 1 } });
  const client = await server.connect();
  hold(client, "first");
  const waiting = 10_000;
  client.write(Buffer.concat(Array.from({ length: waiting }, (_, n) => jsonFrame(request("notes", "Echo", n, { request_id: `w${n}` })))));
  await server.until(() => server.listener.stats().requestsWaiting === waiting);
  server.seen.call(0).reply.end("done");
  const refused = (await client.take(waiting + 1)).filter((answer) => answer["request_id"] !== "first");
  expect(refused.every((answer, n) => answer["request_id"] === `w${n}` && answer["success"] === false)).toBe(true);
  expect(server.listener.stats().requestsInFlight).toBe(0);
});

test("a client that vanishes while it is not read is noticed, and its handlers learn of it", async () => {
  await using server = await TestServer.start({ config: { inFlightMax: 1, waitingBytesMax: 1024, frameTimeoutMs: 1_000, connectionTimeoutMs: 0 } });
  const client = await server.connect();
  for (let n = 0; n < 200; n++) hold(client, `${n}`, { payload: "x".repeat(2_000), timeout_ms: 1_000_000_000 });
  await server.until(() => server.listener.stats().requestsWaiting > 0);
  await quiet();
  client.destroy();
  await quiet();
  server.clock.advance(1_000);
  await server.until(() => server.listener.stats().activeConnections === 0);
  expect(server.seen.call(0).signal.aborted).toBe(true);
});

test("inFlightBytesMax: with so many bytes in flight the next request waits for some of them, whoever holds them", async () => {
  const body = Buffer.byteLength(JSON.stringify(request("holder", "Hold", "a", { request_id: "a" })));
  await using server = await TestServer.start({ config: { inFlightBytesMax: 3 * body } });
  const [one, two] = [await server.connect(), await server.connect()];
  for (const id of ["a", "b"]) hold(one, id);
  hold(two, "c");
  await server.until(() => server.seen.held.length === 3);
  expect(server.listener.stats()).toMatchObject({ bytesInFlight: 3 * body, requestsWaiting: 0 });
  hold(one, "d");
  hold(two, "e");
  await server.until(() => server.listener.stats().requestsWaiting === 2);
  expect(server.seen.held).toHaveLength(3);
  server.seen.call(2).reply.end("done");
  await two.next();
  // What was given back goes to the one that has waited longest; the other has nothing in flight, and may have one.
  await server.until(() => server.seen.held.length === 5);
  expect(server.seen.held.slice(3).map((call) => call.message)).toEqual(["d", "e"]);
  expect(server.listener.stats()).toMatchObject({ bytesInFlight: 4 * body, requestsWaiting: 0 });
});

test("inFlightBytesMax: one byte less is room for another request", async () => {
  const body = Buffer.byteLength(JSON.stringify(request("holder", "Hold", "a", { request_id: "a" })));
  await using server = await TestServer.start({ config: { inFlightBytesMax: 3 * body + 1 } });
  const client = await server.connect();
  for (const id of ["a", "b", "c", "d", "e"]) hold(client, id);
  await server.until(() => server.listener.stats().requestsWaiting === 1);
  expect(server.seen.held).toHaveLength(4);
});

test("inFlightBytesMax: a connection that holds nothing may have one call whatever the others hold", async () => {
  await using server = await TestServer.start({ config: { inFlightBytesMax: 1 } });
  const [greedy, small] = [await server.connect(), await server.connect()];
  for (const id of ["a", "b"]) hold(greedy, id);
  await server.until(() => server.listener.stats().requestsWaiting === 1);
  for (const id of ["1", "2", "3"]) expect(await small.ask(request("echo", "Echo", id, { request_id: id }))).toMatchObject({ success: true });
  small.send(streamRequest("streams", "Feed", "s", { request_id: "s" }));
  await server.until(() => server.seen.feeds.length === 1);
});

test("inFlightBytesMax: an open stream holds its bytes too, and another one is told TargetBusy", async () => {
  await using server = await TestServer.start({ config: { inFlightBytesMax: 1 } });
  const client = await server.connect();
  client.send(streamRequest("streams", "Feed", "a", { request_id: "a" }));
  await server.until(() => server.seen.feeds.length === 1);
  client.send(streamRequest("streams", "Feed", "b", { request_id: "b" }));
  expect(await client.next()).toMatchObject({ stream_id: "b", is_final: true, error_code: "TARGET_BUSY", error: expect.stringContaining("1 bytes") });
  expect(server.listener.stats().errorsByCode).toEqual({ TARGET_BUSY: 1 });
  hold(client, "c");
  await server.until(() => server.listener.stats().requestsWaiting === 1);
  server.seen.feed(0).reply.end();
  expect(await client.next()).toMatchObject({ stream_id: "a", is_final: true });
  await server.until(() => server.seen.held.length === 1);
});

test("inFlightBytesMax: a client that vanishes gives its bytes to others", async () => {
  await using server = await TestServer.start({ config: { inFlightBytesMax: 1 } });
  const [leaving, waiting] = [await server.connect(), await server.connect()];
  hold(leaving, "a");
  hold(waiting, "b");
  hold(waiting, "c");
  await server.until(() => server.listener.stats().requestsWaiting === 1);
  leaving.destroy();
  await server.until(() => server.listener.stats().activeConnections === 1);
  expect(server.listener.stats()).toMatchObject({ requestsInFlight: 1, requestsWaiting: 1 });
  server.seen.call(1).reply.end("done");
  await server.until(() => server.seen.held.length === 3);
  await waiting.next();
  waiting.destroy();
  await server.until(() => server.listener.stats().bytesInFlight === 0);
});
