// An ask to an agent of this process, as the cycle finder sees it.

import type { ReplyPort } from "../message/reply-port.ts";
import { Activation } from "./activation.ts";
import type { AgentNode, OpenAsk, RunningHandler } from "./ask-cycle.ts";
import type { Mailbox } from "./mailbox.ts";

/** An ask as it stands whenever somebody looks: queued, or worked on by one of the agent's handlers. */
export class QueuedAsk implements OpenAsk {
  readonly target: AgentNode;
  readonly exclusive: boolean;
  readonly #mailbox: Mailbox;
  /** Undefined for an ask that is not sent yet. */
  readonly #port: ReplyPort | undefined;

  constructor(target: AgentNode, mailbox: Mailbox, port: ReplyPort | undefined, exclusive: boolean) {
    this.target = target;
    this.#mailbox = mailbox;
    this.#port = port;
    this.exclusive = exclusive;
  }

  get server(): RunningHandler | undefined {
    const attendant = this.#port?.attendant;
    return attendant instanceof Activation ? attendant : undefined;
  }

  get behindExclusive(): boolean {
    return this.#mailbox.hasExclusiveBefore(this.#port);
  }
}
