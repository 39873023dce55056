// The timer wheel against a plain list of what is armed: whatever happens, the same timer is the next.

import { describe, expect, test } from "bun:test";
import { type Random, seededRandom } from "../src/random.ts";
import { type Timer, TimerWheel } from "../src/timer-wheel.ts";

const turnMs = 2 ** 30;

function timer(expire: () => void = () => {}): Timer {
  return { due: 0, order: 0, place: -1, expire };
}

/** A wheel and what must be in it. */
class Checked {
  readonly wheel = new TimerWheel();
  readonly armed = new Set<Timer>();
  expired = 0;
  now: number;
  readonly #random: Random;
  readonly #delay: () => number;

  constructor(random: Random, delay: () => number, start = 0) {
    this.#random = random;
    this.#delay = delay;
    this.now = start;
  }

  get first(): Timer | undefined {
    let first: Timer | undefined;
    for (const each of this.armed)
      if (first === undefined || each.due < first.due || (each.due === first.due && each.order < first.order)) first = each;
    return first;
  }

  add(each: Timer): void {
    this.wheel.add(each, Math.max(0, this.now + this.#delay()));
    this.armed.add(each);
  }

  remove(each: Timer): void {
    if (!this.armed.delete(each)) return;
    this.wheel.remove(each);
  }

  /** A timer that, when it expires, must be the first of all, and then sometimes arms or disarms others. */
  timer(others: readonly Timer[]): Timer {
    const each = timer(() => {
      expect(each).toBe(this.first as Timer);
      expect(each.due).toBeLessThanOrEqual(this.now);
      expect(each.place).toBe(-1);
      this.armed.delete(each);
      this.expired += 1;
      const other = others[Math.floor(this.#random.next() * others.length)] as Timer;
      const action = this.#random.next();
      if (action < 0.3) this.add(each);
      else if (action < 0.5) this.add(other);
      else if (action < 0.6) this.remove(other);
    });
    return each;
  }

  expireUntil(now: number): void {
    this.now = now;
    const orderBefore = Math.max(...[...this.armed].map(({ order }) => order));
    this.wheel.expireUntil(now);
    // What was armed meanwhile may wait for the next call, whatever its time.
    for (const { due, order } of this.armed) if (order <= orderBefore) expect(due).toBeGreaterThan(now);
  }

  check(): void {
    expect(this.wheel.length).toBe(this.armed.size);
    expect(this.wheel.nextDue).toBeLessThanOrEqual(this.first?.due ?? Infinity);
    if (this.armed.size === 0) expect(this.wheel.nextDue).toBe(Infinity);
  }
}

describe("a timer wheel agrees with a plain list", () => {
  const spans: Record<string, { readonly delayMs: number; readonly stepMs: number; readonly start?: number }> = {
    "within a millisecond": { delayMs: 0.9, stepMs: 0.05 },
    "within a few milliseconds": { delayMs: 4, stepMs: 2 },
    "within a few slots": { delayMs: 200, stepMs: 30 },
    "within a minute": { delayMs: 60_000, stepMs: 3_000 },
    "within days": { delayMs: 5 * 24 * 3_600_000, stepMs: 9 * 3_600_000 },
    "over many turns": { delayMs: 3 * turnMs, stepMs: turnMs / 7 },
    "around the end of a turn": { delayMs: 5_000, stepMs: 400, start: 3 * turnMs - 30_000 },
  };

  for (const [name, { delayMs, stepMs, start }] of Object.entries(spans)) {
    test(name, () => {
      const random = seededRandom(delayMs);
      // Fractions, whole milliseconds, ties, times that have passed, and now and then far more than the rest.
      const delay = (): number => {
        const kind = random.next();
        if (kind < 0.4) return random.next() * delayMs;
        if (kind < 0.7) return Math.floor(random.next() * delayMs);
        if (kind < 0.9) return Math.floor(random.next() * 4) * 0.25;
        if (kind < 0.97) return -random.next() * stepMs;
        return random.next() < 0.2 ? Infinity : random.next() * delayMs * 100;
      };
      const checked = new Checked(random, delay, start);
      const timers: Timer[] = [];
      for (let i = 0; i < 120; i++) timers.push(checked.timer(timers));
      for (let step = 0; step < 6_000; step++) {
        const chosen = timers[Math.floor(random.next() * timers.length)] as Timer;
        const action = random.next();
        if (action < 0.55) checked.add(chosen);
        else if (action < 0.8) checked.remove(chosen);
        else checked.expireUntil(checked.now + random.next() * stepMs * (random.next() < 0.05 ? 50 : 1));
        checked.check();
      }
      expect(checked.expired).toBeGreaterThan(500);
      for (const each of timers) expect(each.place >= 0).toBe(checked.armed.has(each));
    });
  }
});

describe("a timer wheel", () => {
  test("names a time from which on there is something to do, and reaches each timer in a few such steps", () => {
    for (const due of [0, 0.5, 1.25, 63.9, 64, 4_095.5, 4_096, 262_144.125, 1e9, turnMs, 5 * turnMs + 77.5, 2 ** 45]) {
      const wheel = new TimerWheel();
      let expiredAt = -1;
      let now = 0;
      wheel.add(
        timer(() => (expiredAt = now)),
        due,
      );
      let steps = 0;
      for (; wheel.length > 0 && steps < 10; steps++) {
        now = wheel.nextDue;
        expect(now).toBeLessThanOrEqual(due);
        wheel.expireUntil(now);
      }
      expect(expiredAt).toBe(due);
      // No waking in vain for what is near.
      if (due < 64) expect(steps).toBe(1);
    }
  });

  test("lets a timer that re-arms itself with no delay wait for the next call", () => {
    const wheel = new TimerWheel();
    let expired = 0;
    const again = timer(() => {
      expired += 1;
      wheel.add(again, 5);
    });
    wheel.add(again, 5);
    for (const calls of [1, 2, 3]) {
      wheel.expireUntil(7);
      expect(expired).toBe(calls);
    }
  });

  test("never expires what is armed for ever", () => {
    const wheel = new TimerWheel();
    const never = timer(() => expect.unreachable());
    wheel.add(never, Infinity);
    expect(wheel.nextDue).toBe(Infinity);
    wheel.expireUntil(Number.MAX_VALUE);
    wheel.expireUntil(Infinity);
    wheel.remove(never);
    expect(wheel.length).toBe(0);
  });

  test("goes on after a timer that throws", () => {
    const wheel = new TimerWheel();
    const order: string[] = [];
    wheel.add(
      timer(() => {
        throw new TypeError("as asked");
      }),
      1,
    );
    wheel.add(
      timer(() => order.push("next")),
      1,
    );
    expect(() => wheel.expireUntil(2)).toThrow(TypeError);
    wheel.expireUntil(2);
    expect(order).toEqual(["next"]);
  });
});
