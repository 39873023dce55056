// Every recorded client frame, read into the packet that its body says.

import { expect, test } from "bun:test";
import { acton } from "../../../src/ipc/wire/acton.ts";
import { FrameDecoder } from "../../../src/ipc/wire/frame-decoder.ts";
import type { Packet } from "../../../src/ipc/wire/packet.ts";
import type { Fields } from "../../support/raw-client.ts";
import { type RecordedFrame, recordedFrames } from "./recorded.ts";

const limits = { depth: 127, tokens: 100_000 };
const clientFrames = (await recordedFrames()).filter(({ direction }) => direction === "client");

function decoded(frame: RecordedFrame, chunkBytes = frame.bytes.length): Packet {
  const decoder = new FrameDecoder(2 ** 20);
  for (let at = 0; at < frame.bytes.length; at += chunkBytes) {
    expect(decoder.next(acton.headerLength)).toBeUndefined();
    decoder.push(Buffer.from(frame.bytes.subarray(at, at + chunkBytes)));
  }
  const whole = decoder.next(acton.headerLength);
  if (whole === undefined) throw new Error("the frame is not whole");
  expect(decoder.held).toBe(0);
  return acton.decode(whole, limits);
}

/** What is wrong with the bodies that the recording's listener was given on purpose: field or whole, and the answer's shape. */
const malformed: Readonly<Record<string, readonly [problem: RegExp, shape: string]>> = {
  "request/no-correlation": [/correlation_id is missing/, "response"],
  "request/not-an-object": [/not an object/, "response"],
  "subscribe/no-types": [/message_types is missing/, "subscription"],
  "unsubscribe/no-types": [/message_types is missing/, "subscription"],
  "discover/no-correlation": [/correlation_id is missing/, "discovery"],
  "subscribe-patterns/no-patterns": [/patterns is missing/, "patterns"],
  "unsubscribe-patterns/no-patterns": [/patterns is missing/, "patterns"],
};

function problemOf({ name }: RecordedFrame): readonly [RegExp, string] | undefined {
  const [, scenario] = /\/bad-body\/client\/(.+)$/.exec(name) ?? [];
  return scenario === undefined ? undefined : malformed[scenario];
}

function expectedOf(frame: RecordedFrame): Fields {
  const { version, format, kind } = frame;
  const body = frame.body as Fields;
  const to = { correlation: body?.["correlation_id"], version, format, streamId: body?.["correlation_id"] };
  switch (kind) {
    case 0x01: {
      if (body["target"] === "__unsubscribe__") return { kind: "leave", ...to, shape: "response" };
      const traceparent = body["traceparent"];
      return {
        kind: "request",
        ...to,
        shape: body["expects_stream"] === true ? "stream" : "response",
        target: body["target"],
        messageType: body["message_type"],
        payload: body["payload"] ?? null,
        expectsReply: body["expects_reply"] ?? false,
        expectsStream: body["expects_stream"] ?? false,
        timeoutMs: body["response_timeout_ms"] ?? 30_000,
        replyTo: undefined,
        streamWindow: undefined,
        trace: traceparent === undefined ? undefined : { traceparent },
      };
    }
    case 0x04:
      return {
        kind: "heartbeat",
        correlation: null,
        version,
        format,
        streamId: null,
        shape: "response",
        body: frame.bytes.subarray(version === 1 ? 6 : 7),
      };
    case 0x06:
      return { kind: "subscribe", ...to, shape: "subscription", types: body["message_types"], patterns: undefined };
    case 0x07:
      return { kind: "unsubscribe", ...to, shape: "subscription", types: body["message_types"], patterns: undefined };
    case 0x08:
      return {
        kind: "discover",
        ...to,
        shape: "discovery",
        actors: body["include_actors"] ?? true,
        messageTypes: body["include_message_types"] ?? true,
      };
    case 0x0a:
      return { kind: "subscribe", ...to, shape: "patterns", types: undefined, patterns: body["patterns"] };
    case 0x0b:
      return { kind: "unsubscribe", ...to, shape: "patterns", types: undefined, patterns: body["patterns"] };
    default:
      throw new Error(`no client frame has kind ${kind}`);
  }
}

function expectPacket(packet: Packet, frame: RecordedFrame): void {
  const problem = problemOf(frame);
  if (problem === undefined) {
    expect(packet as unknown as Fields).toEqual(expectedOf(frame));
    return;
  }
  if (packet.kind !== "malformed") throw new Error(`the body was understood as ${packet.kind}`);
  const correlation = (frame.body as Fields)["correlation_id"] ?? null;
  expect(packet).toMatchObject({ correlation, version: frame.version, format: frame.format, shape: problem[1], closes: false });
  expect(packet.failure.code).toBe("SERIALIZATION_ERROR");
  expect(packet.failure.message).toMatch(problem[0]);
}

test.each(clientFrames)("$name is read field by field", (frame) => {
  expectPacket(decoded(frame), frame);
});

test("every client frame is read the same one byte at a time, and in chunks of three", () => {
  for (const frame of clientFrames) {
    expectPacket(decoded(frame, 1), frame);
    expectPacket(decoded(frame, 3), frame);
  }
});

test("all client frames in one chunk are cut into the same packets", () => {
  const decoder = new FrameDecoder(2 ** 20);
  decoder.push(Buffer.concat(clientFrames.map(({ bytes }) => bytes)));
  for (const frame of clientFrames) {
    const whole = decoder.next(acton.headerLength);
    if (whole === undefined) throw new Error(`${frame.name} was not cut`);
    expectPacket(acton.decode(whole, limits), frame);
  }
  expect(decoder.next(acton.headerLength)).toBeUndefined();
  expect(decoder.held).toBe(0);
});

test("the recording has every kind that clients send, in both versions and formats", () => {
  const seen = new Set(clientFrames.map(({ version, format, kind }) => `${version} ${format} ${kind}`));
  const kinds = [0x01, 0x04, 0x06, 0x07, 0x08, 0x0a, 0x0b];
  expect([...seen].sort()).toEqual(
    [...["json", "msgpack"].flatMap((format) => kinds.map((kind) => `2 ${format} ${kind}`)), "1 json 1", "1 json 4"].sort(),
  );
});
