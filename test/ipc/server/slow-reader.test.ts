// A client that does not read: it costs a bounded amount of memory, holds up nobody else, is told what it missed, and
// is closed in the end (wire protocol 4, rules 8 and 9).

import { expect, test } from "bun:test";
import { z } from "zod";
import { agent, message } from "acton";
import { eventually, oneRound, quiet } from "../../support/conditions.ts";
import { jsonFrame, type RawClient } from "../../support/raw-client.ts";
import { request, streamRequest, TestServer } from "../../support/test-server.ts";
import { Text } from "../../support/test-services.ts";

/** What the kernel may hold of one connection, generously. */
const kernelBytes = 1_000_000;

/** Broadcasts text in separate turns until the server has had to drop some. */
async function broadcastUntilDropped(server: TestServer, bytes: number): Promise<number> {
  let sent = 0;
  const text = "x".repeat(bytes);
  while (server.listener.stats().pushesDropped === 0) {
    server.runtime.broker().broadcast(Text, text);
    sent += 1;
    await oneRound();
    if (sent > 100_000) throw new Error("nothing was dropped");
  }
  return sent;
}

test("pushBufferSize: so many pushes wait, the newest beyond are dropped, counted, and told of", async () => {
  await using server = await TestServer.start({ config: { pushBufferSize: 10 } });
  const client = await server.connect();
  await client.ask({ message_types: ["Text"], request_id: "s" });
  client.stopReading();
  let sent = await broadcastUntilDropped(server, 20_000);
  for (let n = 0; n < 6; n++) server.runtime.broker().broadcast(Text, "lost");
  sent += 6;
  expect(server.listener.stats().pushesDropped).toBe(7);
  client.startReading();
  const before = await client.take(sent - 7);
  expect(before.map((push) => push["seq"])).toEqual(Array.from({ length: sent - 7 }, (_, n) => n));
  for (const text of ["next", "after"]) server.runtime.broker().broadcast(Text, text);
  const after = await client.take(2);
  expect(after.map((push) => [push["payload"], push["seq"]])).toEqual([
    ["next", sent],
    ["after", sent + 1],
  ]);
  const told = [...before, ...after].map((push) => push["dropped"]).filter((dropped) => dropped !== undefined);
  expect(told).toEqual([7]);
});

test("pushBufferSize: a larger one drops later", async () => {
  const sentWith = async (pushBufferSize: number): Promise<number> => {
    await using server = await TestServer.start({ config: { pushBufferSize } });
    const client = await server.connect();
    await client.ask({ message_types: ["Text"], request_id: "s" });
    client.stopReading();
    return await broadcastUntilDropped(server, 20_000);
  };
  const small = await sentWith(1);
  const large = await sentWith(51);
  expect(large - small).toBeGreaterThanOrEqual(45);
  expect(large - small).toBeLessThanOrEqual(55);
});

test("a subscriber that does not read holds up neither another nor the broker", async () => {
  await using server = await TestServer.start();
  const [slow, quick] = [await server.connect(), await server.connect()];
  for (const client of [slow, quick]) await client.ask({ message_types: ["Text"], request_id: "s" });
  slow.stopReading();
  const text = "x".repeat(20_000);
  for (let n = 0; n < 500; n++) {
    server.runtime.broker().broadcast(Text, text);
    expect(await quick.next()).toMatchObject({ seq: n });
  }
  expect(server.listener.stats().pushesDropped).toBeGreaterThan(0);
});

test("a stream waits for its reader: the producer is only so far ahead", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  const items = 2_000;
  client.send(streamRequest("streams", "Count", { items, size: 10_000 }, { request_id: "s" }));
  await client.next();
  client.stopReading();
  await settled(() => server.seen.produced);
  const ahead = server.seen.produced * 10_000 - client.received;
  expect(ahead).toBeLessThan(1_048_576 + kernelBytes);
  expect(server.seen.produced).toBeLessThan(items);
  expect(await (await server.connect()).ask(request("echo", "Echo", 1))).toMatchObject({ success: true });
  client.startReading();
  const rest = await client.take(items);
  expect(rest.map((frame) => frame["sequence"])).toEqual(Array.from({ length: items }, (_, n) => n + 1));
  expect(rest.at(-1)).toMatchObject({ is_final: true, payload: null });
});

test("outgoingSoftBytes: above it the connection is not read", async () => {
  await using server = await TestServer.start({ config: { outgoingSoftBytes: 50_000 } });
  const client = await server.connect();
  await client.ask({ ping: true });
  client.stopReading();
  const frame = jsonFrame(request("echo", "Echo", "x".repeat(10_000)));
  const count = 1_000;
  client.write(Buffer.concat(Array.from({ length: count }, () => frame)));
  await settled(() => server.seen.echoes.length);
  expect(server.seen.echoes.length).toBeLessThan(count / 2);
  expect(client.unsent).toBeGreaterThan(0);
  client.startReading();
  expect(await client.take(count)).toHaveLength(count);
});

test("outgoingHardBytes: a client whose oldest answer keeps more than that waiting is closed", async () => {
  await using server = await TestServer.start({ config: { maxMessageSize: 100_000, outgoingSoftBytes: 100_000, outgoingHardBytes: 1_000_000 } });
  const client = await server.connect();
  for (let n = 0; n < 20; n++) client.send(request("holder", "Hold", n));
  await server.until(() => server.seen.held.length === 20);
  // Without an id answers keep the order of their requests: these eleven wait for the first.
  for (let n = 1; n < 12; n++) server.seen.call(n).reply.end("x".repeat(90_000));
  await oneRound();
  expect(server.listener.stats().activeConnections).toBe(1);
  server.seen.call(12).reply.end("x".repeat(90_000));
  await server.until(() => server.listener.stats().activeConnections === 0, "closing the connection");
  expect(server.listener.stats().connectionsClosedSlow).toBe(1);
});

test("a client that reads is not closed for what it may ask at once", async () => {
  await using server = await TestServer.start({ systemTime: true });
  const Page = message("Page", {}).replies(message("PageText", z.string()));
  const page = "x".repeat(400_000);
  server.runtime.ipcExpose("pages", await server.runtime.start(agent("pages", () => ({})).actOn(Page, () => page)));
  const client = await server.connect();
  const count = 64;
  client.write(Buffer.concat(Array.from({ length: count }, (_, n) => jsonFrame(request("pages", "Page", {}, { request_id: `p${n}` })))));
  await client.until(() => client.frames.length === count || client.ended);
  expect(client.frames).toHaveLength(count);
});

test("writeTimeoutMs: a client that reads nothing for that long is closed, and everything of it ends", async () => {
  await using server = await TestServer.start({ config: { writeTimeoutMs: 30_000 } });
  const client = await server.connect();
  client.send(streamRequest("streams", "Count", { items: 100_000, size: 10_000 }, { request_id: "s" }));
  await client.next();
  client.stopReading();
  await settled(() => server.seen.produced);
  server.clock.advance(29_999);
  await quiet();
  expect(server.listener.stats().activeConnections).toBe(1);
  server.clock.advance(1);
  await server.until(() => server.listener.stats().activeConnections === 0);
  await server.until(() => server.seen.left === 1, "leaving the generator");
  expect(server.listener.stats()).toMatchObject({ connectionsClosedSlow: 1, streamsOpen: 0 });
});

test("writeTimeoutMs: a client that reads a little in time is not closed", async () => {
  await using server = await TestServer.start({ config: { writeTimeoutMs: 30_000 } });
  const client = await server.connect();
  client.send(streamRequest("streams", "Count", { items: 100_000, size: 10_000 }, { request_id: "s" }));
  await client.next();
  for (let round = 0; round < 5; round++) {
    client.stopReading();
    await settled(() => server.seen.produced);
    server.clock.advance(29_999);
    const { bytesSent } = server.listener.stats();
    client.startReading();
    await server.until(() => server.listener.stats().bytesSent > bytesSent);
  }
  expect(server.listener.stats().activeConnections).toBe(1);
});

test("a subscriber that reads nothing is closed after the write timeout, subscriptions or not", async () => {
  await using server = await TestServer.start({ config: { writeTimeoutMs: 30_000 } });
  const client = await server.connect();
  await client.ask({ message_types: ["Text"], request_id: "s" });
  client.stopReading();
  await broadcastUntilDropped(server, 20_000);
  server.clock.advance(30_000);
  await server.until(() => server.listener.stats().activeConnections === 0);
  expect(server.listener.stats().subscriptions).toBe(0);
});

test("a reader that stops in a stream without an id does not make the answers behind it grow", async () => {
  await using server = await TestServer.start({ config: { maxMessageSize: 200_000, outgoingSoftBytes: 200_000, outgoingHardBytes: 400_000 } });
  const client = await server.connect();
  client.send(streamRequest("streams", "Feed", 1));
  for (let n = 0; n < 60; n++) client.send(request("echo", "Echo", "x".repeat(20_000)));
  await settled(() => server.seen.echoes.length);
  // 1.2 MB of answers wait behind the stream: the server may stop reading or give the client up, not hold them all.
  expect(server.seen.echoes.length * 20_000).toBeLessThan(600_000);
});

test("a client that is not read resumes where it was", async () => {
  await using server = await TestServer.start({ config: { outgoingSoftBytes: 10_000 } });
  const client: RawClient = await server.connect();
  const frames = Array.from({ length: 300 }, (_, n) => jsonFrame(request("echo", "Echo", { n, filler: "x".repeat(5_000) })));
  client.write(Buffer.concat(frames));
  client.shutWrite();
  const answers = await client.rest();
  expect(answers.map((answer) => (answer["payload"] as { n: number }).n)).toEqual(Array.from({ length: 300 }, (_, n) => n));
});

/** Resolves when the figure has stopped changing. */
async function settled(figure: () => number): Promise<void> {
  let last = -1;
  await eventually(() => figure() > 0);
  while (last !== figure()) {
    last = figure();
    await quiet();
  }
}
