// The ref to an agent behind the connection: used like a local handle.

import type { AgentRef, OfKind } from "../../message/agent-ref.ts";
import type { CallOptions } from "../../message/call-options.ts";
import type { AnswerOf, MessageType, PayloadOf } from "../../message/message-type.ts";
import type { ReplyStream } from "../../message/reply-stream.ts";
import type { Calls, StreamOptions } from "./calls.ts";

export class RemoteAgent<Handled extends MessageType = MessageType> implements AgentRef<Handled> {
  declare readonly "~takes"?: (type: Handled) => void;
  readonly name: string;
  readonly #calls: Calls;

  constructor(name: string, calls: Calls) {
    this.name = name;
    this.#calls = calls;
  }

  send<T extends Handled>(type: T, payload: PayloadOf<T>, options?: CallOptions): Promise<void> {
    return this.#calls.send(this.name, type.name, payload, options);
  }

  ask<T extends OfKind<Handled, "request">>(type: T, payload: PayloadOf<T>, options?: CallOptions): Promise<AnswerOf<T>> {
    return this.#calls.ask(this.name, type.name, payload, options) as Promise<AnswerOf<T>>;
  }

  stream<T extends OfKind<Handled, "stream">>(type: T, payload: PayloadOf<T>, options?: StreamOptions): ReplyStream<AnswerOf<T>> {
    return this.#calls.stream(this.name, type.name, payload, options) as ReplyStream<AnswerOf<T>>;
  }

  /** Calls back once: when the agent has stopped, when there is none of that name, or when the connection is lost. */
  watch(stopped: () => void): () => void {
    return this.#calls.watch(this.name, stopped);
  }
}
