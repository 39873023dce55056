// The way to an agent, as callers see it: the same wherever the agent lives.

import type { CallOptions } from "./call-options.ts";
import type { AnswerOf, MessageKind, MessageType, PayloadOf } from "./message-type.ts";
import type { ReplyStream } from "./reply-stream.ts";

/** The types among `Handled` that are answered in the given way. */
export type OfKind<Handled, Kind extends MessageKind> = Extract<Handled, MessageType<string, unknown, Kind, unknown>>;

/**
 * `Handled` is the union of the message types that the agent handles: a ref to one that handles less does not pass for it.
 * Without it the ref is to any agent, and nothing can be sent.
 */
export interface AgentRef<Handled extends MessageType = never> {
  /** Only for the compiler: what may be sent here. */
  readonly "~takes"?: (type: Handled) => void;
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
