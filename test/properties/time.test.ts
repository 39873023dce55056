// Timers and schedules against plain lists and plain arithmetic: the right one next, at its time, and always forward.

import { expect } from "bun:test";
import * as fc from "fast-check";
import { cronTimes } from "../../src/agent/cron.ts";
import { afterDelay, atTime, every } from "../../src/agent/schedule-plan.ts";
import { ManualClock, type Timer } from "../../src/clock.ts";
import { TimerWheel } from "../../src/timer-wheel.ts";
import { property } from "./property.ts";

// Often the same, so that the order of arming counts.
const delay = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(3, 70, 70.5, 5_000) },
  fc.nat(3),
  fc.nat(200),
  fc.nat(100_000),
  fc.nat(2 ** 31 - 1),
  fc.double({ min: 0, max: 5_000, noNaN: true }),
  fc.double({ min: 0, max: 2 ** 40, noNaN: true }),
  fc.constantFrom(64, 4_096, 2 ** 18, 2 ** 24, 2 ** 30, 2 ** 30 - 1, Infinity, -5),
);
const which = fc.nat(7);
const operation = fc.oneof(
  fc.record({ kind: fc.constant("arm" as const), which, delay }),
  fc.record({ kind: fc.constant("disarm" as const), which }),
  fc.record({ kind: fc.constant("advance" as const), delay }),
);
const operations = fc.array(operation, { maxLength: 40 });

interface Armed {
  readonly which: number;
  readonly due: number;
  readonly order: number;
}

property("timers expire as from a sorted list: at their time, and those of one time as they were armed", [operations], (steps) => {
  const clock = new ManualClock();
  const expired: [which: number, at: number][] = [];
  const timers = Array.from({ length: 8 }, (_, which): Timer => ({
    due: 0,
    order: 0,
    place: -1,
    expire: () => expired.push([which, clock.monotonic()]),
  }));
  let armed: Armed[] = [];
  let now = 0;
  for (const [order, step] of steps.entries()) {
    if (step.kind === "advance") {
      const end = step.delay === Infinity ? now : now + Math.max(0, step.delay);
      expired.length = 0;
      clock.advanceTo(end);
      const due = armed.filter((each) => each.due <= end).sort((a, b) => a.due - b.due || a.order - b.order);
      expect(expired).toEqual(due.map((each) => [each.which, Math.max(now, each.due)]));
      armed = armed.filter((each) => each.due > end);
      now = end;
    } else {
      armed = armed.filter((each) => each.which !== step.which);
      if (step.kind === "arm") {
        clock.arm(timers[step.which] as Timer, step.delay);
        armed.push({ which: step.which, due: now + Math.max(0, step.delay), order });
      } else clock.disarm(timers[step.which] as Timer);
    }
    expect(clock.armed).toBe(armed.length);
    expect(clock.nextDue).toBeLessThanOrEqual(Math.min(Infinity, ...armed.map((each) => Math.max(now, each.due))));
    expect(clock.nextDue).toBeGreaterThanOrEqual(now);
  }
});

property(
  "timers of one time expire as they were armed, whichever were disarmed or armed anew meanwhile",
  [fc.array(fc.tuple(fc.nat(9), fc.constantFrom(70, 70.5, 5_000, "disarm" as const)), { maxLength: 40 })],
  (steps) => {
    const clock = new ManualClock();
    const expired: number[] = [];
    const timers = Array.from({ length: 10 }, (_, which): Timer => ({ due: 0, order: 0, place: -1, expire: () => void expired.push(which) }));
    let armed: { readonly which: number; readonly delay: number }[] = [];
    for (const [which, delay] of steps) {
      armed = armed.filter((each) => each.which !== which);
      if (delay === "disarm") clock.disarm(timers[which] as Timer);
      else {
        clock.arm(timers[which] as Timer, delay);
        armed.push({ which, delay });
      }
    }
    clock.advance(10_000);
    // Sorting keeps the order of those that are equal.
    expect(expired).toEqual(armed.toSorted((a, b) => a.delay - b.delay).map(({ which }) => which));
  },
);

property(
  "a wheel's next time is never late, and leads to the first timer in a few steps",
  [fc.array(delay, { minLength: 1, maxLength: 12 })],
  (delays) => {
    const wheel = new TimerWheel();
    let expired = 0;
    for (const due of delays) wheel.add({ due: 0, order: 0, place: -1, expire: () => (expired += 1) }, due);
    const first = Math.min(...delays);
    for (let steps = 0; expired === 0 && first !== Infinity; steps++) {
      expect(wheel.nextDue).toBeLessThanOrEqual(first);
      expect(steps).toBeLessThan(8);
      wheel.expireUntil(wheel.nextDue);
    }
    expect(wheel.length).toBe(delays.length - expired);
  },
);

property("a timer that arms itself again with no delay holds nobody up", [fc.nat(5), fc.array(delay, { maxLength: 5 })], (rounds, delays) => {
  const wheel = new TimerWheel();
  let came = 0;
  let now = 2 ** 41;
  const restless: Timer = { due: 0, order: 0, place: -1, expire: () => wheel.add(restless, now) };
  wheel.add(restless, 0);
  for (const due of delays) wheel.add({ due: 0, order: 0, place: -1, expire: () => (came += 1) }, due);
  for (let round = 0; round < rounds; round++) wheel.expireUntil((now += 1));
  expect(came).toBe(rounds === 0 ? 0 : delays.filter((due) => due < Infinity).length);
  expect(restless.place).toBeGreaterThanOrEqual(0);
});

const period = fc.oneof(
  fc.integer({ min: 1, max: 100_000 }),
  fc.double({ min: 0.5, max: 5_000, noNaN: true }),
  fc.constantFrom(1000 / 60, 0.1, 1 / 3),
);
const lateness = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0, max: 3, noNaN: true })), { minLength: 1, maxLength: 30 });

property(
  "a rate keeps to multiples of its period from the start, and goes forward however late it is",
  [fc.nat(1_000_000), period, lateness],
  (start, rhythm, late) => {
    const clock = new ManualClock();
    clock.advance(start);
    const plan = every(clock, rhythm);
    let due = plan.first;
    expect(due).toBeCloseTo(start + rhythm, 6);
    for (const share of late) {
      const now = due + share * rhythm;
      const next = plan.next(due, now);
      if (next === undefined) throw new Error("a rate has no end");
      expect(next).toBeGreaterThan(now);
      expect(next).toBeLessThanOrEqual(now + rhythm);
      const periods = (next - start) / rhythm;
      expect(Math.abs(periods - Math.round(periods))).toBeLessThan(1e-3);
      due = next;
    }
  },
);

property("a delay counts from the tick that was served", [fc.nat(1_000_000), period, lateness], (start, rhythm, late) => {
  const clock = new ManualClock();
  clock.advance(start);
  const plan = every(clock, rhythm, { fixed: "delay" });
  let due = plan.first;
  for (const share of late) {
    const now = due + share * rhythm;
    due = plan.next(due, now) as number;
    expect(due).toBe(now + rhythm);
  }
});

property("a single time comes once, and never before now", [fc.nat(1_000_000), fc.double({ noNaN: true })], (start, delay) => {
  const clock = new ManualClock();
  clock.advance(start);
  const [once, at] = [afterDelay(clock, delay), atTime(delay)];
  expect(once.first).toBe(start + Math.max(0, delay));
  expect([once.next(once.first, start + 1), at.next(at.first, start)]).toEqual([undefined, undefined]);
  expect(at.first).toBe(delay);
});

const day = 86_400_000;
const someTime = fc.integer({ min: 0, max: 4_102_444_800_000 });

property(
  "a cron expression of one minute of the day comes at it each day",
  [fc.nat(23), fc.nat(59), fc.nat(59), someTime],
  (hour, minute, second, after) => {
    const times = cronTimes(`${second} ${minute} ${hour} * * *`, "UTC");
    const today = Math.floor(after / day) * day + ((hour * 60 + minute) * 60 + second) * 1_000;
    expect(times(after)).toBe(today > after ? today : today + day);
  },
);

const step = fc.constantFrom(1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30);

property("one of every so many minutes comes at each of them", [step, someTime], (minutes, after) => {
  const times = cronTimes(`*/${minutes} * * * *`, "UTC");
  const width = minutes * 60_000;
  expect(times(after)).toBe((Math.floor(after / width) + 1) * width);
});

const expressions = [
  "* * * * *",
  "*/7 * * * *",
  "30 2 * * *",
  "0 0 1 * *",
  "15 9-17 * * 1-5",
  "*/20 * * * * *",
  "0 3 * * 0",
  "@daily",
  "59 23 31 12 *",
];
const zones = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"];

property(
  "cron goes forward in every zone, and skips nothing between now and the time that it names",
  [fc.constantFrom(...expressions), fc.constantFrom(...zones), someTime, chancesOf()],
  (expression, zone, after, part) => {
    const times = cronTimes(expression, zone);
    const next = times(after) as number;
    expect(next).toBeGreaterThan(after);
    expect(next % 1_000).toBe(0);
    expect(times(after + Math.floor(part * (next - after)))).toBe(next);
    expect(times(next) as number).toBeGreaterThan(next);
  },
);

function chancesOf(): fc.Arbitrary<number> {
  return fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
}
