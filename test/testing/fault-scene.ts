// An agent with faults before it, on a clock that stands still, and what it has seen.

import { ActonApp, agent, type LaunchOptions, ManualClock, message } from "acton";
import { Faults } from "acton/testing";
import { z } from "zod";
import { silentLog } from "../../src/log.ts";

export const Note = message("Note", { n: z.int() });
export const Other = message("Other", { n: z.int() });
export const Answer = message("Answer", { n: z.int() });
export const Question = message("Question", { n: z.int() }).replies(Answer);
export const Items = message("Items", { below: z.int() }).streams(Answer);

/** Notes what comes in, in order; answers questions with their own number. */
export function worker(seen: string[]) {
  return agent("worker", () => ({}))
    .mutateOn(Note, ({ message: { n } }) => void seen.push(`note ${n}`))
    .mutateOn(Other, ({ message: { n } }) => void seen.push(`other ${n}`))
    .mutateOn(Question, ({ message: { n } }) => {
      seen.push(`question ${n}`);
      return { n };
    })
    .actOn(Items, async function* ({ message: { below } }) {
      seen.push(`items ${below}`);
      for (let n = 0; n < below; n++) yield { n };
    })
    .subscribe(Note);
}

export async function start(options: LaunchOptions = {}) {
  const faults = new Faults();
  const clock = new ManualClock();
  const seen: string[] = [];
  const runtime = ActonApp.launch({ log: silentLog, clock, faults, ...options });
  const handle = await runtime.start(worker(seen));
  return { faults, clock, seen, runtime, handle, [Symbol.asyncDispose]: async () => void (await runtime.shutdownAll()) };
}
