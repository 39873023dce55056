// The dialects: whatever comes is a packet, and what they say is whole frames that say it.

import { expect } from "bun:test";
import * as fc from "fast-check";
import { ActonError, type ErrorCode, errorKinds } from "../../src/errors.ts";
import { acton } from "../../src/ipc/wire/acton.ts";
import { bare, bareFormatOf } from "../../src/ipc/wire/bare.ts";
import { fields, readableCorrelation } from "../../src/ipc/wire/body-fields.ts";
import { BufferPool } from "../../src/ipc/wire/buffer-pool.ts";
import { detect } from "../../src/ipc/wire/detect.ts";
import type { Dialect } from "../../src/ipc/wire/dialect.ts";
import { FrameDecoder } from "../../src/ipc/wire/frame-decoder.ts";
import { FrameWriter } from "../../src/ipc/wire/frame-writer.ts";
import { encodeJson } from "../../src/ipc/wire/json.ts";
import { encodeMessagePack } from "../../src/ipc/wire/msgpack.ts";
import type { Address, AnswerShape, Packet } from "../../src/ipc/wire/packet.ts";
import { actonFrame, kinds, spellings } from "../ipc/acton/support.ts";
import { sameValue } from "../soak/parts/same-value.ts";
import { frameOf } from "../support/raw-client.ts";
import { bytes, id, jsonValue, name, packedValue, text } from "./arbitraries.ts";
import { property } from "./property.ts";
import { readJson, readPacked, refusal, wide } from "./reading.ts";

function packetOf(dialect: Dialect, frame: Buffer): Packet {
  const decoder = new FrameDecoder(2 ** 24);
  decoder.push(frame);
  const cut = decoder.next(dialect.headerLength);
  if (cut === undefined) throw new Error("not a whole frame");
  return dialect.decode(cut, wide);
}

/** What one frame says: its header after the length, and its body's fields. */
function saidBy(
  dialect: Dialect,
  format: Address["format"],
  write: (out: FrameWriter) => void,
): { readonly header: Buffer; readonly body: Record<string, unknown> } {
  const out = new FrameWriter(2 ** 24, new BufferPool());
  write(out);
  const decoder = new FrameDecoder(2 ** 24);
  decoder.push(Buffer.from(out.view()));
  const frame = decoder.next(dialect.headerLength);
  if (frame === undefined || decoder.held > 0) throw new Error("not one whole frame");
  const body = Buffer.from(frame.bytes.subarray(frame.start, frame.end));
  const read = format === "json" ? readJson(body, { ...wide, depth: 200 }) : readPacked(body, { ...wide, depth: 200 });
  return { header: Buffer.from(frame.bytes.subarray(frame.header + 4, frame.start)), body: read as Record<string, unknown> };
}

const shapes: readonly AnswerShape[] = ["response", "stream", "subscription", "patterns", "discovery"];
const well = id.filter((each) => Buffer.byteLength(each) <= 128);
const addresses = fc
  .record({
    bareOne: fc.boolean(),
    format: fc.constantFrom("json", "msgpack" as const),
    correlation: well,
    shape: fc.constantFrom(...shapes),
    version: fc.constantFrom(1, 2),
  })
  .map(({ bareOne, format, correlation, shape, version }) => {
    const to: Address = {
      correlation,
      format: !bareOne && version === 1 ? "json" : format,
      version: bareOne ? 0 : version,
      shape,
      streamId: correlation,
    };
    return { dialect: bareOne ? bare : acton, to, idField: bareOne ? "request_id" : "correlation_id" };
  });

property("the first byte chooses one dialect, or is refused with a code", [fc.nat(255)], (byte) => {
  const { dialect, refusal } = detect(byte);
  expect(dialect).toBe(bareFormatOf(byte) !== undefined ? bare : byte === 1 || byte === 2 ? acton : undefined);
  expect(refusal?.code).toBe(dialect !== undefined ? undefined : byte <= 8 ? "UNSUPPORTED_PROTOCOL_VERSION" : "PROTOCOL_ERROR");
});

property("any body is a packet to the bare dialect, and a malformed one says why", [bytes], (body) => {
  const packet = packetOf(bare, frameOf(body));
  if (packet.kind === "malformed") expect(packet.failure.message.length).toBeGreaterThan(0);
});

property(
  "so it is to the acton dialect, whatever its header says",
  [fc.nat(255), fc.nat(255), fc.constantFrom(1, 2), bytes],
  (kind, format, version, body) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(body.length);
    const packet = packetOf(acton, Buffer.concat([length, Buffer.from(version === 1 ? [1, kind] : [2, kind, format]), body]));
    if (packet.kind === "malformed") expect(packet.failure.message.length).toBeGreaterThan(0);
  },
);

const envelope = fc.record(
  {
    target: name,
    message_type: name,
    payload: jsonValue,
    request_id: fc.option(well),
    expects_reply: fc.option(fc.boolean()),
    expects_stream: fc.option(fc.boolean()),
    timeout_ms: fc.option(fc.nat()),
    reply_to: fc.option(name),
    stream_window: fc.option(fc.nat()),
    traceparent: fc.oneof(text, fc.nat()),
    ask_chain: fc.array(well, { maxLength: 3 }),
  },
  { requiredKeys: ["target", "message_type"] },
);

property("a request means the same in either format, and all of it arrives", [envelope], (body) => {
  const packets = [encodeJson(body), encodeMessagePack(body)].map((written) => packetOf(bare, frameOf(written)));
  for (const packet of packets) {
    expect(packet).toMatchObject({
      kind: "request",
      target: body.target,
      messageType: body.message_type,
      correlation: body.request_id ?? null,
      expectsReply: body.expects_reply ?? false,
      expectsStream: body.expects_stream ?? false,
      timeoutMs: body.timeout_ms ?? undefined,
      replyTo: body.reply_to ?? undefined,
      streamWindow: body.stream_window ?? undefined,
      askChain: (body.ask_chain ?? []).length === 0 ? undefined : body.ask_chain,
    });
    if (packet.kind === "request") expect(sameValue(packet.payload, body.payload ?? null)).toBe(true);
  }
});

property("an acton request means the same in both versions and formats", [envelope, well], (body, correlation_id) => {
  const given = { ...body, correlation_id };
  const [first, ...others] = spellings.map((spelling) => {
    const written = Buffer.from(spelling === "msgpack" ? encodeMessagePack(given) : encodeJson(given));
    const packet = packetOf(acton, actonFrame(kinds.request, written, spelling));
    return packet.kind === "request" ? { ...packet, format: "any", version: 0 } : packet;
  });
  expect(first?.kind).toBe(body.target === "__unsubscribe__" ? "leave" : "request");
  for (const other of others) expect(sameValue(other, first)).toBe(true);
});

property("a reply is one frame with its correlation and its payload", [addresses, jsonValue], ({ dialect, to, idField }, payload) => {
  const { body } = saidBy(dialect, to.format, (out) => dialect.reply(out, to, payload));
  expect(body).toMatchObject({ [idField]: to.correlation, success: true });
  expect(sameValue(body["payload"], payload)).toBe(true);
});

property(
  "bytes arrive as bytes in the bare dialect, and are refused in the other",
  [packedValue, fc.uint8Array({ maxLength: 5 }), well],
  (value, binary, correlation) => {
    const to: Address = { correlation, format: "msgpack", version: 2, shape: "response", streamId: correlation };
    expect(sameValue(saidBy(bare, "msgpack", (out) => bare.reply(out, to, [value, binary])).body["payload"], [value, binary])).toBe(true);
    const out = new FrameWriter(2 ** 24, new BufferPool());
    expect(refusal(() => acton.reply(out, to, [value, binary]))).toBeString();
    expect(out.pending).toBe(0);
  },
);

property(
  "an item of a stream is one frame with its number",
  [addresses, fc.nat(), jsonValue, fc.boolean()],
  ({ dialect, to }, sequence, payload, last) => {
    const write = last ? dialect.streamEnd.bind(dialect) : dialect.item.bind(dialect);
    const { body } = saidBy(dialect, to.format, (out) => write(out, to, sequence, payload));
    expect(body).toMatchObject({ sequence, is_final: last });
    expect(sameValue(body["payload"] ?? null, payload)).toBe(true);
  },
);

const codes = Object.keys(errorKinds) as ErrorCode[];

property(
  "every failure in every shape is one frame that names the failure",
  [addresses, fc.constantFrom(...codes), text, fc.option(fc.nat())],
  ({ dialect, to, idField }, code, message, retry) => {
    const failure = new ActonError(code, message, retry === null ? {} : { retryAfterMs: retry });
    const { body } = saidBy(dialect, to.format, (out) => dialect.failure(out, to, failure, 3));
    expect(body[idField]).toBe(to.correlation);
    expect(body["success"] === false || body["is_final"] === true).toBe(true);
    expect(body["error"]).toBeString();
    if (retry !== null) expect(body["retry_after_ms"]).toBe(retry);
    if (dialect === bare) expect(body["error_code"]).toBe(code);
  },
);

property("a correlation may have 128 bytes of well-formed text, and no more", [fc.string({ unit: "binary", maxLength: 140 })], (text) => {
  const bytes = Buffer.byteLength(text);
  expect(readableCorrelation(text)).toBe(bytes >= 1 && bytes <= 128 ? text : null);
  expect(readableCorrelation(`${text}\ud800`)).toBeNull();
});

const claimed = fc.oneof(
  fc.nat(),
  fc.double(),
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  text,
  fc.boolean(),
  fc.constantFrom(null, undefined),
);

property("a time is a whole number from 0, and what no timer can hold is no limit", [claimed], (value) => {
  const whole = (typeof value === "number" && Number.isInteger(value) && value >= 0) || (typeof value === "bigint" && value >= 0n);
  if (value === null || value === undefined) expect(fields.milliseconds(value, "t")).toBeUndefined();
  else if (whole) expect(fields.milliseconds(value, "t")).toBe(Number(value) > 2 ** 31 - 1 ? Infinity : Number(value));
  else expect(refusal(() => fields.milliseconds(value, "t"))).toStartWith("t must be a whole number");
});
