// The checks of workers in their reduced form: counts, no times.

import { expect, test } from "bun:test";
import { kills, probeTimes, throughput } from "./workers.ts";

test("W1: a call beside a heavy handler is answered, whether that has a thread of its own or not", async () => {
  const times = await probeTimes(300);
  expect([...times].map(([place, all]) => [place, all.length > 0])).toEqual([
    ["in-place", true],
    ["worker", true],
  ]);
  expect(times.get("worker")?.length).toBeGreaterThan(times.get("in-place")?.length ?? Infinity);
});

test("W2: the same handler does its work in place, on a worker and on a pool", async () => {
  const done = await throughput(0.2, 0);
  expect([...done.values()].map((rate) => rate > 0)).toEqual([true, true, true]);
});

test("W3: each request has one outcome though its thread is ended again and again", async () => {
  const { asked, answered, failed, wrong } = await kills(3);
  expect({ wrong, codes: [...failed.keys()].filter((code) => code !== "AGENT_STOPPED") }).toEqual({ wrong: 0, codes: [] });
  expect(answered).toBeGreaterThan(0);
  expect(asked).toBe(answered + (failed.get("AGENT_STOPPED") ?? 0));
}, 30_000);
