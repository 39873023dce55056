// Who is running now: which handler a send or an ask comes from, through its awaits too.

import { AsyncLocalStorage } from "node:async_hooks";
import type { AgentRef } from "../message/agent-ref.ts";
import type { Recipient } from "../message/recipient.ts";
import type { MessageType } from "../message/message-type.ts";
import type { ReplyPort } from "../message/reply-port.ts";

/** A running handler, as the calls that it makes see it. */
export interface Caller {
  readonly settled: boolean;
  readonly self: AgentRef<MessageType>;
  /** Notes that it waits for the answer to a message of this type that it has sent with this port. */
  waitsFor(port: ReplyPort, recipient: Recipient, type: MessageType): void;
  /** Notes that it does not any more. */
  waitsNoMore(port: ReplyPort): void;
}

export class Activity<C extends Caller> {
  readonly #context = new AsyncLocalStorage<C | undefined>();

  /** The handler that called, directly or through its awaits; undefined outside of any, or once it has settled. */
  current(): C | undefined {
    const caller = this.#context.getStore();
    return caller === undefined || caller.settled ? undefined : caller;
  }

  /** Calls `run` with the argument as the caller's code; with undefined, as code that belongs to no handler. */
  within<Argument, Result>(caller: C | undefined, run: (argument: Argument) => Result, argument: Argument): Result {
    return this.#context.run(caller, run, argument);
  }
}
