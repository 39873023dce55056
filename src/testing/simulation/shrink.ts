// Makes a failing run smaller, as long as it fails in the same way: first whole events are left out, with the choices that
// were theirs, then single choices are made simpler.

import type { Run } from "./run.ts";

export interface Recording {
  readonly events: number;
  readonly choices: readonly number[];
}

/** Tries at most `runsMax` smaller runs. */
export async function shrink(failed: Run, runsMax: number, attempt: (recording: Recording) => Promise<Run>): Promise<Recording> {
  const kind = kindOf(failed);
  let best = failed;
  let runs = 0;
  const better = async (recording: Recording): Promise<boolean> => {
    if (runs >= runsMax) return false;
    runs += 1;
    const run = await attempt(recording);
    if (run.failure === undefined || kindOf(run) !== kind) return false;
    best = run;
    return true;
  };
  for (let events = Infinity; best.events < events && runs < runsMax;) {
    events = best.events;
    for (let count = events >> 1; count >= 1; count >>= 1) {
      for (let from = best.events - count; from >= 0 && runs < runsMax; from -= count) await better(without(best, from, count));
    }
  }
  // From its end: what comes late is the least likely to matter.
  for (let at = best.choices.length - 1; at >= 0 && runs < runsMax; at--) {
    const { events, choices } = best;
    if ((choices[at] ?? 0) > 0) await better({ events, choices: choices.with(at, 0) });
  }
  return { events: best.events, choices: trimmed(best.choices) };
}

function without({ events, choices, marks }: Run, from: number, count: number): Recording {
  return { events: events - count, choices: [...choices.slice(0, marks[from]), ...choices.slice(marks[from + count])] };
}

// The numbers in a complaint differ from run to run.
function kindOf({ failure = "" }: Run): string {
  return failure.replace(/\d+/g, "#");
}

// What a list does not have is 0.
function trimmed(choices: readonly number[]): readonly number[] {
  return choices.slice(0, choices.findLastIndex((choice) => choice > 0) + 1);
}
