// A token bucket for one connection. Time is passed in.

import type { RateLimit } from "../../config.ts";

/** Tokens are counted in as many parts as a second has milliseconds, so that whole milliseconds add whole numbers: nothing is rounded. */
const parts = 1000;

export class RateLimiter {
  readonly #limit: RateLimit;
  #held: number;
  #filledAt: number;

  constructor(limit: RateLimit, now: number) {
    this.#limit = limit;
    this.#held = parts * limit.burstSize;
    this.#filledAt = now;
  }

  /** Takes a token: 0 when there was one, else the whole milliseconds until there is. */
  take(now: number): number {
    const { requestsPerSecond, burstSize } = this.#limit;
    this.#held = Math.min(parts * burstSize, this.#held + (now - this.#filledAt) * requestsPerSecond);
    this.#filledAt = now;
    if (this.#held >= parts) {
      this.#held -= parts;
      return 0;
    }
    return Math.max(1, Math.ceil((parts - this.#held) / requestsPerSecond));
  }
}
