// A message type: one identity for dispatch, broker, wire, schema and client. Its name is the identity.

import type { JsonSchema } from "./json-schema.ts";
import { type OutputOf, type Schema, type SchemaSource, schemaOf, type Validation } from "./schema.ts";

/** What a message type is for: `event` expects no answer, `request` one reply, `stream` any number of items. */
export type MessageKind = "event" | "request" | "stream";

declare const payload: unique symbol;
declare const answer: unique symbol;

export class MessageType<Name extends string = string, Payload = unknown, Kind extends MessageKind = MessageKind, Answer = unknown> {
  declare readonly [payload]: Payload;
  declare readonly [answer]: Answer;
  readonly name: Name;
  readonly kind: Kind;
  /** The type of the reply or of the stream's items; undefined for an event. */
  readonly answer: MessageType | undefined;
  readonly #schema: Schema;

  private constructor(name: Name, schema: Schema, kind: Kind, answerType: MessageType | undefined) {
    this.name = name;
    this.kind = kind;
    this.answer = answerType;
    this.#schema = schema;
  }

  static define<Name extends string, Payload>(name: Name, schema: Schema): MessageType<Name, Payload, "event", never> {
    return new MessageType<Name, Payload, "event", never>(name, schema, "event", undefined);
  }

  /** The same type, answered by one reply. */
  replies<R extends MessageType>(reply: R): MessageType<Name, Payload, "request", PayloadOf<R>> {
    return new MessageType<Name, Payload, "request", PayloadOf<R>>(this.name, this.#schema, "request", reply);
  }

  /** The same type, answered by a stream of items. */
  streams<I extends MessageType>(item: I): MessageType<Name, Payload, "stream", PayloadOf<I>> {
    return new MessageType<Name, Payload, "stream", PayloadOf<I>>(this.name, this.#schema, "stream", item);
  }

  /** Checks and converts a payload from outside. Never throws. */
  validate(value: unknown): Validation {
    return this.#schema.validate(value);
  }

  jsonSchema(): JsonSchema {
    return this.#schema.jsonSchema();
  }

  /** What of the schema is asynchronous, so that registration can refuse it; undefined when nothing is. */
  asyncPart(): string | undefined {
    return this.#schema.asyncPart();
  }

  /** Whether both stand for the same thing on the wire: name, schema, and how they are answered. */
  isSameAs(other: MessageType): boolean {
    if (this === other) return true;
    if (this.name !== other.name || this.kind !== other.kind || this.answer?.name !== other.answer?.name) return false;
    return this.#schema === other.#schema || canonical(this.jsonSchema()) === canonical(other.jsonSchema());
  }
}

export type PayloadOf<T extends MessageType> = T extends MessageType<string, infer Payload, MessageKind, unknown> ? Payload : never;
/** The reply of a request type, the items of a stream type. */
export type AnswerOf<T extends MessageType> = T extends MessageType<string, unknown, MessageKind, infer Answer> ? Answer : never;
export type RequestType = MessageType<string, unknown, "request", unknown>;
export type StreamType = MessageType<string, unknown, "stream", unknown>;

const nameBytesMax = 256;

/**
 * Defines a message type. `schema` is a record of zod types, a zod schema or any Standard Schema; payloads that
 * come over the wire are validated with it, local ones are typed as its output.
 * Throws a TypeError when the name is empty, longer than 256 bytes, or ends in `*` (which would read as a pattern).
 */
export function message<const Name extends string, Source extends SchemaSource>(
  name: Name,
  schema: Source,
): MessageType<Name, OutputOf<Source>, "event", never> {
  if (name.length === 0 || Buffer.byteLength(name) > nameBytesMax || name.endsWith("*")) {
    throw new TypeError(`Cannot define a message type named ${JSON.stringify(name)}: a name has 1 to ${nameBytesMax} bytes and does not end in '*'`);
  }
  return MessageType.define<Name, OutputOf<Source>>(name, schemaOf(schema));
}

// The order of fields, and of the names of required ones, means nothing.
function canonical(schema: unknown): string {
  return JSON.stringify(schema, (key, value: unknown) => {
    if (key === "required" && Array.isArray(value)) return value.map(String).sort((one, other) => (one < other ? -1 : 1));
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
  });
}
