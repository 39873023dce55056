// Streams of the bare dialect: items at once, one final frame, one deadline (wire protocol 3, 4 rule 4).

import { expect, test } from "bun:test";
import { request, streamRequest, TestServer } from "../../support/test-server.ts";

test("a stream is its items in sequence and one final frame with payload null", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(streamRequest("streams", "Count", { items: 3 }, { request_id: "s" }));
  expect(await client.take(4)).toEqual([
    { stream_id: "s", request_id: "s", sequence: 0, payload: 0, is_final: false },
    { stream_id: "s", request_id: "s", sequence: 1, payload: 1, is_final: false },
    { stream_id: "s", request_id: "s", sequence: 2, payload: 2, is_final: false },
    { stream_id: "s", request_id: "s", sequence: 3, payload: null, is_final: true },
  ]);
});

test("an empty stream is one final frame", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(streamRequest("streams", "Count", { items: 0 }, { request_id: "s" }));
  expect(await client.next()).toEqual({ stream_id: "s", request_id: "s", sequence: 0, payload: null, is_final: true });
});

test("a generator's return value is on the final frame", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(streamRequest("streams", "Count", { items: 1, last: "bye" }, { request_id: "s" }));
  expect((await client.take(2))[1]).toMatchObject({ sequence: 1, payload: "bye", is_final: true });
});

test("reply.end(value) puts the value on the final frame", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(streamRequest("streams", "Feed", 1, { request_id: "s" }));
  await server.until(() => server.seen.feeds.length === 1);
  server.seen.feed(0).reply.end({ total: 0 });
  expect(await client.next()).toEqual({ stream_id: "s", request_id: "s", sequence: 0, payload: { total: 0 }, is_final: true });
});

test("a stream without an id has one of the server's making, and no request_id", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(streamRequest("streams", "Count", { items: 1 }));
  const [item, final] = await client.take(2);
  expect(item?.["stream_id"]).toBeString();
  expect(item?.["stream_id"]).not.toBe("");
  expect(final?.["stream_id"]).toBe(item?.["stream_id"]);
  expect(item?.["request_id"] ?? null).toBeNull();
});

test("an item leaves at once, while the next is not made yet", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(streamRequest("streams", "Feed", 1, { request_id: "s" }));
  await server.until(() => server.seen.feeds.length === 1);
  for (const n of [0, 1, 2]) {
    void server.seen.feed(0).reply.send(n);
    expect(await client.next()).toMatchObject({ sequence: n, payload: n, is_final: false });
  }
});

test("two streams and a request run beside each other on one connection", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(streamRequest("streams", "Feed", 1, { request_id: "a" }));
  client.send(streamRequest("streams", "Feed", 2, { request_id: "b" }));
  await server.until(() => server.seen.feeds.length === 2);
  void server.seen.feed(1).reply.send("b0");
  expect(await client.next()).toMatchObject({ stream_id: "b", payload: "b0" });
  expect(await client.ask(request("echo", "Echo", 1, { request_id: "r" }))).toMatchObject({ request_id: "r" });
  void server.seen.feed(0).reply.send("a0");
  expect(await client.next()).toMatchObject({ stream_id: "a", payload: "a0", sequence: 0 });
});

test("expects_stream wins over expects_reply", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(streamRequest("streams", "Count", { items: 1 }, { request_id: "s", expects_reply: true }));
  expect((await client.take(2)).map((frame) => frame["is_final"])).toEqual([false, true]);
});

const refusals = [
  ["to an unknown agent", { target: "nobody", message_type: "Count", payload: { items: 1 } }, "ACTOR_NOT_FOUND"],
  ["of an unknown type", { target: "streams", message_type: "Nothing", payload: null }, "UNKNOWN_MESSAGE_TYPE"],
  ["with a wrong payload", { target: "streams", message_type: "Count", payload: { items: "x" } }, "SERIALIZATION_ERROR"],
  ["that the agent does not handle", { target: "streams", message_type: "Echo", payload: 1 }, "UNHANDLED"],
  ["whose envelope is wrong", { target: 5, message_type: "Count", payload: { items: 1 } }, "SERIALIZATION_ERROR"],
  ["without a message type", { target: "streams", payload: { items: 1 } }, "SERIALIZATION_ERROR"],
  ["with no time at all", { target: "streams", message_type: "Count", payload: { items: 1 }, timeout_ms: 0 }, "TIMEOUT"],
] as const;

for (const [what, envelope, code] of refusals) {
  test(`a stream ${what} is one final frame with ${code}`, async () => {
    await using server = await TestServer.start();
    const client = await server.connect();
    const frame = await client.ask({ ...envelope, expects_stream: true, request_id: "s" });
    expect(frame).toMatchObject({ stream_id: "s", request_id: "s", sequence: 0, is_final: true, error_code: code });
    expect(frame["error"]).toMatch(/^[A-Z]\w+: ./);
    expect(frame["payload"] ?? null).toBeNull();
    expect(await client.ask({ ping: true, request_id: "p" })).toMatchObject({ request_id: "p" });
  });
}

test("a stream that fails midway ends with one final frame in sequence", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(streamRequest("streams", "Feed", 1, { request_id: "s" }));
  await server.until(() => server.seen.feeds.length === 1);
  void server.seen.feed(0).reply.send("good");
  server.seen.feed(0).reply.fail(new Error("bad luck"));
  const [item, final] = await client.take(2);
  expect(item).toMatchObject({ sequence: 0, payload: "good", is_final: false });
  expect(final).toMatchObject({ sequence: 1, is_final: true, error_code: "HANDLER_FAILED", error: "HandlerFailed: bad luck" });
  void server.seen.feed(0).reply.send("too late");
  expect(await client.ask({ ping: true, request_id: "p" })).toMatchObject({ request_id: "p" });
});

test("an item that cannot be encoded ends the stream with HandlerFailed", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(streamRequest("streams", "Feed", 1, { request_id: "s" }));
  await server.until(() => server.seen.feeds.length === 1);
  void server.seen.feed(0).reply.send(1);
  void server.seen.feed(0).reply.send(new Map([[1, 2]]));
  const [, final] = await client.take(2);
  expect(final).toMatchObject({ stream_id: "s", sequence: 1, is_final: true, error_code: "HANDLER_FAILED" });
});

test("timeout_ms bounds the whole stream, and the handler's signal aborts", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(streamRequest("streams", "Feed", 1, { request_id: "s", timeout_ms: 250 }));
  await server.until(() => server.seen.feeds.length === 1);
  const { reply, signal } = server.seen.feed(0);
  server.clock.advance(200);
  void reply.send("in time");
  server.clock.advance(49);
  expect(signal.aborted).toBe(false);
  server.clock.advance(1);
  expect(signal.aborted).toBe(true);
  expect(await client.next()).toMatchObject({ sequence: 0, payload: "in time" });
  expect(await client.next()).toMatchObject({ sequence: 1, is_final: true, error_code: "TIMEOUT" });
});

test("a stream that names no time has none", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(streamRequest("streams", "Feed", 1, { request_id: "s" }));
  await server.until(() => server.seen.feeds.length === 1);
  server.clock.advance(24 * 3600 * 1000);
  void server.seen.feed(0).reply.send("still here");
  expect(await client.next()).toMatchObject({ payload: "still here", is_final: false });
});

test("a request that is answered by a stream's items is final with its reply when asked as a stream", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(streamRequest("echo", "Add", { a: 1, b: 2 }, { request_id: "s" }));
  expect(await client.next()).toMatchObject({ stream_id: "s", sequence: 0, payload: { sum: 3 }, is_final: true });
});

test("a client that vanishes ends its stream's generator", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(streamRequest("streams", "Count", { items: 1_000_000, size: 10_000 }, { request_id: "s" }));
  await client.next();
  client.destroy();
  await server.until(() => server.seen.left === 1, "leaving the generator");
  expect(server.seen.produced).toBeLessThan(1_000_000);
  expect(server.listener.stats().streamsOpen).toBe(0);
});

test("a stream that cannot be begun for what is wrong in it has a name all the same", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  const stream = { target: "streams", message_type: "Count", payload: { items: 1 }, expects_stream: true };
  for (const wrong of [{ reply_to: 5 }, { timeout_ms: "x" }, { request_id: 5 }, { request_id: "x".repeat(129) }, { message_type: undefined }]) {
    const refused = await client.ask({ ...stream, ...wrong });
    expect(refused).toMatchObject({ stream_id: expect.stringMatching(/^stream-\d+$/), sequence: 0, is_final: true });
    expect(refused["error_code"]).toBeOneOf(["SERIALIZATION_ERROR", "PROTOCOL_ERROR"]);
  }
});
