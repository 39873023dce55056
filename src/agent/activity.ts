// Who is running now: which handler a send or an ask comes from, through its awaits too.

import { AsyncLocalStorage } from "node:async_hooks";
import { askChain } from "../ask-chain.ts";
import type { AgentRef } from "../message/agent-ref.ts";
import type { Origin } from "../message/envelope.ts";
import type { Recipient } from "../message/recipient.ts";
import type { MessageType } from "../message/message-type.ts";
import type { ReplyPort } from "../message/reply-port.ts";

/** A running handler, as the calls that it makes see it. */
export interface Caller {
  readonly settled: boolean;
  readonly self: AgentRef<MessageType>;
  /** Ids of those that wait for what it asks over a socket, its own the last. */
  readonly askChain: readonly string[];
  /** What goes with its asks in this process: those elsewhere that wait for them. Undefined when none do. */
  readonly passedOn: Origin | undefined;
  /** Notes that it waits for the answer to a message of this type that it has sent with this port. */
  waitsFor(port: ReplyPort, recipient: Recipient, type: MessageType): void;
  /** Notes that it does not any more. */
  waitsNoMore(port: ReplyPort): void;
}

// One for all runtimes of a process: what a handler of one asks of another is no less waited for.
const context = new AsyncLocalStorage<Caller | undefined>();

export class Activity {
  constructor() {
    askChain.current = () => this.current()?.askChain;
  }

  /** The handler that called, directly or through its awaits; undefined outside of any, or once it has settled. */
  current(): Caller | undefined {
    const caller = context.getStore();
    return caller === undefined || caller.settled ? undefined : caller;
  }

  /** Calls `run` with the argument as the caller's code; with undefined, as code that belongs to no handler. */
  within<Argument, Result>(caller: Caller | undefined, run: (argument: Argument) => Result, argument: Argument): Result {
    return context.run(caller, run, argument);
  }
}
