// `acton simulate`: runs a scenario under many seeds. What fails is printed, and kept beside the module to be run again.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { SystemClock } from "../clock.ts";
import type { Recording, Scenario, SimulationFailure, SimulationResult } from "../testing.ts";
import { CommandError, exitCodes, usageError } from "./exit-codes.ts";
import { shownPath } from "./module-failure.ts";
import { loadDefaultExport } from "./module-loader.ts";
import { jsonText, printError, printOut, stdoutIsTerminal } from "./terminal.ts";

export interface SimulationOptions {
  readonly seeds: number;
  readonly from: number;
  readonly events: number;
  readonly failures: number;
  /** A file that an earlier run has kept. */
  readonly replay?: string | undefined;
  readonly json?: boolean | undefined;
}

/** The last events of a run, which are those that led to its failure. */
const linesShown = 60;

export async function simulateModule(path: string, options: SimulationOptions): Promise<void> {
  const scenario = await loadDefaultExport(path);
  if (!isScenario(scenario)) throw usageError(`${shownPath(resolve(path))} does not export a scenario: its default export must be a function`);
  const { simulate, replay } = await import("../testing.ts");
  if (options.replay !== undefined) {
    const failure = await replay(scenario, readRecording(options.replay));
    if (failure === undefined) return printOut(`${options.replay} fails no more\n`);
    printFailure(failure, options.replay);
    throw new CommandError(exitCodes.agentError, failure.what);
  }
  const { seeds, from, events, failures: failuresMax } = options;
  const clock = new SystemClock();
  const started = clock.monotonic();
  const result = await simulate(scenario, { seeds, from, events, failuresMax });
  const files = result.failures.map((failure) => keep(failure, join(dirname(resolve(path)), "regressions")));
  await printResult(result, (clock.monotonic() - started) / 1000, { files, json: options.json === true || !stdoutIsTerminal() });
  if (result.failures.length > 0) throw new CommandError(exitCodes.agentError, "not every run was as it must be");
}

function isScenario(value: unknown): value is Scenario {
  return typeof value === "function";
}

function readRecording(file: string): Recording {
  try {
    const { events, choices } = JSON.parse(readFileSync(file, "utf8")) as Recording;
    if (Number.isInteger(events) && choices.every(Number.isInteger)) return { events, choices };
  } catch {
    // Told below, as what can be read and is none.
  }
  throw usageError(`${file} is not what a simulation has kept`);
}

/** Returns where. */
function keep(failure: SimulationFailure, directory: string): string {
  const { seed, what, recording } = failure;
  const file = join(directory, `seed-${seed}.json`);
  mkdirSync(directory, { recursive: true });
  writeFileSync(file, `${JSON.stringify({ what, ...recording })}\n`);
  printFailure(failure, `seed ${seed}, ${recording.events} events are left of it: ${shownPath(file)}`);
  return file;
}

function printFailure({ what, trace }: SimulationFailure, where: string): void {
  printError(`${trace.slice(-linesShown).join("\n")}\n\n${what}\n${where}\n\n`);
}

async function printResult(result: SimulationResult, seconds: number, { files, json }: { files: readonly string[]; json: boolean }): Promise<void> {
  const { seeds, events, hash } = result;
  const failures = result.failures.map(({ seed, what }, place) => ({ seed, what, file: files[place] }));
  if (json) return printOut(`${jsonText({ seeds, events, seconds, hash, failures }, false)}\n`);
  const rates = `${Math.round(seeds / seconds)} seeds/s, ${Math.round(events / seconds)} events/s`;
  const failed = failures.length === 1 ? "1 failure" : `${failures.length} failures`;
  await printOut(`${seeds} seeds, ${events} events in ${seconds.toFixed(1)} s (${rates}), ${failed}, hash ${hash}\n`);
}
