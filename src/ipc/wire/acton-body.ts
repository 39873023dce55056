// Reads one decoded body of the acton dialect into a packet, by the kind in its header.

import { ActonError, type Failure } from "../../errors.ts";
import { type Body, fields, missing, readableCorrelation, requestShapeOf, traceOf } from "./body-fields.ts";
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
  watch: 0x43,
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
export function readActonBody(body: Body, header: ActonHeader, failure: Failure | undefined): Packet {
  try {
    if (failure !== undefined) throw ActonError.from(failure);
    const correlation = fields.correlation(body["correlation_id"], "correlation_id");
    if (correlation === null) throw missing("correlation_id");
    return read(body, header, correlation);
  } catch (error) {
    if (!(error instanceof ActonError)) throw error;
    const to = address(header, shapeOf(header, body), readableCorrelation(body["correlation_id"]));
    return { kind: "malformed", ...to, failure: error, closes: false, free: header.kind === actonKinds.discover || header.kind === actonKinds.stats };
  }
}

function read(body: Body, header: ActonHeader, correlation: string): Packet {
  const to = address(header, shapeOf(header, body), correlation);
  switch (header.kind) {
    case actonKinds.request:
      return request(body, to);
    case actonKinds.subscribe:
      return { kind: "subscribe", ...to, types: required(body["message_types"], "message_types"), patterns: undefined };
    case actonKinds.unsubscribe:
      return { kind: "unsubscribe", ...to, types: required(body["message_types"], "message_types"), patterns: undefined };
    case actonKinds.subscribePatterns:
      return { kind: "subscribe", ...to, types: undefined, patterns: required(body["patterns"], "patterns") };
    case actonKinds.unsubscribePatterns:
      return { kind: "unsubscribe", ...to, types: undefined, patterns: required(body["patterns"], "patterns") };
    case actonKinds.discover:
      return {
        kind: "discover",
        ...to,
        actors: wanted(body["include_actors"], "include_actors"),
        messageTypes: wanted(body["include_message_types"], "include_message_types"),
      };
    case actonKinds.stats:
      return { kind: "stats", ...to };
    case actonKinds.watch:
      return { kind: "watch", ...to, agent: fields.text(body["watch"], "watch") };
    case actonKinds.cancel:
      return { kind: "cancel", correlation };
    case actonKinds.credit:
      return { kind: "credit", correlation, credit: fields.count(body["credit"], "credit") ?? 0 };
    default:
      return { kind: "silent" };
  }
}

function request(body: Body, to: Address): Packet {
  const target = fields.text(body["target"], "target");
  if (target === leavingTarget) return { kind: "leave", ...to };
  const { payload } = body;
  return {
    kind: "request",
    correlation: to.correlation,
    format: to.format,
    version: to.version,
    shape: to.shape,
    streamId: to.streamId,
    target,
    messageType: fields.text(body["message_type"], "message_type"),
    payload: payload === undefined ? null : payload,
    expectsReply: fields.flag(body["expects_reply"], "expects_reply"),
    expectsStream: fields.flag(body["expects_stream"], "expects_stream"),
    timeoutMs: fields.milliseconds(body["response_timeout_ms"], "response_timeout_ms") ?? defaultTimeoutMs,
    replyTo: fields.optionalText(body["reply_to"], "reply_to"),
    streamWindow: fields.count(body["stream_window"], "stream_window"),
    trace: traceOf(body),
    askChain: fields.ids(body["ask_chain"], "ask_chain"),
  };
}

function required(value: unknown, field: string): readonly string[] {
  const names = fields.names(value, field);
  if (names === undefined) throw missing(field);
  return names;
}

function wanted(value: unknown, field: string): boolean {
  return value === undefined || fields.flag(value, field);
}

function address(header: ActonHeader, shape: AnswerShape, correlation: string | null): Address {
  return { correlation, format: header.format, version: header.version, shape, streamId: correlation };
}

function shapeOf(header: ActonHeader, body: Body): AnswerShape {
  switch (header.kind) {
    case actonKinds.request:
      return requestShapeOf(body);
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
