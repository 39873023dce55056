// One trial, as a process: `find.ts SEEDS EVENTS` runs the scenario until it fails, and writes what it found as JSON.

import { simulate } from "acton/testing";
import { scenario } from "../scenario.ts";

export interface Finding {
  /** The first seed that failed, and how; undefined when none did. */
  readonly found?: { readonly seed: number; readonly what: string };
  readonly seeds: number;
  readonly events: number;
  readonly seconds: number;
}

if (import.meta.main) {
  const [seeds = 0, events = 0] = process.argv.slice(2).map(Number);
  const started = performance.now();
  const result = await simulate(scenario, { seeds, events, shrinkRuns: 0 });
  const [failure] = result.failures;
  const seconds = (performance.now() - started) / 1000;
  const found = failure === undefined ? {} : { found: { seed: failure.seed, what: failure.what } };
  const finding: Finding = { ...found, seeds: result.seeds, events: result.events, seconds };
  process.stdout.write(JSON.stringify(finding), () => process.exit(0));
}
