// Requests of the bare dialect: what is sent, what is answered, field by field (wire protocol 3, 4).

import { expect, test } from "bun:test";
import { quiet } from "../../support/conditions.ts";
import { request, TestServer } from "../../support/test-server.ts";

test("a request is answered with its id, its payload and no error", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  expect(await client.ask(request("echo", "Add", { a: 5, b: 3 }, { request_id: "r-1" }))).toEqual({
    request_id: "r-1",
    success: true,
    payload: { sum: 8 },
    error: null,
  });
});

test("a request without an id is answered with a null id", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  expect(await client.ask(request("echo", "Add", { a: 1, b: 1 }))).toEqual({ request_id: null, success: true, payload: { sum: 2 }, error: null });
});

test("a null request_id is no id", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  expect(await client.ask(request("echo", "Echo", 1, { request_id: null }))).toMatchObject({ request_id: null, success: true, payload: 1 });
});

test("an id of 128 bytes is taken, one of 129 is refused, counted in bytes", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  for (const id of ["x".repeat(128), "ü".repeat(64), "\u{1f600}".repeat(32)]) {
    expect(await client.ask(request("echo", "Echo", 1, { request_id: id }))).toMatchObject({ request_id: id, success: true });
  }
  for (const id of ["x".repeat(129), `${"ü".repeat(64)}x`, ""]) {
    expect(await client.ask(request("echo", "Echo", 1, { request_id: id }))).toMatchObject({
      request_id: null,
      success: false,
      error_code: "SERIALIZATION_ERROR",
    });
  }
});

test("an id that is not a string is refused, naming the field", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  for (const id of [7, true, {}, ["a"]]) {
    const answer = await client.ask(request("echo", "Echo", 1, { request_id: id }));
    expect(answer).toMatchObject({ request_id: null, success: false, payload: null, error_code: "SERIALIZATION_ERROR" });
    expect(answer["error"]).toContain("request_id");
  }
});

test("an id with quotes, control characters and other scripts comes back as it was", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  for (const id of ['a"b\\c', "line\nbreak\u0000", "日本語", "</script>", "a b"]) {
    expect(await client.ask(request("echo", "Echo", 1, { request_id: id }))).toMatchObject({ request_id: id, success: true });
  }
});

test("any JSON value may be a payload and comes back unchanged", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  for (const payload of [null, true, 0, -1.5, 1e300, "", "text", [], [1, [2, [3]]], {}, { a: { b: null } }, "\u2028\u0000\ud83d\ude00"]) {
    expect((await client.ask(request("echo", "Echo", payload, { request_id: "p" })))["payload"]).toEqual(payload);
  }
});

test("an absent payload means null", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  expect(await client.ask({ target: "echo", message_type: "Echo", expects_reply: true, request_id: "n" })).toMatchObject({
    success: true,
    payload: null,
  });
});

test("an empty schema accepts null, {} and an absent payload", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  for (const payload of [null, {}, undefined]) expect(await client.ask(request("echo", "Who", payload))).toMatchObject({ success: true });
});

test("unknown fields of the envelope are ignored", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  expect(await client.ask(request("echo", "Echo", 4, { request_id: "u", colour: "red", nested: { x: [1] } }))).toMatchObject({
    success: true,
    payload: 4,
  });
});

test("keys named __proto__ and constructor are data and pollute nothing", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  const body = '{"target":"echo","message_type":"Echo","expects_reply":true,"request_id":"p","payload":{"__proto__":{"admin":true},"constructor":1}}';
  client.write(Buffer.concat([lengthOf(body), Buffer.from(body)]));
  const text = (await client.nextBody()).toString();
  expect(text).toContain('"__proto__":{"admin":true}');
  expect(text).toContain('"constructor":1');
  expect(({} as Record<string, unknown>)["admin"]).toBeUndefined();
});

test("integers beyond 2^53 come back digit for digit", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  for (const digits of ["9007199254740993", "-9007199254740993", "18446744073709551615", "-9223372036854775808"]) {
    const body = `{"target":"echo","message_type":"Echo","expects_reply":true,"request_id":"b","payload":[${digits}]}`;
    client.write(Buffer.concat([lengthOf(body), Buffer.from(body)]));
    expect((await client.nextBody()).toString()).toContain(`"payload":[${digits}]`);
  }
});

test("an integer beyond 2^53 is refused by a schema for safe integers, never rounded", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  const body = '{"target":"echo","message_type":"Add","expects_reply":true,"request_id":"b","payload":{"a":9007199254740993,"b":0}}';
  client.write(Buffer.concat([lengthOf(body), Buffer.from(body)]));
  const answer = await client.next();
  expect(answer).toMatchObject({ request_id: "b", success: false, error_code: "SERIALIZATION_ERROR" });
  expect(answer["error"]).toContain("payload.a");
});

test("fire-and-forget is acknowledged once the message is in the mailbox", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  expect(await client.ask({ target: "notes", message_type: "Note", payload: { n: 1 }, request_id: "f" })).toEqual({
    request_id: "f",
    success: true,
    payload: { status: "delivered" },
    error: null,
  });
  await server.until(() => server.seen.notes.length === 1);
  expect(server.seen.notes).toEqual([{ n: 1 }]);
});

test("fire-and-forget to a handler that throws is still acknowledged, and once only", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  expect(await client.ask({ target: "echo", message_type: "Fail", payload: { text: "boom" }, request_id: "f" })).toMatchObject({
    payload: { status: "delivered" },
  });
  expect(await client.ask({ ping: true, request_id: "after" })).toMatchObject({ request_id: "after", success: true });
});

test("reply_to delivers the reply to the other agent and the acknowledgement to the caller", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  expect(await client.ask(request("echo", "Echo", "hello", { request_id: "t", reply_to: "notes" }))).toEqual({
    request_id: "t",
    success: true,
    payload: { status: "delivered" },
    error: null,
  });
  await server.until(() => server.seen.notes.length === 1);
  expect(server.seen.notes).toEqual(["hello"]);
  expect(client.frames).toEqual([]);
});

test("reply_to an unknown agent is AgentNotFound before anything runs", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  const answer = await client.ask(request("echo", "Echo", 1, { request_id: "t", reply_to: "nobody" }));
  expect(answer).toMatchObject({ request_id: "t", success: false, error_code: "ACTOR_NOT_FOUND" });
  await quiet();
  expect(server.seen.echoes).toEqual([]);
});

test("response_timeout_ms is another name for timeout_ms", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(request("holder", "Hold", 1, { request_id: "a", response_timeout_ms: 50 }));
  await server.until(() => server.seen.held.length === 1);
  server.clock.advance(50);
  expect(await client.next()).toMatchObject({ request_id: "a", error_code: "TIMEOUT" });
});

test("a timeout of zero ends at once where an answer is wanted", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  expect(await client.ask(request("holder", "Hold", 1, { request_id: "z", timeout_ms: 0 }))).toMatchObject({
    request_id: "z",
    success: false,
    error_code: "TIMEOUT",
  });
});

test("a timeout of zero means nothing in fire-and-forget", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  expect(await client.ask({ target: "notes", message_type: "Note", payload: 1, request_id: "z", timeout_ms: 0 })).toMatchObject({ success: true });
});

test("a timeout of 2^64-1 is taken and never comes", async () => {
  await using server = await TestServer.start({ config: { connectionTimeoutMs: 0 } });
  const client = await server.connect();
  const body = '{"target":"holder","message_type":"Hold","payload":1,"expects_reply":true,"request_id":"m","timeout_ms":18446744073709551615}';
  client.write(Buffer.concat([lengthOf(body), Buffer.from(body)]));
  await server.until(() => server.seen.held.length === 1);
  server.clock.advance(40 * 24 * 3600 * 1000);
  server.seen.call(0).reply.end("late but wanted");
  expect(await client.next()).toMatchObject({ request_id: "m", success: true, payload: "late but wanted" });
});

test("a timeout that is negative, broken or no number is refused, naming the field", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  for (const timeout of [-1, 1.5, "10", [], true]) {
    const answer = await client.ask(request("echo", "Echo", 1, { request_id: "t", timeout_ms: timeout }));
    expect(answer).toMatchObject({ request_id: "t", success: false, error_code: "SERIALIZATION_ERROR" });
    expect(answer["error"]).toContain("timeout_ms");
  }
});

test("a ping is answered with a null payload", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  expect(await client.ask({ ping: true, request_id: "p" })).toEqual({ request_id: "p", success: true, payload: null, error: null });
});

test("an empty frame is a keep-alive and is not answered", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  await client.ask({ ping: true, request_id: "1" });
  client.write(Buffer.alloc(12));
  expect(await client.ask({ ping: true, request_id: "2" })).toMatchObject({ request_id: "2" });
});

test("white space before a JSON body is allowed, on the first frame too", async () => {
  for (const space of [" ", "\n", "\r\n", "\t"]) {
    await using server = await TestServer.start();
    const client = await server.connect();
    const body = `${space}{"ping":true,"request_id":"w"}${space}`;
    client.write(Buffer.concat([lengthOf(body), Buffer.from(body)]));
    expect(await client.next()).toMatchObject({ request_id: "w", success: true });
  }
});

function lengthOf(body: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(body));
  return length;
}
