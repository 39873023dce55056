// Notices that a connection has had no frame and no work for too long. Costs one timer, re-armed when it fires,
// and a clock reading for each arrival of bytes.

import type { Clock, Timer } from "../../clock.ts";

export interface IdleLimits {
  readonly connectionTimeoutMs: number;
  /** For a connection that holds subscriptions. 0 in either is never. */
  readonly subscriptionTimeoutMs: number;
}

export class IdleWatch implements Timer {
  due = 0;
  order = 0;
  place = -1;
  readonly #clock: Clock;
  readonly #limits: IdleLimits;
  readonly #state: () => "busy" | "subscribed" | "idle";
  readonly #expired: () => void;
  /** Monotonic milliseconds of the last arrival. */
  touchedAt: number;

  constructor(clock: Clock, limits: IdleLimits, state: () => "busy" | "subscribed" | "idle", expired: () => void) {
    this.#clock = clock;
    this.#limits = limits;
    this.#state = state;
    this.#expired = expired;
    this.touchedAt = clock.monotonic();
    this.#rearm(this.#shortest());
  }

  touch(): void {
    this.touchedAt = this.#clock.monotonic();
  }

  stop(): void {
    this.#clock.disarm(this);
  }

  expire(): void {
    const state = this.#state();
    // Work counts as having ended just now: it is looked at no more often than this.
    if (state === "busy") {
      this.touch();
      this.#rearm(this.#shortest());
      return;
    }
    const limit = state === "subscribed" ? this.#limits.subscriptionTimeoutMs : this.#limits.connectionTimeoutMs;
    const idleMs = this.#clock.monotonic() - this.touchedAt;
    if (limit > 0 && idleMs >= limit) this.#expired();
    else this.#rearm(limit > 0 ? limit - idleMs : this.#shortest());
  }

  #shortest(): number {
    const limits = [this.#limits.connectionTimeoutMs, this.#limits.subscriptionTimeoutMs].filter((ms) => ms > 0);
    return limits.length === 0 ? 0 : Math.min(...limits);
  }

  #rearm(ms: number): void {
    if (ms > 0) this.#clock.arm(this, ms);
  }
}
