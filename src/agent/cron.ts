// When a cron expression comes next: the only place that knows the library which reads them. It keeps no time of its
// own, and is loaded when the first expression is read: a program without one never pays for it.

import { detailOf } from "../errors.ts";

/** Finds the first time strictly after another; both in Unix milliseconds. Undefined when none is left. */
export type CronTimes = (afterMs: number) => number | undefined;

/**
 * Five fields, or six with the seconds before them, or seven with the years behind those; or a nickname such as `@daily`.
 * Without a time zone it is the host's. Throws a TypeError that names what cannot be read.
 */
export function cronTimes(expression: string, timeZone: string | undefined): CronTimes {
  const { Cron } = require("croner") as typeof import("croner");
  try {
    const cron = new Cron(expression, timeZone === undefined ? {} : { timezone: timeZone });
    // The library reads a date too, as a time that comes once.
    if (cron.getPattern() === undefined) throw new TypeError("a date is no cron expression");
    const times: CronTimes = (afterMs) => cron.nextRun(new Date(afterMs))?.getTime();
    // It looks at the time zone only when it has to find a time.
    times(0);
    return times;
  } catch (error) {
    const zone = timeZone === undefined ? "" : ` in the time zone ${JSON.stringify(timeZone)}`;
    throw new TypeError(`Cannot schedule by ${JSON.stringify(expression)}${zone}: ${detailOf(error)}`, { cause: error });
  }
}
