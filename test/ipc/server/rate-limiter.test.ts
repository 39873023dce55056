import { expect, test } from "bun:test";
import { RateLimiter } from "../../../src/ipc/server/rate-limiter.ts";

test("the wait that is told is the least whole number of milliseconds, however the time before was cut up", () => {
  const limiter = new RateLimiter({ requestsPerSecond: 1, burstSize: 2 }, 0);
  expect([0, 9, 9].map((now) => limiter.take(now))).toEqual([0, 0, 991]);
  expect(limiter.take(999)).toBe(1);
  expect(limiter.take(1_000)).toBe(0);
});

test("a token that came in ten parts is a whole one", () => {
  const limiter = new RateLimiter({ requestsPerSecond: 100, burstSize: 1 }, 0);
  expect(limiter.take(0)).toBe(0);
  expect(Array.from({ length: 10 }, (_, ms) => limiter.take(ms + 1))).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
});
