// What arming, disarming and expiring timers costs: `bun test/bench/timers.bench.ts`.

import { ManualClock, seededRandom, type Timer } from "acton";
import { measure } from "./measure.ts";

const count = 400_000;

/** Each is armed for 30 s and soon disarmed, as a request's deadline is; so many are out at once. */
function requests(outstanding: number): () => void {
  return () => {
    const clock = new ManualClock();
    const timers = Array.from({ length: outstanding }, () => new Waiting());
    for (let i = 0; i < count; i++) {
      const timer = timers[i % outstanding] as Waiting;
      clock.disarm(timer);
      clock.armAt(timer, 30_000 + i / 100);
    }
  };
}

/** Connections that are heard of, in no order, long before they have been idle for 30 s. */
function idleConnections(connections: number): () => void {
  return () => {
    const random = seededRandom(1);
    const clock = new ManualClock();
    const timers = Array.from({ length: connections }, () => new Waiting());
    for (let i = 0; i < count; i++) {
      clock.arm(timers[Math.floor(random.next() * connections)] as Waiting, 30_000);
      if (i % 100 === 0) clock.advance(1);
    }
  };
}

/** Timers due at any time of the next minute, half of which are moved, the others expire. */
function churn(outstanding: number): () => void {
  return () => {
    const random = seededRandom(1);
    const clock = new ManualClock();
    const anyDelay = (): number => random.next() * 60_000;
    const timers = Array.from({ length: outstanding }, () => new Waiting((timer) => clock.arm(timer, anyDelay())));
    for (const timer of timers) clock.arm(timer, anyDelay());
    for (let i = 0; i < count / 2; i++) {
      clock.arm(timers[Math.floor(random.next() * outstanding)] as Waiting, anyDelay());
      clock.advance(30_000 / outstanding);
    }
  };
}

class Waiting implements Timer {
  due = 0;
  order = 0;
  place = -1;
  readonly #expired: ((timer: Waiting) => void) | undefined;

  constructor(expired?: (timer: Waiting) => void) {
    this.#expired = expired;
  }

  expire(): void {
    this.#expired?.(this);
  }
}

for (const outstanding of [1, 64, 4_096]) await measure(`armed and disarmed, ${outstanding} at once`, count, requests(outstanding));
await measure("re-armed, 10,000 connections", count, idleConnections(10_000));
await measure("moved or expired, 100,000 at once", count, churn(100_000));
