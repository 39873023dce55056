// The acton dialect, versions 1 and 2: a length, a version byte, a kind, in version 2 a format, then the body.
// Spoken by the clients of acton-reactive. The version may change from frame to frame; answers keep that of their frame.

import { ActonError, type Failure } from "../../errors.ts";
import { type ActonHeader, actonKinds, readActonBody } from "./acton-body.ts";
import { actonFailure } from "./acton-text.ts";
import { capabilities } from "./capabilities.ts";
import type { CodecLimits } from "./codec.ts";
import type { Dialect } from "./dialect.ts";
import { type Frame, lengthFieldBytes } from "./frame-decoder.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { decodeBody } from "./decode-body.ts";
import { encodeWellFormedJson, jsonId } from "./json.ts";
import { encodeTextMessagePack } from "./msgpack.ts";
import type { Address, Discovery, Format, Packet, Push, SubscriptionState } from "./packet.ts";

const headerBytes = { 1: lengthFieldBytes + 2, 2: lengthFieldBytes + 3 } as const;
const formatBytes: Readonly<Record<Format, number>> = { json: 0x01, msgpack: 0x02 };
/** Clients report the text of a frame with this correlation to every open call. */
const everyCall = "__acton_connection_rejected__";
/** What an answer is correlated with when the frame's own correlation could not be read. */
const unknownCall = "unknown";

export const acton: Dialect = {
  ordersUncorrelated: false,
  subscribesUnregistered: true,
  patience: 2,

  headerLength(bytes, offset, end) {
    if (end - offset <= lengthFieldBytes) return 0;
    const version = bytes[offset + lengthFieldBytes] as number;
    if (version !== 1 && version !== 2) throw unsupportedVersion(version);
    return end - offset < headerBytes[version] ? 0 : headerBytes[version];
  },

  decode(frame: Frame, limits: CodecLimits): Packet {
    const header = headerOf(frame);
    if ("code" in header) return { kind: "malformed", ...addressOf("json", 2), failure: header, closes: true, free: false };
    const { bytes, start, end } = frame;
    if (header.kind === actonKinds.heartbeat) {
      return { kind: "heartbeat", ...addressOf(header.format, header.version), body: bytes.subarray(start, end) };
    }
    if (header.ignored) return { kind: "silent" };
    const body = decodeBody(frame, header.format, limits);
    return body instanceof ActonError ? readActonBody({}, header, body) : readActonBody(body, header, undefined);
  },

  reply(out, to, payload) {
    if (to.format === "json") {
      const text = `{"correlation_id":${jsonId(correlationOf(to))},"success":true,"payload":${encodeWellFormedJson(payload)}}`;
      writeText(out, to.version, actonKinds.response, text);
    } else {
      write(out, to, actonKinds.response, { correlation_id: correlationOf(to), success: true, payload });
    }
  },

  failure(out, to, failure, sequence) {
    const correlation_id = correlationOf(to);
    const { error, code } = actonFailure(failure, to.shape);
    const extra = extraOf(failure);
    switch (to.shape) {
      case "response":
        return write(out, to, actonKinds.error, { correlation_id, success: false, error, error_code: code, ...extra });
      case "stream":
        return writeStream(out, to, { correlation_id, sequence, is_final: true, error, error_code: code, ...extra });
      case "subscription":
        return write(out, to, actonKinds.error, { correlation_id, success: false, error: `${code}: ${error}`, ...extra, subscribed_types: [] });
      case "patterns":
        // What is wrong with a pattern is said in the protocol's own words, bare.
        return write(out, to, actonKinds.response, {
          correlation_id,
          success: false,
          error: failure.subject ?? `${code}: ${error}`,
          ...extra,
          subscribed_patterns: [],
        });
      case "discovery":
        return write(out, to, actonKinds.error, { correlation_id, success: false, error: `${code}: ${error}`, ...extra });
    }
  },

  item(out, to, sequence, payload) {
    if (to.format === "json") {
      const head = `{"correlation_id":${jsonId(correlationOf(to))},"sequence":${sequence},"is_final":false`;
      writeText(out, streamVersion, actonKinds.stream, `${head},"payload":${encodeWellFormedJson(payload)}}`);
    } else {
      writeStream(out, to, { correlation_id: correlationOf(to), sequence, is_final: false, payload });
    }
  },

  streamEnd(out, to, sequence, payload) {
    const last = payload === null ? {} : { payload };
    writeStream(out, to, { correlation_id: correlationOf(to), sequence, is_final: true, ...last });
  },

  subscribed(out: FrameWriter, to: Address, state: SubscriptionState) {
    const correlation_id = correlationOf(to);
    if (to.shape === "patterns") {
      write(out, to, actonKinds.response, { correlation_id, success: true, subscribed_patterns: state.patterns });
      return;
    }
    const unregistered = state.rejected.length === 0 ? {} : { unregistered_types: state.rejected };
    write(out, to, actonKinds.response, { correlation_id, success: true, subscribed_types: state.types, ...unregistered });
  },

  discovery(out: FrameWriter, to: Address, discovery: Discovery) {
    write(out, to, actonKinds.response, {
      correlation_id: correlationOf(to),
      success: true,
      protocol_version: protocolVersion,
      ...(discovery.actors === undefined ? {} : { actors: discovery.actors.map(({ name, ern }) => ({ name, ern })) }),
      ...(discovery.messageTypes === undefined ? {} : { message_types: discovery.messageTypes }),
      product: discovery.product,
      application: discovery.application,
      schemas: discovery.schemas,
    });
  },

  push(out: FrameWriter, format: Format, push: Push) {
    const source = push.source === undefined ? {} : { source_actor: push.source };
    const dropped = push.dropped === 0 ? {} : { dropped: push.dropped };
    writeFrame(out, 2, actonKinds.push, format, {
      notification_id: `push_${push.number.toString(36).padStart(10, "0")}`,
      message_type: push.messageType,
      ...source,
      payload: push.payload.value,
      timestamp_ms: push.timestamp,
      seq: push.seq,
      ...dropped,
    });
  },

  heartbeat(out: FrameWriter, to: Address, body: Uint8Array) {
    begin(out, to.version, actonKinds.heartbeat, to.format);
    out.raw(body);
    out.finish();
  },

  connectionFailure(out: FrameWriter, failure: Failure) {
    const { error, code } = actonFailure(failure, "connection");
    const payload = failure.details === undefined ? {} : { payload: failure.details };
    writeFrame(out, 2, actonKinds.error, "json", { correlation_id: everyCall, success: false, error, error_code: code, ...payload });
  },
};

const protocolVersion = {
  current: 2,
  min_supported: 1,
  max_supported: 2,
  description: "v2 (multi-format, streaming, push, discovery)",
  capabilities,
};

/** In a frame that says so: a version this dialect does not have. */
export function unsupportedVersion(version: number): ActonError {
  const subject = `0x${version.toString(16).padStart(2, "0")}`;
  return new ActonError("UNSUPPORTED_PROTOCOL_VERSION", `protocol version ${subject} is not spoken here`, { subject });
}

function headerOf({ bytes, header }: Frame): ActonHeader | Failure {
  const version = bytes[header + lengthFieldBytes] === 1 ? 1 : 2;
  const kind = bytes[header + lengthFieldBytes + 1] as number;
  const formatByte = version === 1 ? 0x01 : bytes[header + lengthFieldBytes + 2];
  const format = formatByte === 0x01 ? "json" : formatByte === 0x02 ? "msgpack" : undefined;
  const known = version === 1 ? kind >= 0x01 && kind <= 0x04 : (kind >= 0x01 && kind <= 0x0b) || (kind >= 0x40 && kind <= 0x43);
  if (!known) return { code: "PROTOCOL_ERROR", message: `Unknown message type 0x${kind.toString(16).padStart(2, "0")} for protocol v${version}` };
  if (format === undefined) return { code: "PROTOCOL_ERROR", message: `Unknown format 0x${(formatByte ?? 0).toString(16).padStart(2, "0")}` };
  const ignored = kind === actonKinds.response || kind === actonKinds.error || kind === actonKinds.push || kind === actonKinds.stream;
  return { version, kind, format, ignored };
}

function addressOf(format: Format, version: number): Address {
  return { correlation: null, format, version, shape: "response", streamId: null };
}

function correlationOf(to: Address): string {
  return to.correlation ?? unknownCall;
}

function extraOf(failure: Failure): Record<string, unknown> {
  return {
    ...(failure.retryAfterMs === undefined ? {} : { retry_after_ms: failure.retryAfterMs }),
    ...(failure.details === undefined ? {} : { details: failure.details }),
  };
}

function write(out: FrameWriter, to: Address, kind: number, body: Record<string, unknown>): void {
  writeFrame(out, to.version, kind, to.format, body);
}

// Version 1 has no stream frames: whoever asks for a stream in it reads those of version 2.
const streamVersion = 2;

function writeStream(out: FrameWriter, to: Address, body: Record<string, unknown>): void {
  writeFrame(out, streamVersion, actonKinds.stream, to.format, body);
}

function writeFrame(out: FrameWriter, version: number, kind: number, format: Format, body: Record<string, unknown>): void {
  if (format === "json") {
    writeText(out, version, kind, jsonBody(body));
    return;
  }
  const bytes = encodeTextMessagePack(body);
  begin(out, version, kind, format);
  out.raw(bytes);
  out.finish();
}

// The payload has its own depth to itself; the fields around it are ours, and plain.
function jsonBody(body: Record<string, unknown>): string {
  const members = Object.entries(body).map(([key, value]) => `"${key}":${key === "payload" ? encodeWellFormedJson(value) : JSON.stringify(value)}`);
  return `{${members.join(",")}}`;
}

function writeText(out: FrameWriter, version: number, kind: number, text: string): void {
  begin(out, version, kind, "json");
  out.text(text);
  out.finish();
}

function begin(out: FrameWriter, version: number, kind: number, format: Format): void {
  if (version === 1) out.begin(1, kind);
  else out.begin(2, kind, formatBytes[format]);
}
