// `reply_to`: the answer goes to another agent as a message instead of back over the socket.

import type { Failure } from "../../../errors.ts";
import type { Recipient } from "../../../message/recipient.ts";
import { Envelope } from "../../../message/envelope.ts";
import type { MessageType } from "../../../message/message-type.ts";
import type { ReplySink } from "../../../message/reply-port.ts";
import type { HeldBytes } from "../held-bytes.ts";
import type { ServerContext } from "../server-context.ts";

export interface ForwardOptions {
  readonly streaming: boolean;
  /** What the request holds: until what came of it is handled, too. */
  readonly held: HeldBytes;
}

export class ForwardedReply implements ReplySink {
  readonly streaming: boolean;
  readonly #context: ServerContext;
  readonly #recipient: Recipient;
  readonly #type: MessageType;
  readonly #held: HeldBytes;

  constructor(context: ServerContext, recipient: Recipient, type: MessageType, { streaming, held }: ForwardOptions) {
    this.#context = context;
    this.#recipient = recipient;
    this.#type = type;
    this.streaming = streaming;
    this.#held = held;
  }

  resolve(value: unknown): void {
    if (value !== undefined) void this.item(value);
  }

  /** Waits for room in the other agent's mailbox, so that a stream goes no faster than that agent. */
  item(value: unknown): Promise<void> | undefined {
    const { answer } = this.#type;
    if (answer === undefined) {
      this.#lost(`${this.#type.name} has no answer type`);
      return undefined;
    }
    const envelope = new Envelope(answer, value, null, undefined, undefined, this.#held.share());
    const failure = this.#recipient.offer(envelope);
    if (failure === undefined) return undefined;
    if (failure.code !== "TARGET_BUSY") {
      this.#held.release();
      this.#lost(failure.message);
      return undefined;
    }
    return new Promise((resolve) => {
      this.#recipient.post(envelope, (late) => {
        if (late !== undefined) {
          this.#held.release();
          this.#lost(late.message);
        }
        resolve();
      });
    });
  }

  reject(failure: Failure): void {
    this.#lost(failure.message);
  }

  #lost(why: string): void {
    this.#context.log.warn("forwarded reply lost", { type: this.#type.name, to: this.#recipient.name, why });
  }
}
