// The way to an agent, as callers see it: the same wherever the agent lives. `Recipient` is the narrow interface
// behind every ref: what a mailbox in this process, a worker thread or a socket has to offer.

import type { Failure } from "../errors.ts";
import type { Envelope } from "./envelope.ts";
import type { AnswerOf, MessageKind, MessageType, PayloadOf } from "./message-type.ts";
import type { ReplyStream } from "./reply-stream.ts";

/** The types among `Handled` that are answered in the given way. */
export type OfKind<Handled, Kind extends MessageKind> = Extract<Handled, MessageType<string, unknown, Kind, unknown>>;

export interface CallOptions {
  /** Milliseconds until the call ends with TIMEOUT. */
  readonly timeoutMs?: number;
  /** Aborting it ends the call with CANCELLED. */
  readonly signal?: AbortSignal;
}

/** `Handled` is the union of the message types that the agent handles. */
export interface AgentRef<Handled extends MessageType = MessageType> {
  readonly name: string;
  /** Resolves once the message is in the mailbox. TARGET_BUSY when no room came in time, AGENT_STOPPED when the agent is gone. */
  send<T extends Handled>(type: T, payload: PayloadOf<T>): Promise<void>;
  /** The reply, or exactly one error, by the deadline (30 s unless given). */
  ask<T extends OfKind<Handled, "request">>(type: T, payload: PayloadOf<T>, options?: CallOptions): Promise<AnswerOf<T>>;
  /** The items as the agent yields them; it waits for the reader. Leaving the loop cancels. */
  stream<T extends OfKind<Handled, "stream">>(type: T, payload: PayloadOf<T>, options?: CallOptions): ReplyStream<AnswerOf<T>>;
  /** Calls back once, when the agent has stopped. Returns a function that ends the watch. */
  watch(stopped: () => void): () => void;
}

export interface Recipient {
  readonly name: string;
  /** Unique among all agents of this process: the name, a slash and a number. */
  readonly id: string;
  /** Puts the envelope into the mailbox now; otherwise says what kept it out. */
  offer(envelope: Envelope): Failure | undefined;
  /** Puts the envelope into the mailbox as soon as there is room; then `settled` is told, with a failure if it never came in. */
  post(envelope: Envelope, settled: (failure: Failure | undefined) => void): void;
  /** The types that it has handlers for. */
  readonly handles: readonly MessageType[];
  /** Whether the type is handled alone (`mutateOn`). */
  handlesExclusively(type: MessageType): boolean;
  /** Why this ask would wait for itself, or undefined. Asked before every ask. */
  askCycle(type: MessageType): Failure | undefined;
  watch(stopped: () => void): () => void;
  /** Closes the mailbox, works off what is queued, stops the children. Resolves when all is done or the time for it is over. */
  stop(): Promise<void>;
}
