// Q1: the ordinary suite again and again on one commit. Minutes each time, so it is run when it is named only.

import type { SoakCheck } from "./check.ts";
import { bunTest } from "./parts/bun-test.ts";

const q1: SoakCheck = {
  id: "Q1",
  title: "The whole suite, again and again on one commit",
  pass: "20 times, 0 failures",
  whenNamed: true,
  async run({ rounds = 20 }) {
    let tests = 0;
    const failures: string[] = [];
    for (let round = 1; round <= rounds; round++) {
      const run = await bunTest([]);
      tests = run.passed + run.failed;
      failures.push(...run.failures);
      if (run.status !== 0 && run.failures.length === 0) failures.push(`round ${round} ended with ${run.status}`);
    }
    const figure = `${rounds} times ${tests} tests: ${failures.length} failures ${failures.join("; ")}`.trimEnd();
    return { figure, passed: rounds >= 20 && failures.length === 0 };
  },
};

export const checks = [q1];
