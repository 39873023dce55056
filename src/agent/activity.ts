// Who is running now: which handler a send or an ask comes from. Synchronous code is tracked by a field,
// async handlers by the host's async context, so a handler that is not async pays for neither promise nor context.

import { AsyncLocalStorage } from "node:async_hooks";
import type { AgentRef, Recipient } from "../message/agent-ref.ts";
import type { MessageType } from "../message/message-type.ts";

/** A running handler, as the calls that it makes see it. */
export interface Caller {
  readonly settled: boolean;
  readonly self: AgentRef;
  /** Notes that it waits for the recipient's answer; the function that comes back notes that it does not any more. */
  awaits(recipient: Recipient, type: MessageType): () => void;
}

export class Activity<C extends Caller> {
  #running: C | undefined;
  readonly #context = new AsyncLocalStorage<C | undefined>();

  /** The handler that called, directly or through its awaits; undefined outside of any, or once it has settled. */
  current(): C | undefined {
    const caller = this.#running ?? this.#context.getStore();
    return caller === undefined || caller.settled ? undefined : caller;
  }

  /** Marks the synchronous part of a handler. The result goes back to `leave`. */
  enter(caller: C): C | undefined {
    const before = this.#running;
    this.#running = caller;
    return before;
  }

  leave(before: C | undefined): void {
    this.#running = before;
  }

  /** Runs code whose awaits belong to the caller too; with undefined, code that belongs to no handler. */
  within<T>(caller: C | undefined, run: () => T): T {
    const before = this.#running;
    this.#running = undefined;
    try {
      return this.#context.run(caller, run);
    } finally {
      this.#running = before;
    }
  }
}
