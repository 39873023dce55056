// The reliability checks in their reduced form: against the compiled executable, with few clients and for a moment. They assert
// counts and bounds; what takes time to show, and times themselves, are for `bun run soak`.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { ErrorCode } from "../../src/errors.ts";
import type { SoakCheck } from "./check.ts";
import { crashed } from "./crashes.ts";
import { crowded } from "./descriptors.ts";
import { restarts } from "./drain.ts";
import { neverOverSocket, provoked, unprovoked } from "./error-texts.ts";
import { baited } from "./hostile-directory.ts";
import { load } from "./load.ts";
import { jumpingClock, muted } from "./log-output.ts";
import { victimTimes } from "./neighbours.ts";
import { reliabilityPage, rowOf, withRow } from "./parts/figures.ts";
import { percentile, slopeOf } from "./parts/measures.ts";
import { checked } from "./simulated.ts";
import { endure } from "./slow-peers.ts";

const python = Bun.which("python3") !== null;

test.skipIf(!python)(
  "X1: with fewer descriptors than clients every client is served or refused in words, though all come in one turn",
  async () => {
    const { served, refused, neither, recoveryMs } = await crowded(120, true);
    expect({ neither, all: served + refused, some: served > 40 && refused > 40, recovers: recoveryMs < Infinity }).toEqual({
      neither: 0,
      all: 120,
      some: true,
      recovers: true,
    });
  },
  30_000,
);

test("X2: peers that are slow, stopped, half-open or silent are closed, each under its counter, within the printed bound", async () => {
  const crowd = { unread: 10, stopped: 10, dribbling: 20, halfOpen: 5, silent: 5, holding: 2, deadline: 1 };
  const { peakBytes, boundBytes, figures, times } = await endure(crowd);
  expect(peakBytes).toBeLessThanOrEqual(boundBytes);
  expect(figures).toMatchObject({ closedSlow: 20, protocolErrors: 20, closedIdle: 5, activeConnections: 4 });
  expect(times.length).toBeGreaterThan(0);
}, 30_000);

test.each(["stuck", "gone", "full"] as const)(
  "X3: a log whose output is %s keeps nobody from being served",
  async (output) => {
    const { times, alive, dropped = 0 } = await muted(output, 200);
    expect({ alive, served: times.length > 0, dropped: dropped > 0 }).toEqual({ alive: true, served: true, dropped: output === "stuck" });
  },
  30_000,
);

test("X3: a time of day that jumps by an hour either way ends nothing", async () => {
  const { faults, jumps, times } = await jumpingClock(300);
  expect({ faults, jumped: jumps > 0, served: times.length > 0 }).toEqual({ faults: 0, jumped: true, served: true });
});

test("N1: beside each storm every call of another client is answered", async () => {
  const times = await victimTimes(150);
  expect([...times].map(([storm, all]) => [storm, all.length > 0])).toEqual(
    ["calm", "blast", "waves", "cancel", "subscribe"].map((storm) => [storm, true]),
  );
}, 30_000);

test.skipIf(!python)(
  "G1: restarts under load lose no acknowledged reply, cut off nobody and end with 0",
  async () => {
    const { answered, pushes, stopMs, ...faults } = await restarts(2, 1, 128);
    expect(faults).toEqual({ lost: 0, unanswered: 0, cutStreams: 0, failed: 0, misordered: 0, resets: 0, unclean: 0 });
    expect([answered > 0, pushes > 0, stopMs.length]).toEqual([true, true, 2]);
  },
  30_000,
);

test("L1: under a mixed load with churn nothing is lost, double or out of order, and no descriptor stays", async () => {
  const { calls, items, pushes, churned, faults, churnFailed, descriptorsMore, unclean } = await load({
    seconds: 1,
    connections: 12,
    churnPerSecond: 200,
  });
  expect({ faults, churnFailed, descriptorsMore, unclean }).toEqual({ faults: 0, churnFailed: 0, descriptorsMore: 0, unclean: 0 });
  expect([calls, items, pushes, churned].every((count) => count > 0)).toBe(true);
}, 30_000);

test("C1: whatever fails in the executable, and wherever, its asker is told, and the process goes on and ends in order", async () => {
  const { combinations, wrong, exits } = await crashed();
  expect({ wrong, exits }).toEqual({ wrong: [], exits: 0 });
  expect(combinations).toBeGreaterThan(200);
}, 30_000);

test("D2: a simulated run is looked at after each of its events", async () => {
  const { result, checks } = await checked(4, 1);
  expect(result).toMatchObject({ seeds: 4, events: 2000, failures: [] });
  expect(checks).toBeGreaterThanOrEqual(2000);
});

test("S3: nothing in a hostile directory is run, or opened", async () => {
  const { executions, opened } = await baited();
  expect({ executions, opened }).toEqual({ executions: 0, opened: [] });
}, 30_000);

test("S4: no error text has a stack frame, a path, a control byte or more than 200 characters", async () => {
  const seen = await provoked();
  expect(seen.leaks).toEqual([]);
  expect(seen.texts.length).toBeGreaterThan(100);
  expect(unprovoked(seen)).toEqual([]);
  expect(seen.codes.filter((code) => neverOverSocket.includes(code as ErrorCode))).toEqual([]);
  expect(seen.statuses).toEqual(expect.arrayContaining([1, 2, 3, 4, 6, 7, 8]));
}, 30_000);

test("percentiles and slopes are what they are said to be", () => {
  const values = Array.from({ length: 100 }, (_, n) => 100 - n);
  expect([percentile(values, 0), percentile(values, 0.5), percentile(values, 0.99)]).toEqual([1, 51, 100]);
  expect(slopeOf([1, 2, 3, 4].map((x) => [x, 3 * x - 1]))).toBeCloseTo(3);
});

test("a check's row takes the place of its last one, and a new one comes in order", () => {
  const check = (id: string): SoakCheck => ({ id, title: `title of ${id}`, pass: "0", run: () => Promise.reject(new Error("not run")) });
  const page = ["# Title", "", "| Id | What |", "| -- | ---- |", "| A1 | old | 0 | 1 | yes |", "| C1 | old | 0 | 1 | yes |", "", "after"].join("\n");
  const [a1, b1] = [check("A1"), check("B1")];
  const first = withRow(page, a1, { figure: "2", passed: false });
  expect(first).toBe(page.replace("| A1 | old | 0 | 1 | yes |", rowOf(a1, { figure: "2", passed: false })));
  const second = withRow(first, b1, { figure: "3", passed: true }).split("\n");
  expect(second.slice(4, 7).map((line) => line.slice(2, 4))).toEqual(["A1", "B1", "C1"]);
  expect(rowOf(b1, { figure: "3", passed: true })).toBe("| B1 | title of B1 | 0 | 3 | yes |");
});

test("docs/reliability.md has a row for each check, in their order", () => {
  const page = readFileSync(reliabilityPage, "utf8");
  const ids = [
    "C1",
    "D1",
    "D2",
    "D3",
    "F1",
    "F2",
    "F3",
    "F4",
    "F5",
    "F6",
    "G1",
    "L1",
    "M1",
    "N1",
    "Q1",
    "R1",
    "R2",
    "S1",
    "S2",
    "S3",
    "S4",
    "X1",
    "X2",
    "X3",
  ];
  const rows = [...page.matchAll(/^\| ([A-Z]\d)/gm)].map(([, id]) => id ?? "");
  expect(ids.filter((id) => !rows.includes(id))).toEqual([]);
  expect(rows).toEqual(rows.toSorted((a, b) => a.localeCompare(b)));
});
