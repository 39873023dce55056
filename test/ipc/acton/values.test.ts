// What payloads may be: 64-bit integers where the schema takes them, no bytes and no lone surrogate towards acton.

import { expect, test } from "bun:test";
import { agent, message } from "acton";
import { z } from "zod";
import { packed, type Fields } from "../../support/raw-client.ts";
import { TestServer } from "../../support/test-server.ts";
import { Text } from "../../support/test-services.ts";
import { type ActonClient, connectActon, echo, envelope, kinds, type Spelling, spellings } from "./support.ts";

const WideAnswer = message("WideAnswer", { is: z.string(), back: z.bigint() });
const Wide = message("Wide", { value: z.bigint() }).replies(WideAnswer);
const Narrow = message("Narrow", { value: z.int() }).replies(message("NarrowAnswer", { value: z.int() }));
const Bytes = message("Bytes", {}).replies(message("BytesAnswer", z.any()));
const Items = message("Items", z.any()).streams(message("ItemsItem", z.any()));
const Absent = message("Absent", {}).replies(message("AbsentAnswer", z.any()));

async function start(): Promise<TestServer> {
  const server = await TestServer.start();
  const numbers = agent("numbers", () => ({}))
    .actOn(Wide, ({ message }) => ({ is: String(message.value), back: message.value }))
    .actOn(Narrow, ({ message }) => ({ value: message.value }))
    .actOn(Bytes, () => ({ inside: [new Uint8Array([1, 2, 3])] }))
    .actOn(Absent, ({ reply }) => void reply.send(undefined))
    .actOn(Items, async ({ message, reply }) => {
      for (const item of message as readonly string[])
        await reply.send(item === "bytes" ? new Uint8Array(2) : item === "undefined" ? undefined : item);
      reply.end();
    });
  server.runtime.ipcExpose("numbers", await server.runtime.start(numbers));
  return server;
}

/** The body's text, in which integers have all their digits. */
async function replyText(client: ActonClient, request: Fields): Promise<string> {
  return (await client.request(request)).raw.toString();
}

const wide = [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 64n - 1n, -(2n ** 53n) - 1n, -(2n ** 63n)];

test.each(wide)("the integer %p survives where the schema says bigint, in every spelling", async (value) => {
  await using server = await start();
  for (const spelling of ["v1", "json"] as const) {
    const text = await replyText(await connectActon(server, spelling), envelope("w", "numbers", "Wide", { value }));
    expect(text).toContain(`"is":"${value}"`);
    expect(text).toContain(`"back":${value}}`);
  }
  const client = await connectActon(server, "msgpack");
  const { fields } = await client.request(envelope("w", "numbers", "Wide", { value }));
  const { is, back } = fields["payload"] as { readonly is: string; readonly back: number | bigint };
  expect([is, BigInt(back)]).toEqual([String(value), value]);
});

test.each([0, 5, -1, 2 ** 53 - 1])(
  "the integer %p, which a 64-bit field of a client holds as well, passes where the schema says bigint",
  async (value) => {
    await using server = await start();
    for (const spelling of spellings) {
      const client = await connectActon(server, spelling);
      const { fields } = await client.request(envelope("w", "numbers", "Wide", { value }));
      expect(fields).toMatchObject({ success: true, payload: { is: String(value), back: value } });
    }
  },
);

test.each(wide)("the integer %p is refused where the schema says int, never rounded", async (value) => {
  await using server = await start();
  for (const spelling of spellings) {
    const client = await connectActon(server, spelling);
    const answer = await client.request(envelope("n", "numbers", "Narrow", { value }));
    expect(answer.fields).toMatchObject({ correlation_id: "n", success: false, error_code: "SERIALIZATION_ERROR" });
    expect(answer.fields["error"]).toMatch(/^Serialization error: .*payload\.value/);
  }
});

test("integers beyond 64 bits, and numbers that overflow, are refused", async () => {
  await using server = await start();
  const client = await connectActon(server);
  for (const digits of ["18446744073709551616", "-9223372036854775809", "1e400"]) {
    client.send(kinds.request, Buffer.from(`{"correlation_id":"o","target":"echo","message_type":"Echo","expects_reply":true,"payload":${digits}}`));
    expect((await client.next()).fields).toMatchObject({ correlation_id: "unknown", success: false, error_code: "SERIALIZATION_ERROR" });
  }
});

test("the last value of a stream, and a push, may nest as deep as a reply", async () => {
  await using server = await start();
  const deep: unknown = Array.from({ length: 126 }).reduce((inner: unknown) => [inner], 0);
  for (const spelling of ["json", "msgpack"] as const) {
    const client = await connectActon(server, spelling);
    client.send(kinds.request, envelope("s", "streams", "Feed", spelling, { expects_stream: true }));
    await server.until(() => server.seen.feeds.at(-1)?.message === spelling);
    server.seen.feeds.at(-1)?.reply.end(deep);
    expect((await client.next()).fields).toEqual({ correlation_id: "s", sequence: 0, is_final: true, payload: deep });
    await client.ask(kinds.subscribe, { correlation_id: "p", message_types: ["Text"] });
    server.runtime.broker().broadcast(Text, deep);
    expect((await client.next()).fields).toMatchObject({ message_type: "Text", payload: deep });
  }
});

/** The MessagePack of each whole number below 2^53 is an integer, however large. */
test.each([0, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 40, 2 ** 53 - 1, -(2 ** 31) - 1, -(2 ** 53 - 1)])(
  "the whole number %p leaves as a MessagePack integer",
  async (value) => {
    await using server = await start();
    const client = await connectActon(server, "msgpack");
    const { raw, fields } = await client.request(echo("i", { value }));
    expect(fields["payload"]).toEqual({ value });
    const type = raw[raw.indexOf(packed("value")) + 6] as number;
    expect(type).not.toBe(0xca);
    expect(type).not.toBe(0xcb);
  },
);

const loneSurrogates: readonly Spelling[] = ["v1", "json"];

test.each(loneSurrogates)("a lone surrogate in a payload (%s) never comes back: the reply fails, and the connection lives", async (spelling) => {
  await using server = await start();
  const client = await connectActon(server, spelling);
  for (const payload of ['"\\ud800"', '{"a":["\\udfff x"]}', '{"\\ud800":1}']) {
    client.send(kinds.request, Buffer.from(`{"correlation_id":"l","target":"echo","message_type":"Echo","expects_reply":true,"payload":${payload}}`));
    const answer = await client.next();
    expect(answer.fields).toMatchObject({ correlation_id: "l", success: false });
    expect(answer.raw.toString()).not.toMatch(/\\ud[89a-f]/i);
  }
  await client.expectNothingElse();
});

/** Acton's own reader takes no lone surrogate, so such a body does not decode; here it must at least never end the connection. */
const surrogateBodies: ReadonlyArray<readonly [what: string, kind: number, body: string]> = [
  ["a request's correlation", kinds.request, '{"correlation_id":"\\ud800","target":"echo","message_type":"Echo","expects_reply":true,"payload":1}'],
  ["a delivery's correlation", kinds.request, '{"correlation_id":"\\ud800","target":"echo","message_type":"Echo","payload":1}'],
  [
    "a stream's correlation",
    kinds.request,
    '{"correlation_id":"\\ud800","target":"streams","message_type":"Count","expects_stream":true,"payload":{"items":1}}',
  ],
  ["a target", kinds.request, '{"correlation_id":"c","target":"\\ud800","message_type":"Echo","expects_reply":true,"payload":1}'],
  ["a message type", kinds.request, '{"correlation_id":"c","target":"echo","message_type":"\\ud800","expects_reply":true,"payload":1}'],
  ["a reply_to", kinds.request, '{"correlation_id":"c","target":"echo","message_type":"Echo","reply_to":"\\ud800","expects_reply":true,"payload":1}'],
  ["a subscription's correlation", kinds.subscribe, '{"correlation_id":"\\ud800","message_types":["Price"]}'],
  ["a subscribed type", kinds.subscribe, '{"correlation_id":"c","message_types":["\\ud800"]}'],
  ["a pattern", kinds.subscribePatterns, '{"correlation_id":"c","patterns":["\\ud800*"]}'],
  ["a discovery's correlation", kinds.discover, '{"correlation_id":"\\ud800"}'],
  ["a statistics request's correlation", kinds.stats, '{"correlation_id":"\\ud800"}'],
  ["a goodbye's correlation", kinds.request, '{"correlation_id":"\\ud800","target":"__unsubscribe__","message_type":"X","payload":null}'],
];

test.each(surrogateBodies)("a lone surrogate in %s is answered without one, and the connection lives", async (_what, kind, body) => {
  await using server = await start();
  const client = await connectActon(server);
  client.send(kind, Buffer.from(body));
  const answer = await client.next();
  expect(answer.fields["success"] ?? false).toBe(false);
  expect(answer.raw.toString()).not.toMatch(/\\ud[89a-f]/i);
  await client.expectNothingElse();
});

test("a lone surrogate in the correlation of a request that runs out of time, or is cancelled, harms nobody", async () => {
  await using server = await start();
  const client = await connectActon(server);
  const other = await connectActon(server);
  client.send(
    kinds.request,
    Buffer.from('{"correlation_id":"\\ud800","target":"holder","message_type":"Hold","expects_reply":true,"payload":1,"response_timeout_ms":100}'),
  );
  client.send(
    kinds.request,
    Buffer.from('{"correlation_id":"\\ud801","target":"streams","message_type":"Feed","expects_stream":true,"payload":1,"response_timeout_ms":100}'),
  );
  client.send(kinds.heartbeat, Buffer.alloc(0));
  await server.until(() => client.waiting > 0);
  expect(() => server.clock.advance(100)).not.toThrow();
  expect((await other.request(echo("o", 1))).fields["success"]).toBe(true);
  await client.take(client.waiting);
  await client.expectNothingElse();
});

test("a lone surrogate in the correlation of a request whose handler fails keeps nobody from its agent", async () => {
  await using server = await start();
  const client = await connectActon(server);
  const other = await connectActon(server);
  client.send(
    kinds.request,
    Buffer.from('{"correlation_id":"\\ud800","target":"echo","message_type":"Fail","expects_reply":true,"payload":{"text":"boom"}}'),
  );
  client.send(kinds.heartbeat, Buffer.alloc(0));
  await server.until(() => client.waiting > 0 || client.raw.ended);
  for (const text of ["one", "two"])
    expect((await other.request(echo("o", text))).fields).toEqual({ correlation_id: "o", success: true, payload: text });
});

test("bytes in a reply are never sent: the handler has failed, in every spelling", async () => {
  await using server = await start();
  for (const spelling of spellings) {
    const client = await connectActon(server, spelling);
    const { kind, fields } = await client.request(envelope("b", "numbers", "Bytes", {}));
    expect(kind).toBe(kinds.error);
    expect(fields).toMatchObject({ correlation_id: "b", success: false, error_code: "IO_ERROR" });
    expect(fields["error"]).toMatch(/^I\/O error: HandlerFailed: .*payload\.inside\[0\]/);
  }
});

test("bytes in a request pass in MessagePack where the schema takes them, and its echo is refused", async () => {
  await using server = await start();
  const client = await connectActon(server, "msgpack");
  expect((await client.ask(kinds.request, envelope("n", "notes", "Note", new Uint8Array([7])))).fields).toMatchObject({ success: true });
  expect(server.seen.notes).toEqual([new Uint8Array([7])]);
  expect((await client.request(echo("e", new Uint8Array([7])))).fields).toMatchObject({ success: false, error_code: "IO_ERROR" });
});

test("an item that cannot be sent ends its stream with the handler's failure", async () => {
  await using server = await start();
  for (const spelling of spellings) {
    const client = await connectActon(server, spelling);
    client.send(kinds.request, envelope("s", "numbers", "Items", ["good", "bytes", "never"], { expects_stream: true }));
    const [item, end] = await client.take(2);
    expect(item?.fields).toEqual({ correlation_id: "s", sequence: 0, is_final: false, payload: "good" });
    expect(end?.fields).toMatchObject({ correlation_id: "s", sequence: 1, is_final: true, error_code: "IO_ERROR" });
    expect(end?.fields["error"]).toMatch(/^I\/O error: HandlerFailed: /);
    await client.expectNothingElse();
  }
});

test("a reply of nothing has a payload of null", async () => {
  await using server = await start();
  for (const spelling of spellings) {
    const client = await connectActon(server, spelling);
    expect((await client.request(envelope("a", "numbers", "Absent", {}))).fields).toEqual({ correlation_id: "a", success: true, payload: null });
  }
});

test("an item of nothing has a payload of null", async () => {
  await using server = await start();
  for (const spelling of spellings) {
    const client = await connectActon(server, spelling);
    client.send(kinds.request, envelope("s", "numbers", "Items", ["undefined"], { expects_stream: true }));
    expect((await client.next()).fields).toEqual({ correlation_id: "s", sequence: 0, is_final: false, payload: null });
  }
});

test("keys like __proto__ and constructor are data", async () => {
  await using server = await start();
  for (const spelling of spellings) {
    const client = await connectActon(server, spelling);
    const payload: unknown = JSON.parse('{"__proto__":{"x":1},"constructor":2}');
    const { raw, fields } = await client.request(echo("p", payload));
    expect(fields["success"]).toBe(true);
    expect(raw.toString("latin1")).toContain("__proto__");
    expect(raw.toString("latin1")).toContain("constructor");
  }
});

test("127 containers are read and written, the envelope included; 128 are refused", async () => {
  await using server = await start();
  const nested = (levels: number): unknown => Array.from({ length: levels }).reduce((inner: unknown) => [inner], 0);
  for (const spelling of spellings) {
    const client = await connectActon(server, spelling);
    expect((await client.request(echo("d", nested(126)))).fields).toEqual({ correlation_id: "d", success: true, payload: nested(126) });
    expect((await client.request(echo("d", nested(127)))).fields).toMatchObject({ success: false, error_code: "SERIALIZATION_ERROR" });
  }
});

test("an extension type, a wrong key and bytes after the value are SerializationErrors; the connection lives", async () => {
  await using server = await start();
  const client = await connectActon(server, "msgpack");
  const whole = packed({ ...echo("x", 1), expects_reply: true });
  const bodies = [
    Buffer.concat([whole, Buffer.from([0xc0])]),
    Buffer.concat([Buffer.from([0x81]), packed("payload"), Buffer.from([0xd6, 0xff, 0, 0, 0, 0])]),
    Buffer.from([0x81, 0x01, 0x02]),
    Buffer.from([0xc1]),
    whole.subarray(0, whole.length - 1),
  ];
  for (const body of bodies) {
    const answer = await client.ask(kinds.request, body);
    expect(answer).toMatchObject({ kind: kinds.error, format: "msgpack" });
    expect(answer.fields).toMatchObject({ correlation_id: "unknown", success: false, error_code: "SERIALIZATION_ERROR" });
    expect(answer.fields["error"]).toStartWith("Serialization error: ");
  }
  await client.expectNothingElse();
});
