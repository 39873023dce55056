// Runs the reliability checks, one after the other, and says what each has reached:
// `bun test/soak/run.ts [ID…] [--duration SECONDS] [--rounds N] [--seed N] [--write]`. With --write the figures go into
// docs/reliability.md. Every file beside this one that exports `checks` takes part; what takes an hour is run when it is named.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { SoakCheck, SoakResult } from "./check.ts";
import { writeFigures } from "./parts/figures.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { duration: { type: "string" }, rounds: { type: "string" }, seed: { type: "string" }, write: { type: "boolean", default: false } },
});
const all = await findChecks();
const unknown = positionals.filter((id) => !all.some((check) => check.id === id));
if (unknown.length > 0) throw new Error(`there is no check ${unknown.join(", ")}: there are ${all.map((check) => check.id).join(", ")}`);

const options = { seconds: numberOf(values.duration), rounds: numberOf(values.rounds), seed: numberOf(values.seed) };
let failed = 0;
for (const check of all.filter(({ id, whenNamed }) => (positionals.length === 0 ? whenNamed !== true : positionals.includes(id)))) {
  const started = performance.now();
  const result = await resultOf(check);
  failed += result.passed ? 0 : 1;
  const took = `${((performance.now() - started) / 1000).toFixed(1)} s`;
  console.log(`${check.id} ${result.passed ? "passed" : "NOT REACHED"} in ${took}: ${check.title}\n  to be: ${check.pass}\n  is: ${result.figure}`);
  if (values.write) writeFigures(check, result);
}
process.exit(failed === 0 ? 0 : 1);

async function findChecks(): Promise<readonly SoakCheck[]> {
  const files = readdirSync(import.meta.dir).filter((name) => /^(?!run\.|check\.)[^.]+\.ts$/.test(name));
  const found: SoakCheck[] = [];
  for (const file of files.sort()) {
    const module = (await import(join(import.meta.dir, file))) as { readonly checks?: readonly SoakCheck[] };
    found.push(...(module.checks ?? []));
  }
  return found.sort((a, b) => a.id.localeCompare(b.id));
}

async function resultOf(check: SoakCheck): Promise<SoakResult> {
  try {
    return await check.run(options);
  } catch (error) {
    return { figure: `ended early: ${error instanceof Error ? error.message : String(error)}`, passed: false };
  }
}

function numberOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!(number > 0)) throw new Error(`${text} is not a positive number`);
  return number;
}
