// `bun run simulate --seeds N [--from S] [--events E] [--failures F] [MODULE]`: runs the project's own scenario, or the one
// that MODULE exports as `scenario`, and keeps what fails beside it, in regressions/, where the tests replay it.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Scenario, simulate } from "acton/testing";

const traceLinesShown = 60;
const { values, positionals } = parseArgs({
  args: process.argv.slice(2),
  options: { seeds: { type: "string" }, from: { type: "string" }, events: { type: "string" }, failures: { type: "string" } },
  allowPositionals: true,
});

function whole(name: keyof typeof values, otherwise: number): number {
  const given = values[name];
  if (given === undefined) return otherwise;
  if (!/^[1-9]\d*$/.test(given)) throw new RangeError(`--${name} is a whole number from 1, not ${given}`);
  return Number(given);
}

const path = resolve(positionals[0] ?? join(import.meta.dir, "scenario.ts"));
const { scenario } = (await import(path)) as { readonly scenario?: Scenario };
if (typeof scenario !== "function") throw new TypeError(`${path} exports no scenario`);

const started = performance.now();
const [seeds, from, events] = [whole("seeds", 100), whole("from", 1), whole("events", 500)];
const result = await simulate(scenario, { seeds, from, events, failuresMax: whole("failures", 1) });
const seconds = (performance.now() - started) / 1000;

for (const { seed, what, recording, trace } of result.failures) {
  const file = join(dirname(path), "regressions", `seed-${seed}.json`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify({ what, ...recording })}\n`);
  console.log(trace.slice(-traceLinesShown).join("\n"));
  console.log(`\nseed ${seed}: ${what}\n${recording.events} events are left of it: ${file}\n`);
}
const rates = `${Math.round(result.seeds / seconds)} seeds/s, ${Math.round(result.events / seconds)} events/s`;
console.log(
  `${result.seeds} seeds, ${result.events} events in ${seconds.toFixed(1)} s (${rates}), ${result.failures.length} failures, hash ${result.hash}`,
);
process.exit(result.failures.length === 0 ? 0 : 1);
