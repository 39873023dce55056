// A message that is sent later, once or again and again. A schedule settles exactly once: when it has sent its last,
// is cancelled, or cannot go on. From then on it holds no timer, and nobody holds it.

import type { Clock, Timer } from "../clock.ts";
import type { Failure } from "../errors.ts";
import type { Envelope } from "../message/envelope.ts";
import type { Recipient } from "../message/recipient.ts";
import type { SchedulePlan } from "./schedule-plan.ts";

/**
 * `delivered`: the last message is in the mailbox. `abandoned`: the agent stopped first, or for a schedule of the agent's own
 * restarted. `undeliverable`: there was no room in time, or the agent has no handler for it.
 */
export type ScheduleOutcome =
  | { readonly kind: "delivered" | "cancelled" | "abandoned" }
  | { readonly kind: "undeliverable"; readonly failure: Failure };

// The wall clock is looked at this often on the way to a time: it may be set, and it goes on while the host sleeps.
const wallLookMs = 60_000;

export class Schedule {
  readonly #clock: Clock;
  readonly #recipient: Recipient;
  readonly #envelope: Envelope;
  readonly #plan: SchedulePlan;
  readonly #timer: Timer = { due: 0, order: 0, place: -1, expire: () => this.#wake() };
  #due: number;
  #deliveries = 0;
  /** The last message is on its way: it waits for room, and is not called back. */
  #sendsLast = false;
  #outcome: ScheduleOutcome | undefined;
  #release: (() => void) | undefined;
  #settling: PromiseWithResolvers<ScheduleOutcome> | undefined;
  #counting: Array<{ readonly atLeast: number; readonly reached: (deliveries: number) => void }> | undefined;

  constructor(clock: Clock, recipient: Recipient, envelope: Envelope, plan: SchedulePlan) {
    this.#clock = clock;
    this.#recipient = recipient;
    this.#envelope = envelope;
    this.#plan = plan;
    this.#due = plan.first;
  }

  /** How many messages have come into the mailbox. */
  get deliveries(): number {
    return this.#deliveries;
  }

  /** When it sends next, in Unix milliseconds; undefined once it has settled. */
  get due(): number | undefined {
    if (this.#outcome !== undefined) return undefined;
    return this.#plan.timeline === "now" ? this.#due : Math.round(this.#clock.now() + this.#due - this.#clock.monotonic());
  }

  /** What became of it; undefined while it runs. */
  get outcome(): ScheduleOutcome | undefined {
    return this.#outcome;
  }

  /** True until it settles. */
  get active(): boolean {
    return this.#outcome === undefined;
  }

  /** Ends it, unless its last message is due already: that one waits for room, and its outcome is the schedule's. */
  cancel(): void {
    if (!this.#sendsLast) this.#settle({ kind: "cancelled" });
  }

  /** Resolves when it has settled. Never rejects. */
  settled(): Promise<ScheduleOutcome> {
    if (this.#outcome !== undefined) return Promise.resolve(this.#outcome);
    this.#settling ??= Promise.withResolvers();
    return this.#settling.promise;
  }

  /** Resolves with the number of deliveries when there are so many, or when there will be no more. Never rejects. */
  delivered(atLeast: number): Promise<number> {
    if (this.#outcome !== undefined || this.#deliveries >= atLeast) return Promise.resolve(this.#deliveries);
    return new Promise((reached) => (this.#counting ??= []).push({ atLeast, reached }));
  }

  /** For who made it: begins to wait, unless the message is `refused`; `release` is called when it settles. */
  begin(refused: Failure | undefined, release: () => void): void {
    this.#release = release;
    if (this.#outcome !== undefined) release();
    else if (refused !== undefined) this.#settle({ kind: "undeliverable", failure: refused });
    else this.#sleep();
  }

  /** For who made it: the life that it belongs to is over. */
  abandon(): void {
    if (!this.#sendsLast) this.#settle({ kind: "abandoned" });
  }

  #sleep(): void {
    if (this.#plan.timeline === "monotonic") this.#clock.armAt(this.#timer, this.#due);
    else this.#clock.arm(this.#timer, Math.min(this.#due - this.#clock.now(), wallLookMs));
  }

  #wake(): void {
    const now = this.#clock[this.#plan.timeline]();
    if (now < this.#due) this.#sleep();
    else this.#send(this.#plan.next(this.#due, now));
  }

  #send(next: number | undefined): void {
    if (next === undefined) {
      this.#sendsLast = true;
      this.#recipient.post(this.#envelope, (failure) => this.#sent(failure));
      return;
    }
    const failure = this.#recipient.offer(this.#envelope);
    this.#due = next;
    // A tick that finds the mailbox full is not made up for.
    if (failure === undefined || failure.code !== "TARGET_BUSY") this.#sent(failure);
    if (this.#outcome === undefined) this.#sleep();
  }

  #sent(failure: Failure | undefined): void {
    if (failure === undefined) {
      this.#deliveries += 1;
      if (this.#sendsLast) this.#settle({ kind: "delivered" });
      else if (this.#counting !== undefined) this.#tellCounting();
    } else {
      this.#settle(failure.code === "AGENT_STOPPED" ? { kind: "abandoned" } : { kind: "undeliverable", failure });
    }
  }

  #settle(outcome: ScheduleOutcome): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    this.#clock.disarm(this.#timer);
    this.#release?.();
    this.#settling?.resolve(outcome);
    this.#tellCounting();
  }

  #tellCounting(): void {
    const counting = this.#counting ?? [];
    const isReached = (atLeast: number): boolean => this.#outcome !== undefined || this.#deliveries >= atLeast;
    this.#counting = counting.filter(({ atLeast }) => !isReached(atLeast));
    for (const { atLeast, reached } of counting) if (isReached(atLeast)) reached(this.#deliveries);
  }
}
