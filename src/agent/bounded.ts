// One deadline for several steps in a row, so that a way down or up cannot hang in any of them.

import { after, type Clock } from "../clock.ts";
import type { Within } from "./living.ts";

/** Runs the steps; `within` waits for one of them until `ms` milliseconds have passed since the start of the first. */
export async function bounded<Result>(clock: Clock, ms: number, steps: (within: Within) => Promise<Result>): Promise<Result> {
  const deadline = Promise.withResolvers<false>();
  const timer = after(clock, ms, () => deadline.resolve(false));
  try {
    return await steps((step) => Promise.race([step.then(() => true), deadline.promise]));
  } finally {
    clock.disarm(timer);
  }
}
