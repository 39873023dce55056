// The whole runtime under many seeds, the same twice, and every run that has ever failed.

import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Recording, replay, simulate } from "acton/testing";
import { scenario } from "./scenario.ts";

const regressions = join(import.meta.dir, "regressions");
const files = existsSync(regressions) ? readdirSync(regressions).filter((name) => name.endsWith(".json")) : [];

test("2,000 seeds of 500 events each find nothing that is not as it must be", async () => {
  const { seeds, events, failures } = await simulate(scenario, { seeds: 2000, events: 500 });
  expect(failures.map(({ seed, what, trace }) => ({ seed, what, trace: trace.slice(-40) }))).toEqual([]);
  expect([seeds, events]).toEqual([2000, 1_000_000]);
}, 240_000);

test("100 seeds make the same runs twice", async () => {
  const options = { seeds: 100, from: 10_001, events: 300 };
  expect((await simulate(scenario, options)).hash).toBe((await simulate(scenario, options)).hash);
}, 60_000);

test.each(files)("the run that failed once goes well: %s", async (file) => {
  const recording = JSON.parse(readFileSync(join(regressions, file), "utf8")) as Recording;
  expect((await replay(scenario, recording))?.what).toBeUndefined();
});
