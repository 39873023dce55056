// `bun test/soak/run.ts R1 --rounds 1000 [--seed N]`: runs one of them, or all of those that are named.

import { parseArgs } from "node:util";
import { kills } from "./kills.ts";
import type { Soak } from "./soak.ts";
import { squats } from "./squats.ts";
import { takeoverRace } from "./takeover-race.ts";

const soaks: readonly Soak[] = [takeoverRace, kills, squats];
const { values, positionals } = parseArgs({ allowPositionals: true, options: { rounds: { type: "string" }, seed: { type: "string" } } });
const options = {
  ...(values.rounds === undefined ? {} : { rounds: Number(values.rounds) }),
  ...(values.seed === undefined ? {} : { seed: Number(values.seed) }),
};
let failed = positionals.length === 0;
for (const id of positionals) {
  const soak = soaks.find((each) => each.id === id);
  if (soak === undefined) throw new RangeError(`there is no ${id}: ${soaks.map((each) => each.id).join(", ")}`);
  const started = performance.now();
  const { figure, passed } = await soak.run(options);
  failed ||= !passed;
  console.log(`${soak.id} ${passed ? "passed" : "FAILED"}: ${soak.title}\n  pass: ${soak.pass}\n  here: ${figure}`);
  console.log(`  in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}
process.exit(failed ? 1 : 0);
