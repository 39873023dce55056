// Reads one decoded body of the bare dialect into a packet, field by field, and says which field is wrong.

import { ActonError, quoted } from "../../errors.ts";
import type { Address, AnswerShape, Format, Packet } from "./packet.ts";

const correlationBytesMax = 128;

export class BareBody {
  readonly #body: Record<string, unknown>;
  readonly #format: Format;

  constructor(body: Record<string, unknown>, format: Format) {
    this.#body = body;
    this.#format = format;
  }

  packet(): Packet {
    try {
      return this.#read();
    } catch (error) {
      if (!(error instanceof ActonError)) throw error;
      return { kind: "malformed", ...this.#address(this.#shape(), readableCorrelation(this.#body["request_id"])), failure: error, closes: false };
    }
  }

  #read(): Packet {
    const body = this.#body;
    const correlation = this.#correlation();
    if (body["target"] !== undefined) return this.#request(correlation);
    if (body["message_types"] !== undefined || body["patterns"] !== undefined) {
      const to = this.#address("subscription", correlation);
      return { kind: "subscribe", ...to, types: this.#names("message_types"), patterns: this.#names("patterns") };
    }
    if (body["unsubscribe"] !== undefined || body["unsubscribe_patterns"] !== undefined) {
      const to = this.#address("subscription", correlation);
      return { kind: "unsubscribe", ...to, types: this.#names("unsubscribe"), patterns: this.#names("unsubscribe_patterns") };
    }
    for (const kind of ["discover", "stats", "ping"] as const) {
      if (body[kind] === true) return { kind, ...this.#address("response", correlation) };
    }
    throw wrong("target", "is missing");
  }

  #request(correlation: string | null): Packet {
    const body = this.#body;
    const expectsStream = this.#flag("expects_stream");
    return {
      kind: "request",
      correlation,
      format: this.#format,
      shape: expectsStream ? "stream" : "response",
      streamId: correlation,
      target: this.#text("target"),
      messageType: this.#text("message_type"),
      payload: body["payload"] === undefined ? null : body["payload"],
      expectsReply: this.#flag("expects_reply"),
      expectsStream,
      timeoutMs: this.#timeoutMs(),
      replyTo: isAbsent(body["reply_to"]) ? undefined : this.#text("reply_to"),
    };
  }

  #address(shape: AnswerShape, correlation: string | null): Address {
    return { correlation, format: this.#format, shape, streamId: correlation };
  }

  // The shape of a refusal, when the rest of the body cannot be read.
  #shape(): AnswerShape {
    const body = this.#body;
    if (body["target"] !== undefined || body["message_type"] !== undefined) return body["expects_stream"] === true ? "stream" : "response";
    const subscribes = ["message_types", "patterns", "unsubscribe", "unsubscribe_patterns"].some((field) => body[field] !== undefined);
    return subscribes ? "subscription" : body["expects_stream"] === true ? "stream" : "response";
  }

  #correlation(): string | null {
    const id = this.#body["request_id"];
    if (isAbsent(id)) return null;
    const correlation = readableCorrelation(id);
    if (correlation === null) throw wrong("request_id", `must be a string of 1 to ${correlationBytesMax} bytes`);
    return correlation;
  }

  #text(field: string): string {
    const value = this.#body[field];
    if (value === undefined) throw wrong(field, "is missing");
    if (typeof value !== "string") throw wrong(field, `must be a string, not ${kindOf(value)}`);
    return value;
  }

  #flag(field: string): boolean {
    const value = this.#body[field];
    if (value === true || value === false) return value;
    if (isAbsent(value)) return false;
    throw wrong(field, `must be a boolean, not ${kindOf(value)}`);
  }

  #names(field: string): readonly string[] | undefined {
    const value = this.#body[field];
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) throw wrong(field, `must be an array of strings, not ${kindOf(value)}`);
    const at = value.findIndex((name) => typeof name !== "string");
    if (at >= 0) throw wrong(`${field}[${at}]`, `must be a string, not ${kindOf(value[at])}`);
    return value as string[];
  }

  // Clients write 2^64 − 1 for "no limit", so whatever is too large for a timer means just that.
  #timeoutMs(): number | undefined {
    const field = isAbsent(this.#body["timeout_ms"]) ? "response_timeout_ms" : "timeout_ms";
    const value = this.#body[field];
    if (isAbsent(value)) return undefined;
    const ms = typeof value === "bigint" ? Number(value) : value;
    if (typeof ms !== "number" || !(ms >= 0) || (typeof value === "number" && !Number.isInteger(value))) {
      throw wrong(field, `must be a whole number of milliseconds from 0, not ${typeof value === "number" ? value : kindOf(value)}`);
    }
    return ms > 2 ** 31 - 1 ? Infinity : ms;
  }
}

function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

function readableCorrelation(id: unknown): string | null {
  if (typeof id !== "string" || id.length === 0) return null;
  // Three bytes at most for each UTF-16 unit: short ids need no counting.
  return id.length * 3 <= correlationBytesMax || Buffer.byteLength(id) <= correlationBytesMax ? id : null;
}

function wrong(field: string, problem: string): ActonError {
  return new ActonError("SERIALIZATION_ERROR", `${field} ${problem}`);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "string" ? `the string ${quoted(value)}` : `a ${typeof value}`;
}
