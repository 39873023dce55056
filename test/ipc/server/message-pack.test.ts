// The bare dialect in MessagePack, byte by byte: what is read, what is refused, and how numbers are written (wire protocol 1).

import { expect, test } from "bun:test";
import { type Fields, fieldsOf, frameOf, packed, packedFrame } from "../../support/raw-client.ts";
import { request, streamRequest, TestServer } from "../../support/test-server.ts";
import { Text } from "../../support/test-services.ts";

/** A MessagePack string of fewer than 32 bytes. */
function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([0xa0 | Buffer.byteLength(value)]), Buffer.from(value)]);
}

function bytes(...values: readonly number[]): Buffer {
  return Buffer.from(values);
}

/** A request to the echo agent whose payload is these bytes. */
function echoOf(payload: Buffer): Buffer {
  const fields: readonly (readonly [string, Buffer])[] = [
    ["target", text("echo")],
    ["message_type", text("Echo")],
    ["request_id", text("m")],
    ["expects_reply", bytes(0xc3)],
    ["payload", payload],
  ];
  return frameOf(Buffer.concat([bytes(0x80 | fields.length), ...fields.flatMap(([key, value]) => [text(key), value])]));
}

/** What follows the key in the answer. */
function after(body: Buffer, key: string): Buffer {
  const at = body.indexOf(text(key));
  expect(at).toBeGreaterThan(0);
  return body.subarray(at + 1 + key.length);
}

test("a request in MessagePack is answered in MessagePack, with the same fields as in JSON", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.write(packedFrame(request("echo", "Add", { a: 5, b: 3 }, { request_id: "m" })));
  const body = await client.nextBody();
  expect(body[0]).toBe(0x84);
  expect(fieldsOf(body)).toEqual({ request_id: "m", success: true, payload: { sum: 8 }, error: null });
});

test("failures, streams and subscriptions in MessagePack have the fields that they have in JSON", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  const bodies: readonly Fields[] = [
    request("nobody", "Echo", 1, { request_id: "a" }),
    streamRequest("streams", "Count", { items: 0 }, { request_id: "b" }),
    streamRequest("nobody", "Count", { items: 0 }, { request_id: "c" }),
    { message_types: ["Price", "Nothing"], request_id: "d" },
    { message_types: ["Nothing"], request_id: "e" },
    { ping: true, request_id: "f" },
    { target: 5, request_id: "g" },
  ];
  for (const body of bodies) {
    const json = await client.ask(body);
    client.sendPacked(body);
    expect(await client.next()).toEqual(json);
  }
});

for (const [what, encoded] of [
  ["nil", bytes(0xc0)],
  ["booleans", bytes(0x92, 0xc2, 0xc3)],
  ["the smallest integers", bytes(0x94, 0x00, 0x7f, 0xff, 0xe0)],
  ["a float64", bytes(0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0)],
  ["an empty string", bytes(0xa0)],
  ["an empty array", bytes(0x90)],
  ["an empty map", bytes(0x80)],
  ["an unsigned integer of 2^64-1", bytes(0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)],
  ["a signed integer of -2^63", bytes(0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0)],
  ["bytes", bytes(0xc4, 3, 1, 2, 3)],
] as const) {
  test(`${what} comes back byte for byte`, async () => {
    await using server = await TestServer.start();
    const client = await server.connect();
    client.write(echoOf(Buffer.from(encoded)));
    const body = await client.nextBody();
    expect(after(body, "payload").subarray(0, encoded.length).toString("hex")).toBe(Buffer.from(encoded).toString("hex"));
  });
}

test("an integer beyond 2^53 comes back exactly, as one of 64 bits", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  for (const whole of [2n ** 53n - 1n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n]) {
    client.sendPacked(request("echo", "Echo", whole, { request_id: "w" }));
    const payload = after(await client.nextBody(), "payload");
    expect([0xcf, 0xd3]).toContain(payload[0] ?? 0);
    expect(payload.readBigUInt64BE(1)).toBe(whole);
  }
});

test("a whole number within 2^53 is written as an integer, never as a float", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  for (const whole of [
    0,
    1,
    -1,
    127,
    128,
    255,
    256,
    65_535,
    65_536,
    2 ** 31,
    2 ** 32 - 1,
    2 ** 32,
    2 ** 32 + 1,
    2 ** 53 - 1,
    -(2 ** 31),
    -(2 ** 31) - 1,
    -(2 ** 53) + 1,
  ]) {
    const float = Buffer.alloc(9);
    float[0] = 0xcb;
    float.writeDoubleBE(whole, 1);
    client.write(echoOf(float));
    const first = after(await client.nextBody(), "payload")[0] ?? 0xcb;
    expect({ whole, float: first === 0xca || first === 0xcb }).toEqual({ whole, float: false });
  }
});

test("timestamp, seq and sequence are written as integers", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.sendPacked({ message_types: ["Text"], request_id: "s" });
  await client.next();
  server.runtime.broker().broadcast(Text, 1);
  const push = await client.nextBody();
  expect([0xcf, 0xd3]).toContain(after(push, "timestamp")[0] ?? 0);
  expect(after(push, "timestamp").readBigUInt64BE(1)).toBe(BigInt(server.clock.now()));
  expect(after(push, "seq")[0]).toBe(0);
  client.sendPacked(streamRequest("streams", "Count", { items: 1 }, { request_id: "x" }));
  expect(after(await client.nextBody(), "sequence")[0]).toBe(0);
  expect(after(await client.nextBody(), "sequence")[0]).toBe(1);
});

for (const [what, encoded] of [
  ["an ext type", bytes(0xd4, 0x01, 0x00)],
  ["a timestamp", bytes(0xd6, 0xff, 0, 0, 0, 1)],
  ["a 96-bit timestamp", Buffer.concat([bytes(0xc7, 12, 0xff), Buffer.alloc(12)])],
  ["a record definition", bytes(0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 0x01)],
  ["the undefined of msgpackr", bytes(0xd4, 0x00, 0x00)],
  ["a clone pointer", bytes(0xd6, 0x70, 0, 0, 0, 1)],
  ["the byte that is never used", bytes(0xc1)],
  ["a map with an integer for a key", bytes(0x81, 0x01, 0x02)],
  ["a map with nil for a key", bytes(0x81, 0xc0, 0x02)],
  ["a map with bytes for a key", bytes(0x81, 0xc4, 1, 0x61, 0x02)],
  ["a string that is no UTF-8", bytes(0xa2, 0xff, 0xfe)],
  ["a surrogate in UTF-8", bytes(0xa3, 0xed, 0xa0, 0x80)],
  ["a string longer than its frame", bytes(0xdb, 0x7f, 0xff, 0xff, 0xff)],
  ["an array longer than its frame", bytes(0xdd, 0xff, 0xff, 0xff, 0xff)],
  ["a map longer than its frame", bytes(0xdf, 0xff, 0xff, 0xff, 0xff)],
  ["bytes longer than their frame", bytes(0xc6, 0xff, 0xff, 0xff, 0xff)],
  ["nothing where a value should be", Buffer.alloc(0)],
  ["one byte after the value", bytes(0xc0, 0xc0)],
] as const) {
  test(`${what} is a SerializationError, and the connection lives`, async () => {
    await using server = await TestServer.start();
    const client = await server.connect();
    client.write(echoOf(Buffer.from(encoded)));
    const answer = await client.nextBody();
    expect(answer[0]).toBeGreaterThanOrEqual(0x80);
    expect(fieldsOf(answer)).toMatchObject({ success: false, error_code: "SERIALIZATION_ERROR" });
    client.sendPacked({ ping: true, request_id: "p" });
    expect(await client.next()).toMatchObject({ request_id: "p", success: true });
    expect(server.seen.echoes).toEqual([]);
  });
}

test("__proto__ and constructor are data", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  const payload = Buffer.concat([bytes(0x82), text("__proto__"), bytes(0x81), text("admin"), bytes(0xc3), text("constructor"), bytes(0x01)]);
  client.write(echoOf(payload));
  const body = await client.nextBody();
  expect(after(body, "payload").subarray(0, payload.length)).toEqual(payload);
  expect(({} as Fields)["admin"]).toBeUndefined();
});

test("an integer beyond 2^53 is refused by a schema for safe integers", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.sendPacked(request("echo", "Add", { a: 9_007_199_254_740_993n, b: 1 }, { request_id: "b" }));
  const answer = await client.next();
  expect(answer).toMatchObject({ request_id: "b", error_code: "SERIALIZATION_ERROR" });
  expect(answer["error"]).toContain("payload.a");
});

test("a timeout of 2^64-1 is taken", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.sendPacked(request("echo", "Echo", 1, { request_id: "t", timeout_ms: 0xffff_ffff_ffff_ffffn }));
  expect(await client.next()).toMatchObject({ request_id: "t", success: true });
});

test("a lone surrogate in a reply is HandlerFailed in MessagePack, and passes in JSON", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  for (const send of ["json", "msgpack"] as const) {
    const body = request("holder", "Hold", 1, { request_id: send });
    if (send === "json") client.send(body);
    else client.sendPacked(body);
    await server.until(() => server.seen.held.length === 1);
    server.seen.held.pop()?.reply.end("\ud800");
    expect(await client.next()).toMatchObject(send === "json" ? { success: true } : { success: false, error_code: "HANDLER_FAILED" });
  }
});

test("typed arrays and other containers of memory never leave", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  for (const value of [new Float64Array(64), new Uint16Array(8), new ArrayBuffer(64), new Map(), new Set([1]), /x/]) {
    client.sendPacked(request("holder", "Hold", 1, { request_id: "v" }));
    await server.until(() => server.seen.held.length === 1);
    server.seen.held.pop()?.reply.end(value);
    expect(await client.next()).toMatchObject({ success: false, error_code: "HANDLER_FAILED" });
  }
});

test("a body of 64 KiB and more, with 32-bit lengths, comes through", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  const payload = { list: Array.from({ length: 70_000 }, (_, n) => n % 7), text: "é".repeat(40_000) };
  expect(packed(payload).length).toBeGreaterThan(65_536);
  client.sendPacked(request("echo", "Echo", payload, { request_id: "l" }));
  expect((await client.next())["payload"]).toEqual(payload);
});
