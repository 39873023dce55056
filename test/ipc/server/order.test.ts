// Which answer comes when: by id as they finish, without id as they were asked (wire protocol 4, rules 2 and 3).

import { expect, test } from "bun:test";
import { quiet } from "../../support/conditions.ts";
import { jsonFrame } from "../../support/raw-client.ts";
import { request, streamRequest, TestServer } from "../../support/test-server.ts";

test("requests with ids are answered as they finish", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(request("holder", "Hold", "slow", { request_id: "slow" }));
  client.send(request("holder", "Hold", "slower", { request_id: "slower" }));
  expect(await client.ask(request("echo", "Echo", 1, { request_id: "fast" }))).toMatchObject({ request_id: "fast" });
  server.seen.call(1).reply.end(2);
  expect(await client.next()).toMatchObject({ request_id: "slower", payload: 2 });
  server.seen.call(0).reply.end(1);
  expect(await client.next()).toMatchObject({ request_id: "slow", payload: 1 });
});

test("requests without ids are answered in the order in which they were sent", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  for (const n of [0, 1, 2]) client.send(request("holder", "Hold", n));
  client.send(request("echo", "Echo", "quick"));
  await server.until(() => server.seen.held.length === 3 && server.seen.echoes.length === 1);
  for (const n of [2, 1]) server.seen.call(n).reply.end(n);
  await quiet();
  expect(client.frames).toEqual([]);
  server.seen.call(0).reply.end(0);
  expect((await client.take(4)).map((answer) => answer["payload"])).toEqual([0, 1, 2, "quick"]);
});

test("failures, acknowledgements, pings and discovery without ids keep their place too", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(request("holder", "Hold", 0));
  client.send(request("nobody", "Echo", 0));
  client.send({ target: "notes", message_type: "Note", payload: 1 });
  client.send({ ping: true });
  client.send({ discover: true });
  client.send({ stats: true });
  client.send({ nonsense: true });
  client.send({ message_types: ["Nothing"] });
  client.send(request("echo", "Echo", "last"));
  await server.until(() => server.seen.echoes.length === 1);
  await quiet();
  expect(client.frames).toEqual([]);
  server.seen.call(0).reply.end("first");
  const answers = await client.take(9);
  expect(answers[0]).toMatchObject({ payload: "first" });
  expect(answers[1]).toMatchObject({ error_code: "ACTOR_NOT_FOUND" });
  expect(answers[2]).toMatchObject({ payload: { status: "delivered" } });
  expect(answers[3]).toMatchObject({ success: true, payload: null });
  expect(answers[4]).toHaveProperty("message_types");
  expect(answers[5]).toHaveProperty("payload.active_connections");
  expect(answers[6]).toMatchObject({ error_code: "SERIALIZATION_ERROR" });
  expect(answers[7]).toMatchObject({ error_code: "UNKNOWN_MESSAGE_TYPE" });
  expect(answers[8]).toMatchObject({ payload: "last" });
});

test("a request with an id overtakes those without", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(request("holder", "Hold", 0));
  expect(await client.ask(request("echo", "Echo", 1, { request_id: "x" }))).toMatchObject({ request_id: "x" });
  server.seen.call(0).reply.end(0);
  expect(await client.next()).toMatchObject({ request_id: null, payload: 0 });
});

test("a stream without an id holds its place until its final frame", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(streamRequest("streams", "Feed", "a"));
  client.send(request("echo", "Echo", "after"));
  await server.until(() => server.seen.feeds.length === 1 && server.seen.echoes.length === 1);
  void server.seen.feed(0).reply.send("one");
  expect(await client.next()).toMatchObject({ sequence: 0, payload: "one", is_final: false });
  void server.seen.feed(0).reply.send("two");
  expect(await client.next()).toMatchObject({ sequence: 1, payload: "two", is_final: false });
  server.seen.feed(0).reply.end();
  expect(await client.next()).toMatchObject({ sequence: 2, payload: null, is_final: true });
  expect(await client.next()).toMatchObject({ request_id: null, payload: "after" });
});

test("a second stream without an id comes whole after the first", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(streamRequest("streams", "Feed", "a"));
  client.send(streamRequest("streams", "Count", { items: 3 }));
  await server.until(() => server.seen.feeds.length === 1 && server.seen.produced > 0);
  void server.seen.feed(0).reply.send("one");
  server.seen.feed(0).reply.end("end");
  const frames = await client.take(6);
  expect(frames.map((frame) => frame["payload"])).toEqual(["one", "end", 0, 1, 2, null]);
  expect(frames[0]?.["stream_id"]).toBe(frames[1]?.["stream_id"]);
  expect(frames[2]?.["stream_id"]).not.toBe(frames[0]?.["stream_id"]);
});

test("an id that is still in use is a ProtocolError for the second, and the first is answered", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(request("holder", "Hold", 1, { request_id: "same" }));
  expect(await client.ask(request("echo", "Echo", 2, { request_id: "same" }))).toMatchObject({
    request_id: "same",
    success: false,
    error_code: "PROTOCOL_ERROR",
  });
  server.seen.call(0).reply.end("first");
  expect(await client.next()).toMatchObject({ request_id: "same", success: true, payload: "first" });
});

test("an id may be used again once it has been answered", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  for (const n of [1, 2, 3])
    expect(await client.ask(request("echo", "Echo", n, { request_id: "again" }))).toMatchObject({ success: true, payload: n });
});

test("an id in use by a stream is a ProtocolError for a request, in fire-and-forget too", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(streamRequest("streams", "Feed", 1, { request_id: "s" }));
  expect(await client.ask(request("echo", "Echo", 2, { request_id: "s" }))).toMatchObject({ error_code: "PROTOCOL_ERROR" });
  expect(await client.ask({ target: "notes", message_type: "Note", payload: 1, request_id: "s" })).toMatchObject({ error_code: "PROTOCOL_ERROR" });
  expect(server.seen.notes).toEqual([]);
});

test("an id in use by one connection is free on another", async () => {
  await using server = await TestServer.start();
  const [one, other] = [await server.connect(), await server.connect()];
  one.send(request("holder", "Hold", 1, { request_id: "x" }));
  await server.until(() => server.seen.held.length === 1);
  expect(await other.ask(request("echo", "Echo", 2, { request_id: "x" }))).toMatchObject({ request_id: "x", success: true });
});

test("an id of a request that waits for its place is in use too", async () => {
  await using server = await TestServer.start({ config: { inFlightMax: 1 } });
  const client = await server.connect();
  client.send(request("holder", "Hold", 1, { request_id: "running" }));
  client.send(request("holder", "Hold", 2, { request_id: "waiting" }));
  expect(await client.ask(request("echo", "Echo", 3, { request_id: "waiting" }))).toMatchObject({
    request_id: "waiting",
    error_code: "PROTOCOL_ERROR",
  });
});

test("messages of one connection reach an agent in the order in which they were sent", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  const frames = Array.from({ length: 200 }, (_, n) => jsonFrame({ target: "notes", message_type: "Note", payload: n, request_id: `n${n}` }));
  client.write(Buffer.concat(frames));
  await client.take(200);
  await server.until(() => server.seen.notes.length === 200);
  expect(server.seen.notes).toEqual(Array.from({ length: 200 }, (_, n) => n));
});
