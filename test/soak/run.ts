// `bun test/soak/run.ts [ID …] [--cases N] [--seed N]`: the named rows, or all, each whole. Fails when one does not pass.

import { parseArgs } from "node:util";
import { f1 } from "./f1-frames.ts";
import { f2 } from "./f2-differential.ts";
import { f3 } from "./f3-live-socket.ts";
import { f4 } from "./f4-properties.ts";
import { f5 } from "./f5-disclosure.ts";
import type { SoakEntry } from "./soak-entry.ts";

const entries: readonly SoakEntry[] = [f1, f2, f3, f4, f5];

const { values, positionals } = parseArgs({ options: { cases: { type: "string" }, seed: { type: "string" } }, allowPositionals: true });
const options = {
  ...(values.cases === undefined ? {} : { cases: Number(values.cases) }),
  seed: values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed),
};
for (const entry of entries) {
  if (positionals.length > 0 && !positionals.includes(entry.id)) continue;
  const begun = performance.now();
  const { figure, passed } = await entry.run(options);
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.log(`${entry.id} ${passed ? "passed" : "FAILED"} in ${seconds} s. ${entry.title}\n   is: ${figure}\n   to be: ${entry.pass}`);
  if (!passed) process.exitCode = 1;
}
process.exit();
