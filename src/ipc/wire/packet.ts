// What frames mean, whatever dialect they were written in: the server's operations and the dialects share these.

import type { Failure } from "../../errors.ts";

export type Format = "json" | "msgpack";

/** The shape of the answer that a frame gets, and so the shape of its refusal. */
export type AnswerShape = "response" | "stream" | "subscription" | "patterns" | "discovery";

/** What a dialect needs to know of a frame in order to answer it. */
export interface Address {
  /** Null when the client sent none. */
  readonly correlation: string | null;
  readonly format: Format;
  /** The dialect's version of that frame; 0 where a dialect has but one. */
  readonly version: number;
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
  /** Stream frames that may be sent ahead of credit; undefined when the reader's pace is enough. */
  readonly streamWindow: number | undefined;
  readonly trace: Trace | undefined;
  /** Ids of those that wait for the answer, the nearest last; never empty. */
  readonly askChain: readonly string[] | undefined;
}

/** W3C trace context. */
export interface Trace {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/** Empty lists in an unsubscribe mean "all": `types` all types and patterns, `patterns` all patterns. */
export interface SubscriptionPacket extends Address {
  readonly kind: "subscribe" | "unsubscribe";
  readonly types: readonly string[] | undefined;
  readonly patterns: readonly string[] | undefined;
}

export interface DiscoverPacket extends Address {
  readonly kind: "discover";
  /** What to leave out by being false. */
  readonly actors: boolean;
  readonly messageTypes: boolean;
}

/** `leave`: the client says goodbye, and is answered. */
export interface QueryPacket extends Address {
  readonly kind: "stats" | "ping" | "leave";
}

export interface HeartbeatPacket extends Address {
  readonly kind: "heartbeat";
  /** What is to be sent back: a view of the frame. */
  readonly body: Uint8Array;
}

/** Asks to be told when an agent has stopped. It has a correlation, so that it can be cancelled. */
export interface WatchPacket extends Address {
  readonly kind: "watch";
  readonly agent: string;
}

/** Ends a request, stream or watch of this connection. */
export interface CancelPacket {
  readonly kind: "cancel";
  readonly correlation: string;
}

/** Lets a stream of this connection send so many more frames. */
export interface CreditPacket {
  readonly kind: "credit";
  readonly correlation: string;
  readonly credit: number;
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
  /** A query, had it been well formed: free of charge. */
  readonly free: boolean;
}

export type Packet =
  | RequestPacket
  | SubscriptionPacket
  | DiscoverPacket
  | QueryPacket
  | HeartbeatPacket
  | WatchPacket
  | CancelPacket
  | CreditPacket
  | SilentPacket
  | MalformedPacket;

export interface Push {
  /** Unique among all pushes of this listener. */
  readonly number: number;
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
  /** Undefined when not asked for. */
  readonly actors: readonly { readonly name: string; readonly ern: string; readonly handles: readonly string[] }[] | undefined;
  readonly messageTypes: readonly string[] | undefined;
  readonly schemas: Readonly<Record<string, unknown>>;
}
