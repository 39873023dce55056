// Reads one decoded body of the bare dialect into a packet. What a body is shows in the fields that it has.

import { ActonError } from "../../errors.ts";
import { BodyFields } from "./body-fields.ts";
import type { Address, AnswerShape, Format, Packet } from "./packet.ts";

const subscriptionFields = ["message_types", "patterns", "unsubscribe", "unsubscribe_patterns"];

/** Never throws: a field that is wrong makes a malformed packet. */
export function readBareBody(body: Readonly<Record<string, unknown>>, format: Format): Packet {
  const fields = new BodyFields(body);
  try {
    return read(fields, format);
  } catch (error) {
    if (!(error instanceof ActonError)) throw error;
    const to = address(format, shapeOf(fields), fields.readableCorrelation("request_id"));
    return { kind: "malformed", ...to, failure: error, closes: false, free: isQuery(fields) };
  }
}

function read(fields: BodyFields, format: Format): Packet {
  const correlation = fields.correlation("request_id");
  if (fields.has("target")) return request(fields, format, correlation);
  if (fields.has("message_types") || fields.has("patterns")) {
    const to = address(format, "subscription", correlation);
    return { kind: "subscribe", ...to, types: fields.names("message_types"), patterns: fields.names("patterns") };
  }
  if (fields.has("unsubscribe") || fields.has("unsubscribe_patterns")) {
    const to = address(format, "subscription", correlation);
    return { kind: "unsubscribe", ...to, types: fields.names("unsubscribe"), patterns: fields.names("unsubscribe_patterns") };
  }
  const { body } = fields;
  if (body["discover"] === true) return { kind: "discover", ...address(format, "response", correlation), actors: true, messageTypes: true };
  if (body["stats"] === true) return { kind: "stats", ...address(format, "response", correlation) };
  if (body["ping"] === true) return { kind: "ping", ...address(format, "response", correlation) };
  if (fields.has("cancel")) return { kind: "cancel", correlation: fields.text("cancel") };
  if (fields.has("credit")) return { kind: "credit", correlation: fields.text("stream_id"), credit: fields.count("credit") ?? 0 };
  throw fields.missing("target");
}

function request(fields: BodyFields, format: Format, correlation: string | null): Packet {
  const expectsStream = fields.flag("expects_stream");
  return {
    kind: "request",
    correlation,
    format,
    version: 0,
    shape: expectsStream ? "stream" : "response",
    streamId: correlation,
    target: fields.text("target"),
    messageType: fields.text("message_type"),
    payload: fields.payload(),
    expectsReply: fields.flag("expects_reply"),
    expectsStream,
    timeoutMs: fields.milliseconds("timeout_ms") ?? fields.milliseconds("response_timeout_ms"),
    replyTo: fields.optionalText("reply_to"),
    streamWindow: fields.count("stream_window"),
    trace: fields.trace(),
  };
}

function address(format: Format, shape: AnswerShape, correlation: string | null): Address {
  return { correlation, format, version: 0, shape, streamId: correlation };
}

function isQuery(fields: BodyFields): boolean {
  return !fields.has("target") && ["discover", "stats", "ping"].some((field) => fields.body[field] === true);
}

function shapeOf(fields: BodyFields): AnswerShape {
  if (fields.has("target") || fields.has("message_type")) return fields.requestShape();
  return subscriptionFields.some((field) => fields.has(field)) ? "subscription" : fields.requestShape();
}
