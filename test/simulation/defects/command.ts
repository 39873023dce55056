// `bun run simulate:defects [--only NAME]... [--seeds N]`: tries the simulation on every planted defect, or on some. All of
// them together write the table beside the scenario. The status is 1 when a defect is not found.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Defect } from "./defect.ts";
import { defects } from "./planted.ts";
import { type Found, tableOf } from "./table.ts";
import { trial } from "./trial.ts";

const events = 500;
const atOnce = 2;
const { values } = parseArgs({ options: { only: { type: "string", multiple: true }, seeds: { type: "string", default: "2000" } } });
const seeds = Number(values.seeds);
if (!Number.isSafeInteger(seeds) || seeds < 1) throw new RangeError(`--seeds is a whole number from 1, not ${values.seeds}`);
const unknown = values.only?.find((name) => !defects.some((defect) => defect.name === name));
if (unknown !== undefined) throw new RangeError(`there is no defect ${unknown}`);
const wanted = defects.filter(({ name }) => values.only?.includes(name) ?? true);

const baseline = values.only === undefined ? await trial(undefined, { seeds, events }) : undefined;
if (baseline?.found !== undefined) throw new Error(`without a defect, seed ${baseline.found.seed} fails: ${baseline.found.what}`);

const findings = new Map<Defect, Found>();
const waiting = [...wanted];
async function work(): Promise<void> {
  for (let defect = waiting.shift(); defect !== undefined; defect = waiting.shift()) {
    const finding = await trial(defect, { seeds, events });
    findings.set(defect, { defect, finding });
    const { found, seconds } = finding;
    console.log(`${defect.name}: ${found === undefined ? "NOT FOUND" : `seed ${found.seed}: ${found.what}`} (${seconds.toFixed(1)} s)`);
  }
}
await Promise.all(Array.from({ length: atOnce }, work));

const all = wanted.map((defect) => findings.get(defect)).filter((found) => found !== undefined);
if (baseline !== undefined) writeFileSync(join(import.meta.dir, "../defects.md"), tableOf(all, baseline, seeds));
const missed = all.filter(({ finding }) => finding.found === undefined);
console.log(`${all.length} defects, ${all.length - missed.length} found within ${seeds} seeds`);
process.exit(missed.length === 0 ? 0 : 1);
