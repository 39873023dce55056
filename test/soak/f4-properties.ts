// F4: the properties of test/properties under another seed, and more often when asked to.

import type { SoakCheck } from "./check.ts";
import { bunTest } from "./parts/bun-test.ts";

const f4: SoakCheck = {
  id: "F4",
  title: "Properties on generated cases, models among them",
  pass: "60 properties or more, 1,000 runs each, 0 failures",
  async run({ rounds: cases = 1_000, seed = 1 }) {
    const environment = { ACTON_PROPERTY_RUNS: String(cases), ACTON_PROPERTY_SEED: String(seed) };
    const { passed: held, failed, failures, status } = await bunTest(["./test/properties/"], { environment });
    return {
      figure: `${held} properties, ${cases.toLocaleString("en")} runs each, seed ${seed}: ${failed} failures ${failures.join("; ")}`.trimEnd(),
      passed: status === 0 && held >= 60 && cases >= 1_000,
    };
  },
};

export const checks = [f4];
