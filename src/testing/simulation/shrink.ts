// Makes a failing run smaller: fewer events, fewer choices, simpler ones, as long as it fails in the same way.

import type { Run } from "./run.ts";

interface Recording {
  readonly events: number;
  readonly choices: readonly number[];
}

/** Tries at most `runsMax` smaller runs. */
export async function shrink(failed: Run, runsMax: number, attempt: (recording: Recording) => Promise<Run>): Promise<Recording> {
  const kind = kindOf(failed);
  let best: Recording = { events: failed.events, choices: failed.choices };
  let runs = 0;
  const better = async (candidate: Recording): Promise<boolean> => {
    if (runs >= runsMax) return false;
    runs += 1;
    const run = await attempt(candidate);
    if (run.failure === undefined || kindOf(run) !== kind) return false;
    // What it read, not what it was given: the rest of the list was never looked at.
    const choices = trimmed(run.choices.length < candidate.choices.length ? run.choices : candidate.choices);
    if (run.events > best.events || (run.events === best.events && choices.length >= best.choices.length && !isSimpler(choices, best.choices)))
      return false;
    best = { events: run.events, choices };
    return true;
  };
  for (let before = -1; before !== runs && runs < runsMax;) {
    before = runs;
    const size = best.choices.length + best.events;
    for (let part = best.events >> 1; part >= 1; part >>= 1) while (part < best.events && (await better({ ...best, events: best.events - part })));
    for (let length = best.choices.length >> 1; length >= 1; length >>= 1) {
      for (let at = best.choices.length - length; at >= 0 && runs < runsMax; at -= length) {
        const { choices, events } = best;
        if (await better({ events, choices: [...choices.slice(0, at), ...choices.slice(at + length)] })) continue;
        if (choices.slice(at, at + length).some((choice) => choice > 0)) {
          await better({ events, choices: choices.map((choice, index) => (index >= at && index < at + length ? 0 : choice)) });
        }
      }
    }
    if (best.choices.length + best.events === size) break;
  }
  return best;
}

// The numbers in a complaint differ from run to run.
function kindOf({ failure = "" }: Run): string {
  return failure.replace(/\d+/g, "#");
}

function trimmed(choices: readonly number[]): readonly number[] {
  let length = choices.length;
  while (length > 0 && choices[length - 1] === 0) length -= 1;
  return choices.slice(0, length);
}

function isSimpler(one: readonly number[], other: readonly number[]): boolean {
  const sum = (list: readonly number[]): number => list.reduce((total, choice) => total + Math.min(1, choice), 0);
  return one.length <= other.length && sum(one) < sum(other);
}
