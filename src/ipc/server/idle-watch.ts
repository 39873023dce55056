// Notices that a connection has had no frame and no work for too long. Costs one timer, re-armed when it fires,
// and a clock reading for each arrival of bytes.

import type { Clock, Timer } from "../../clock.ts";

/** `limitMs` is how long it may be idle in its present state; 0 is never. */
export type IdleState = "busy" | { readonly limitMs: number };

export class IdleWatch implements Timer {
  due = 0;
  order = 0;
  place = -1;
  /** Monotonic milliseconds of the last sign of life. */
  touchedAt: number;
  readonly #clock: Clock;
  readonly #state: () => IdleState;
  readonly #checkMs: number;
  readonly #expired: () => void;

  /** What never expires now is looked at again after the shortest of `limitsMs` that is not 0. */
  constructor(clock: Clock, limitsMs: readonly number[], state: () => IdleState, expired: () => void) {
    this.#clock = clock;
    const limits = limitsMs.filter((ms) => ms > 0);
    this.#checkMs = limits.length === 0 ? 0 : Math.min(...limits);
    this.#state = state;
    this.#expired = expired;
    this.touchedAt = clock.monotonic();
    this.#rearm(this.#checkMs);
  }

  touch(): void {
    this.touchedAt = this.#clock.monotonic();
  }

  stop(): void {
    this.#clock.disarm(this);
  }

  expire(): void {
    const state = this.#state();
    const limitMs = state === "busy" ? 0 : state.limitMs;
    const idleMs = this.#clock.monotonic() - this.touchedAt;
    if (limitMs > 0 && idleMs >= limitMs) this.#expired();
    else this.#rearm(limitMs > 0 ? limitMs - idleMs : this.#checkMs);
  }

  #rearm(ms: number): void {
    if (ms > 0) this.#clock.arm(this, ms);
  }
}
