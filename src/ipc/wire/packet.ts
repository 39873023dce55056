// What frames mean, whatever dialect they were written in: the server's operations and the dialects share these.

import type { Failure } from "../../errors.ts";

export type Format = "json" | "msgpack";

/** The shape of the answer that a frame gets, and so the shape of its refusal. */
export type AnswerShape = "response" | "stream" | "subscription";

/** What a dialect needs to know of a frame in order to answer it. */
export interface Address {
  /** Null when the client sent none. */
  readonly correlation: string | null;
  readonly format: Format;
  readonly shape: AnswerShape;
  /** Names the stream in a stream frame; differs from the correlation only when there is none. */
  streamId: string | null;
}

export interface RequestPacket extends Address {
  readonly kind: "request";
  readonly target: string;
  readonly messageType: string;
  readonly payload: unknown;
  readonly expectsReply: boolean;
  readonly expectsStream: boolean;
  /** Undefined when the client sent none; Infinity for "no limit". */
  readonly timeoutMs: number | undefined;
  readonly replyTo: string | undefined;
}

/** Empty lists in an unsubscribe mean "all": `types` all types and patterns, `patterns` all patterns. */
export interface SubscriptionPacket extends Address {
  readonly kind: "subscribe" | "unsubscribe";
  readonly types: readonly string[] | undefined;
  readonly patterns: readonly string[] | undefined;
}

export interface QueryPacket extends Address {
  readonly kind: "discover" | "stats" | "ping";
}

/** A frame that is answered with nothing: a keep-alive, or one whose answer is the absence of something. */
export interface SilentPacket {
  readonly kind: "silent";
}

/** A frame whose body cannot be understood. `closes` when nothing after it can be trusted either. */
export interface MalformedPacket extends Address {
  readonly kind: "malformed";
  readonly failure: Failure;
  readonly closes: boolean;
}

export type Packet = RequestPacket | SubscriptionPacket | QueryPacket | SilentPacket | MalformedPacket;

export interface Push {
  readonly messageType: string;
  readonly payload: EncodedPayload;
  readonly timestamp: number;
  readonly source: string | undefined;
  readonly seq: number;
  /** Pushes lost since the last one that went out. */
  readonly dropped: number;
}

/** A payload that goes out many times: encoded when it first does. */
export interface EncodedPayload {
  readonly value: unknown;
  json(): string;
}

export interface SubscriptionState {
  readonly types: readonly string[];
  readonly rejected: readonly string[];
  readonly patterns: readonly string[];
}

export interface Discovery {
  readonly product: { readonly name: string; readonly version: string };
  readonly application: { readonly name: string; readonly version: string };
  readonly actors: readonly { readonly name: string; readonly ern: string; readonly handles: readonly string[] }[];
  readonly messageTypes: readonly string[];
  readonly schemas: Readonly<Record<string, unknown>>;
}
