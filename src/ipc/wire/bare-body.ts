// Reads one decoded body of the bare dialect into a packet. What a body is shows in the fields that it has.

import { ActonError } from "../../errors.ts";
import { type Body, fields, missing, readableCorrelation, requestShapeOf, traceOf } from "./body-fields.ts";
import type { Address, AnswerShape, Format, Packet, RequestPacket } from "./packet.ts";

/** Never throws: a field that is wrong makes a malformed packet. */
export function readBareBody(body: Body, format: Format): Packet {
  try {
    const correlation = fields.correlation(body["request_id"], "request_id");
    return body["target"] === undefined ? readOther(body, format, correlation) : readRequest(body, format, correlation);
  } catch (error) {
    if (!(error instanceof ActonError)) throw error;
    const to = address(format, shapeOf(body), readableCorrelation(body["request_id"]));
    return { kind: "malformed", ...to, failure: error, closes: false, free: isQuery(body) };
  }
}

function readRequest(body: Body, format: Format, correlation: string | null): RequestPacket {
  const expectsStream = fields.flag(body["expects_stream"], "expects_stream");
  const { payload } = body;
  return {
    kind: "request",
    correlation,
    format,
    version: 0,
    shape: expectsStream ? "stream" : "response",
    streamId: correlation,
    target: fields.text(body["target"], "target"),
    messageType: fields.text(body["message_type"], "message_type"),
    payload: payload === undefined ? null : payload,
    expectsReply: fields.flag(body["expects_reply"], "expects_reply"),
    expectsStream,
    timeoutMs: fields.milliseconds(body["timeout_ms"], "timeout_ms") ?? fields.milliseconds(body["response_timeout_ms"], "response_timeout_ms"),
    replyTo: fields.optionalText(body["reply_to"], "reply_to"),
    streamWindow: fields.count(body["stream_window"], "stream_window"),
    trace: traceOf(body),
    askChain: fields.ids(body["ask_chain"], "ask_chain"),
  };
}

function readOther(body: Body, format: Format, correlation: string | null): Packet {
  if (body["message_types"] !== undefined || body["patterns"] !== undefined) {
    const types = fields.names(body["message_types"], "message_types");
    const patterns = fields.names(body["patterns"], "patterns");
    return { kind: "subscribe", ...address(format, "subscription", correlation), types, patterns };
  }
  if (body["unsubscribe"] !== undefined || body["unsubscribe_patterns"] !== undefined) {
    const types = fields.names(body["unsubscribe"], "unsubscribe");
    const patterns = fields.names(body["unsubscribe_patterns"], "unsubscribe_patterns");
    return { kind: "unsubscribe", ...address(format, "subscription", correlation), types, patterns };
  }
  const to = address(format, "response", correlation);
  if (body["discover"] === true) return { kind: "discover", ...to, actors: true, messageTypes: true };
  if (body["stats"] === true) return { kind: "stats", ...to };
  if (body["ping"] === true) return { kind: "ping", ...to };
  if (body["cancel"] !== undefined) return { kind: "cancel", correlation: fields.text(body["cancel"], "cancel") };
  if (body["credit"] !== undefined) {
    return { kind: "credit", correlation: fields.text(body["stream_id"], "stream_id"), credit: fields.count(body["credit"], "credit") ?? 0 };
  }
  if (body["watch"] !== undefined) {
    if (correlation === null) throw missing("request_id");
    return { kind: "watch", ...to, agent: fields.text(body["watch"], "watch") };
  }
  throw missing("target");
}

function address(format: Format, shape: AnswerShape, correlation: string | null): Address {
  return { correlation, format, version: 0, shape, streamId: correlation };
}

function isQuery(body: Body): boolean {
  return body["target"] === undefined && (body["discover"] === true || body["stats"] === true || body["ping"] === true);
}

function shapeOf(body: Body): AnswerShape {
  if (body["target"] !== undefined || body["message_type"] !== undefined) return requestShapeOf(body);
  const subscribes = ["message_types", "patterns", "unsubscribe", "unsubscribe_patterns"].some((field) => body[field] !== undefined);
  return subscribes ? "subscription" : requestShapeOf(body);
}
