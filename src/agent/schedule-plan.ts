// When a schedule sends: a first time, and after each one the next. Plain arithmetic on times that are passed in.
// A time that is planned lies strictly after now, so that no schedule catches up in bursts, or spins.

import type { Clock } from "../clock.ts";
import { cronTimes } from "./cron.ts";

export interface SendEveryOptions {
  /** Of a period: `rate` keeps to multiples of it from the start; `delay` counts each from the last tick. Default: rate. */
  readonly fixed?: "rate" | "delay";
  /** Of a cron expression: its IANA time zone. Default: the host's. */
  readonly timeZone?: string;
}

export interface SchedulePlan {
  /** What its times are read from: `now` of the clock, which may be set, or `monotonic`. */
  readonly timeline: "now" | "monotonic";
  readonly first: number;
  /** The time after the one that is being served, at `now` or before it; undefined when that was the last. */
  next(served: number, now: number): number | undefined;
}

/** Throws a RangeError for NaN. */
export function afterDelay(clock: Clock, delayMs: number): SchedulePlan {
  if (Number.isNaN(delayMs)) throw new RangeError("Cannot send after a delay of NaN");
  return { timeline: "monotonic", first: clock.monotonic() + Math.max(0, delayMs), next: () => undefined };
}

/** Throws a RangeError for NaN. */
export function atTime(timeMs: number): SchedulePlan {
  if (Number.isNaN(timeMs)) throw new RangeError("Cannot send at a time of NaN");
  return { timeline: "now", first: timeMs, next: () => undefined };
}

/** A period in milliseconds or a cron expression. Throws a RangeError or a TypeError for what is neither. */
export function every(clock: Clock, rhythm: number | string, options: SendEveryOptions = {}): SchedulePlan {
  if (typeof rhythm === "string") return byCron(clock, rhythm, options.timeZone);
  if (!(rhythm > 0)) throw new RangeError(`Cannot send every ${rhythm} ms: the period must be positive`);
  const first = clock.monotonic() + rhythm;
  if (options.fixed === "delay") return { timeline: "monotonic", first, next: (_, now) => now + rhythm };
  const next = (served: number, now: number): number => {
    const multiple = now + rhythm - ((now - served) % rhythm);
    // What is left of a period may be too little to be seen in the sum.
    return multiple > now ? multiple : now + rhythm;
  };
  return { timeline: "monotonic", first, next };
}

function byCron(clock: Clock, expression: string, timeZone: string | undefined): SchedulePlan {
  const times = cronTimes(expression, timeZone);
  const first = times(clock.now());
  if (first === undefined) throw new TypeError(`Cannot schedule by ${JSON.stringify(expression)}: that time never comes`);
  return { timeline: "now", first, next: (_, now) => times(now) };
}
