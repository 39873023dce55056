// Messages that an agent sends itself later. A schedule ends when it is cancelled or its agent stops;
// ticks that were missed, or that find the mailbox full, coalesce into the next one.

import type { Clock, Timer } from "../clock.ts";
import type { Recipient } from "../message/recipient.ts";
import { Envelope } from "../message/envelope.ts";
import type { MessageType } from "../message/message-type.ts";

export interface SendEveryOptions {
  /** `rate` keeps to multiples of the period from the start; `delay` counts each period from the last tick. Default: rate. */
  readonly fixed?: "rate" | "delay";
}

export class Schedule implements Timer {
  due = 0;
  order = 0;
  place = -1;
  readonly #clock: Clock;
  readonly #recipient: Recipient;
  readonly #envelope: Envelope;
  readonly #periodMs: number | undefined;
  readonly #fixed: "rate" | "delay";
  readonly #ended: (schedule: Schedule) => void;

  /** Without a period it sends once. `ended` is called when nothing more will be sent. */
  constructor(
    clock: Clock,
    recipient: Recipient,
    message: { readonly type: MessageType; readonly payload: unknown },
    when: { readonly delayMs: number; readonly periodMs?: number; readonly fixed?: "rate" | "delay" | undefined },
    ended: (schedule: Schedule) => void,
  ) {
    if (when.periodMs !== undefined && !(when.periodMs > 0))
      throw new RangeError(`Cannot send every ${when.periodMs} ms: the period must be positive`);
    this.#clock = clock;
    this.#recipient = recipient;
    this.#envelope = new Envelope(message.type, message.payload, null, undefined, undefined);
    this.#periodMs = when.periodMs;
    this.#fixed = when.fixed ?? "rate";
    this.#ended = ended;
    clock.arm(this, when.delayMs);
  }

  /** True while it will still send. */
  get active(): boolean {
    return this.place >= 0;
  }

  cancel(): void {
    if (!this.active) return;
    this.#clock.disarm(this);
    this.#ended(this);
  }

  expire(): void {
    const planned = this.due;
    if (this.#periodMs === undefined) {
      this.#ended(this);
      this.#recipient.post(this.#envelope, () => {});
      return;
    }
    const failure = this.#recipient.offer(this.#envelope);
    if (failure !== undefined && failure.code !== "TARGET_BUSY") this.#ended(this);
    else this.#clock.arm(this, this.#delayAfter(planned, this.#periodMs));
  }

  #delayAfter(planned: number, periodMs: number): number {
    if (this.#fixed === "delay") return periodMs;
    const late = this.#clock.monotonic() - planned;
    return periodMs - (late % periodMs);
  }
}
