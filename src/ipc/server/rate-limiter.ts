// A token bucket for one connection. Time is passed in.

import type { RateLimit } from "../../config.ts";

export class RateLimiter {
  readonly #limit: RateLimit;
  #tokens: number;
  #filledAt: number;

  constructor(limit: RateLimit, now: number) {
    this.#limit = limit;
    this.#tokens = limit.burstSize;
    this.#filledAt = now;
  }

  /** Takes a token: 0 when there was one, else the whole milliseconds until there is. */
  take(now: number): number {
    const { requestsPerSecond, burstSize } = this.#limit;
    this.#tokens = Math.min(burstSize, this.#tokens + ((now - this.#filledAt) * requestsPerSecond) / 1000);
    this.#filledAt = now;
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return 0;
    }
    return Math.max(1, Math.ceil(((1 - this.#tokens) * 1000) / requestsPerSecond));
  }
}
