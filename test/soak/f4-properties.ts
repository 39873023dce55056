// F4: the properties of test/properties under another seed, and more often when asked to.

import type { SoakCheck } from "./check.ts";

const f4: SoakCheck = {
  id: "F4",
  title: "Properties on generated cases, models among them",
  pass: "60 properties or more, 1,000 runs each, 0 failures",
  async run({ rounds: cases = 1_000, seed = 1 }) {
    const root = new URL("../..", import.meta.url).pathname;
    const env = { ...process.env, ACTON_PROPERTY_RUNS: String(cases), ACTON_PROPERTY_SEED: String(seed) };
    const running = Bun.spawn([process.execPath, "test", "./test/properties/"], { cwd: root, env, stdout: "ignore", stderr: "pipe" });
    const output = await new Response(running.stderr).text();
    const count = (what: string): number => Number(new RegExp(`^ *(\\d+) ${what}$`, "m").exec(output)?.[1] ?? 0);
    const held = [...output.matchAll(/^\(pass\)/gm)].length;
    const failures = [...output.matchAll(/^\(fail\) .*$|^\{ seed: .*$|^Counterexample: .*$/gm)].map(([line]) => line);
    return {
      figure: `${held} properties, ${cases.toLocaleString("en")} runs each, seed ${seed}: ${count("fail")} failures ${failures.join("; ")}`.trimEnd(),
      passed: (await running.exited) === 0 && held >= 60 && cases >= 1_000,
    };
  },
};

export const checks = [f4];
