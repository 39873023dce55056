// The bare dialect: a length, then a body in JSON or MessagePack, told apart by its first byte frame by frame.
// Spoken by the guide's clients in Python, Node and Rust, and by anyone with a socket and a JSON library.

import { ActonError, errorKinds, type Failure, failureText, ranOf } from "../../errors.ts";
import { capabilities } from "./capabilities.ts";
import type { CodecLimits } from "./codec.ts";
import type { Dialect } from "./dialect.ts";
import { type Frame, lengthFieldBytes } from "./frame-decoder.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { readBareBody } from "./bare-body.ts";
import { decodeBody } from "./decode-body.ts";
import { encodeJson, jsonId } from "./json.ts";
import { encodeMessagePack } from "./msgpack.ts";
import type { Address, Discovery, Format, MalformedPacket, Packet, Push, SilentPacket, SubscriptionState } from "./packet.ts";

const silent: SilentPacket = { kind: "silent" };

/** The body's format by its first byte: an object or white space, a MessagePack map, or nothing that this dialect has. */
export function bareFormatOf(byte: number): Format | undefined {
  if (byte === 0x7b || byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) return "json";
  if ((byte >= 0x80 && byte <= 0x8f) || byte === 0xde || byte === 0xdf) return "msgpack";
  return undefined;
}

export const bare: Dialect = {
  ordersUncorrelated: true,
  subscribesUnregistered: false,
  patience: 1,

  headerLength: () => lengthFieldBytes,

  decode(frame: Frame, limits: CodecLimits): Packet {
    const { bytes, start, end } = frame;
    if (start === end) return silent;
    const first = bytes[start] as number;
    const format = bareFormatOf(first);
    if (format === undefined) {
      return malformed(
        "json",
        { code: "PROTOCOL_ERROR", message: `a frame that begins with byte 0x${first.toString(16).padStart(2, "0")} is neither JSON nor MessagePack` },
        true,
      );
    }
    const body = decodeBody(frame, format, limits);
    return body instanceof ActonError ? malformed(format, body, false) : readBareBody(body, format);
  },

  reply(out, to, payload) {
    if (to.format === "json") {
      writeText(out, `{"request_id":${jsonId(to.correlation)},"success":true,"payload":${encodeJson(payload)},"error":null}`);
    } else {
      writeMap(out, { request_id: to.correlation, success: true, payload, error: null });
    }
  },

  failure(out, to, failure, sequence) {
    switch (to.shape) {
      case "response":
      case "discovery":
        return write(out, to.format, { request_id: to.correlation, success: false, payload: null, ...failureFields(failure) });
      case "stream":
        return write(out, to.format, { ...streamHead(to), sequence, payload: null, is_final: true, ...failureFields(failure) });
      case "subscription":
      case "patterns":
        return write(out, to.format, {
          request_id: to.correlation,
          success: false,
          payload: null,
          ...failureFields(failure),
          subscribed_types: [],
          rejected_types: [],
          subscribed_patterns: [],
        });
    }
  },

  item(out, to, sequence, payload) {
    writeStreamFrame(out, to, sequence, payload, false);
  },

  streamEnd(out, to, sequence, payload) {
    writeStreamFrame(out, to, sequence, payload, true);
  },

  subscribed(out: FrameWriter, to: Address, state: SubscriptionState) {
    write(out, to.format, {
      request_id: to.correlation,
      success: true,
      subscribed_types: state.types,
      rejected_types: state.rejected,
      subscribed_patterns: state.patterns,
    });
  },

  discovery(out: FrameWriter, to: Address, discovery: Discovery) {
    write(out, to.format, {
      request_id: to.correlation,
      success: true,
      protocol_version: protocolVersion,
      capabilities,
      product: discovery.product,
      application: discovery.application,
      actors: discovery.actors,
      message_types: discovery.messageTypes,
      schemas: discovery.schemas,
    });
  },

  push(out: FrameWriter, format: Format, push: Push) {
    const source = push.source === undefined ? {} : { source_agent: push.source };
    const dropped = push.dropped === 0 ? {} : { dropped: push.dropped };
    const { messageType: message_type, timestamp, seq } = push;
    if (format === "msgpack") {
      writeMap(out, { notification_type: "subscription", message_type, payload: push.payload.value, timestamp, ...source, seq, ...dropped });
      return;
    }
    const tail = JSON.stringify({ timestamp, ...source, seq, ...dropped });
    writeText(
      out,
      `{"notification_type":"subscription","message_type":${JSON.stringify(message_type)},"payload":${push.payload.json()},${tail.slice(1)}`,
    );
  },

  // An empty frame keeps the connection alive, and needs no body back.
  heartbeat(out: FrameWriter, _to: Address, body: Uint8Array) {
    out.begin();
    out.raw(body);
    out.finish();
  },

  connectionFailure(out: FrameWriter, failure: Failure, format: Format) {
    write(out, format, { request_id: null, success: false, payload: null, ...failureFields(failure) });
  },
};

/** The bare dialect has had one version. */
const protocolVersion = 1;

function writeStreamFrame(out: FrameWriter, to: Address, sequence: number, payload: unknown, final: boolean): void {
  if (to.format === "msgpack") {
    writeMap(out, { ...streamHead(to), sequence, payload, is_final: final });
    return;
  }
  const id = jsonId(to.streamId);
  const request = to.correlation === null ? "" : `,"request_id":${jsonId(to.correlation)}`;
  writeText(out, `{"stream_id":${id}${request},"sequence":${sequence},"payload":${encodeJson(payload)},"is_final":${final}}`);
}

function streamHead(to: Address): Record<string, unknown> {
  return to.correlation === null ? { stream_id: to.streamId } : { stream_id: to.streamId, request_id: to.correlation };
}

function failureFields(failure: Failure): Record<string, unknown> {
  return {
    error: failureText(failure),
    error_code: failure.code,
    // Said where the case says more than its code.
    ...(ranOf(failure) === errorKinds[failure.code].ran ? {} : { ran: ranOf(failure) }),
    ...(failure.retryAfterMs === undefined ? {} : { retry_after_ms: failure.retryAfterMs }),
    ...(failure.details === undefined ? {} : { details: failure.details }),
  };
}

function write(out: FrameWriter, format: Format, body: Record<string, unknown>): void {
  if (format === "json") writeText(out, encodeJson(body));
  else writeMap(out, body);
}

function writeText(out: FrameWriter, text: string): void {
  out.begin();
  out.text(text);
  out.finish();
}

function writeMap(out: FrameWriter, body: Record<string, unknown>): void {
  const bytes = encodeMessagePack(body);
  out.begin();
  out.raw(bytes);
  out.finish();
}

function malformed(format: Format, failure: Failure, closes: boolean): MalformedPacket {
  return { kind: "malformed", correlation: null, format, version: 0, shape: "response", streamId: null, failure, closes, free: false };
}
