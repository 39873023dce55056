// Runs a scenario under many seeds, makes what fails as small as it can, and says how to see it again.

import { SystemClock } from "../../clock.ts";
import { detailOf } from "../../errors.ts";
import { processHost } from "../../host.ts";
import { TurnScheduler } from "../../scheduler.ts";
import { Choices } from "./choices.ts";
import { type Run, runScenario, type Scenario } from "./run.ts";
import { type Recording, shrink } from "./shrink.ts";

export type { Recording } from "./shrink.ts";

export interface SimulateOptions {
  /** How many seeds. Default 100. */
  readonly seeds?: number;
  /** The first of them. Default 1. */
  readonly from?: number;
  /** Events of each run, its shutdown not counted. Default 500. */
  readonly events?: number;
  /** Ends after so many failures. Default 1. */
  readonly failuresMax?: number;
  /** Runs spent on making a failure smaller. Default 1000. */
  readonly shrinkRuns?: number;
}

export interface SimulationFailure {
  readonly seed: number;
  readonly what: string;
  /** The smallest run that was found to fail like it. */
  readonly recording: Recording;
  /** Its events, one a line. */
  readonly trace: readonly string[];
}

export interface SimulationResult {
  readonly seeds: number;
  readonly events: number;
  readonly failures: readonly SimulationFailure[];
  /** Of all traces together: equal for equal runs. */
  readonly hash: string;
}

/** Runs the scenario once for each seed. Resolves also when runs failed; never rejects for what the scenario does. */
export async function simulate(scenario: Scenario, options: SimulateOptions = {}): Promise<SimulationResult> {
  const { seeds = 100, from = 1, events = 500, failuresMax = 1, shrinkRuns = 1000 } = options;
  const failures: SimulationFailure[] = [];
  const hashes: string[] = [];
  const watch = new FaultWatch();
  let eventCount = 0;
  try {
    for (let seed = from; seed < from + seeds && failures.length < failuresMax; seed++) {
      const run = await watch.around(() => runScenario(scenario, Choices.fromSeed(seed), { events, keepTrace: false }));
      eventCount += run.events;
      hashes.push(run.hash);
      if (run.failure !== undefined) failures.push(await explain(scenario, seed, run, { watch, shrinkRuns }));
    }
  } finally {
    watch.end();
  }
  return { seeds: hashes.length, events: eventCount, failures, hash: hashOf(hashes) };
}

/** Runs a recorded run again: undefined when it does not fail any more. */
export async function replay(scenario: Scenario, { events, choices }: Recording): Promise<SimulationFailure | undefined> {
  const watch = new FaultWatch();
  try {
    const run = await watch.around(() => runScenario(scenario, Choices.fromList(choices), { events, keepTrace: true }));
    if (run.failure === undefined) return undefined;
    return { seed: 0, what: run.failure, recording: { events, choices }, trace: run.trace };
  } finally {
    watch.end();
  }
}

async function explain(
  scenario: Scenario,
  seed: number,
  run: Run,
  { watch, shrinkRuns }: { readonly watch: FaultWatch; readonly shrinkRuns: number },
): Promise<SimulationFailure> {
  const attempt = (recording: Recording, keepTrace: boolean): Promise<Run> =>
    watch.around(() => runScenario(scenario, Choices.fromList(recording.choices), { events: recording.events, keepTrace }));
  const recording = await shrink(run, shrinkRuns, (candidate) => attempt(candidate, false));
  const { failure = run.failure ?? "", trace } = await attempt(recording, true);
  return { seed, what: failure, recording, trace };
}

// What nobody caught, nor a promise, is told by the host once the run is over: it belongs to the run before.
class FaultWatch {
  readonly #scheduler = new TurnScheduler(new SystemClock());
  readonly #thrown: unknown[] = [];
  readonly #unwatch = processHost(new SystemClock()).onFault((thrown) => void this.#thrown.push(thrown));

  async around(run: () => Run): Promise<Run> {
    // The client loads it when it is needed; a run cannot wait for that, so it is there before.
    await import("../../ipc/client/packed-bodies.ts");
    const result = run();
    await new Promise<void>((resolve) => this.#scheduler.nextTurn({ run: resolve }));
    const [thrown] = this.#thrown.splice(0);
    return thrown === undefined || result.failure !== undefined ? result : { ...result, failure: `uncaught: ${detailOf(thrown)}` };
  }

  end(): void {
    this.#unwatch();
  }
}

function hashOf(hashes: readonly string[]): string {
  let hash = 0x811c9dc5;
  for (const text of hashes) for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}
