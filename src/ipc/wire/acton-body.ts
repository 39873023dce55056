// Reads one decoded body of the acton dialect into a packet, by the kind in its header.

import { ActonError, type Failure } from "../../errors.ts";
import { BodyFields } from "./body-fields.ts";
import type { Address, AnswerShape, Format, Packet } from "./packet.ts";

export const actonKinds = {
  request: 0x01,
  response: 0x02,
  error: 0x03,
  heartbeat: 0x04,
  push: 0x05,
  subscribe: 0x06,
  unsubscribe: 0x07,
  discover: 0x08,
  stream: 0x09,
  subscribePatterns: 0x0a,
  unsubscribePatterns: 0x0b,
  cancel: 0x40,
  credit: 0x41,
  stats: 0x42,
} as const;

export interface ActonHeader {
  readonly version: 1 | 2;
  readonly kind: number;
  readonly format: Format;
  /** A kind that only servers send: taken and forgotten. */
  readonly ignored: boolean;
}

/** Requests that name no time of their own, streams included. */
const defaultTimeoutMs = 30_000;
/** The target to which clients of the protocol say goodbye. */
const leavingTarget = "__unsubscribe__";

/** Never throws. With `failure` the body could not be decoded, and only the shape of its refusal is still to be found. */
export function readActonBody(body: Readonly<Record<string, unknown>>, header: ActonHeader, failure: Failure | undefined): Packet {
  const fields = new BodyFields(body);
  try {
    if (failure !== undefined) throw ActonError.from(failure);
    const correlation = fields.correlation("correlation_id");
    if (correlation === null) throw fields.missing("correlation_id");
    return read(fields, header, correlation);
  } catch (error) {
    if (!(error instanceof ActonError)) throw error;
    const to = address(header, shapeOf(header, fields), fields.readableCorrelation("correlation_id"));
    return { kind: "malformed", ...to, failure: error, closes: false, free: header.kind === actonKinds.discover || header.kind === actonKinds.stats };
  }
}

function read(fields: BodyFields, header: ActonHeader, correlation: string): Packet {
  const to = address(header, shapeOf(header, fields), correlation);
  switch (header.kind) {
    case actonKinds.request:
      return request(fields, to);
    case actonKinds.subscribe:
      return { kind: "subscribe", ...to, types: required(fields, "message_types"), patterns: undefined };
    case actonKinds.unsubscribe:
      return { kind: "unsubscribe", ...to, types: required(fields, "message_types"), patterns: undefined };
    case actonKinds.subscribePatterns:
      return { kind: "subscribe", ...to, types: undefined, patterns: required(fields, "patterns") };
    case actonKinds.unsubscribePatterns:
      return { kind: "unsubscribe", ...to, types: undefined, patterns: required(fields, "patterns") };
    case actonKinds.discover:
      return { kind: "discover", ...to, actors: wanted(fields, "include_actors"), messageTypes: wanted(fields, "include_message_types") };
    case actonKinds.stats:
      return { kind: "stats", ...to };
    case actonKinds.cancel:
      return { kind: "cancel", correlation };
    case actonKinds.credit:
      return { kind: "credit", correlation, credit: fields.count("credit") ?? 0 };
    default:
      return { kind: "silent" };
  }
}

function request(fields: BodyFields, to: Address): Packet {
  const target = fields.text("target");
  if (target === leavingTarget) return { kind: "leave", ...to };
  return {
    kind: "request",
    ...to,
    target,
    messageType: fields.text("message_type"),
    payload: fields.payload(),
    expectsReply: fields.flag("expects_reply"),
    expectsStream: fields.flag("expects_stream"),
    timeoutMs: fields.milliseconds("response_timeout_ms") ?? defaultTimeoutMs,
    replyTo: fields.optionalText("reply_to"),
    streamWindow: fields.count("stream_window"),
    trace: fields.trace(),
  };
}

function required(fields: BodyFields, field: string): readonly string[] {
  const names = fields.names(field);
  if (names === undefined) throw fields.missing(field);
  return names;
}

function wanted(fields: BodyFields, field: string): boolean {
  return fields.body[field] === undefined || fields.flag(field);
}

function address(header: ActonHeader, shape: AnswerShape, correlation: string | null): Address {
  return { correlation, format: header.format, version: header.version, shape, streamId: correlation };
}

function shapeOf(header: ActonHeader, fields: BodyFields): AnswerShape {
  switch (header.kind) {
    case actonKinds.request:
      return fields.requestShape();
    case actonKinds.subscribe:
    case actonKinds.unsubscribe:
      return "subscription";
    case actonKinds.subscribePatterns:
    case actonKinds.unsubscribePatterns:
      return "patterns";
    case actonKinds.discover:
      return "discovery";
    default:
      return "response";
  }
}
