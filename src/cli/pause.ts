// The time between two looks at something.

import { after, type Clock } from "../clock.ts";

/** Resolves when the time has passed, or the signal aborts. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clock.disarm(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = after(clock, signal.aborted ? 0 : ms, done);
    signal.addEventListener("abort", done);
  });
}

/** What `question` comes to; undefined when the signal aborted it. */
export async function unlessAborted<T>(signal: AbortSignal, question: Promise<T>): Promise<T | undefined> {
  try {
    return await question;
  } catch (thrown) {
    if (signal.aborted) return undefined;
    throw thrown;
  }
}
