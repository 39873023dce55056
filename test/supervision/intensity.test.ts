import { describe, expect, test } from "bun:test";
import { backoffOf, recentRestarts } from "../../src/supervision/intensity.ts";

const intensity = { restartsMax: 5, restartWindowMs: 60_000, backoffMs: 100, backoffMaxMs: 30_000 };

describe("recent restarts", () => {
  test.each([
    [[], 0, []],
    [[0], 59_999, [0]],
    [[0], 60_000, []],
    [[0, 1, 60_000], 60_000.5, [1, 60_000]],
    [[100, 200], 200, [100, 200]],
  ])("of %j at %d are %j", (restarts, now, recent) => {
    expect(recentRestarts(restarts, now, intensity)).toEqual(recent);
  });
});

describe("the wait before a restart", () => {
  test.each([
    [0, 100],
    [1, 200],
    [2, 400],
    [4, 1_600],
    [8, 25_600],
    [9, 30_000],
    [2_000, 30_000],
  ])("after %d recent ones is %d ms, less up to half of it by chance", (recent, ms) => {
    expect(backoffOf(recent, 0, intensity)).toBe(ms);
    expect(backoffOf(recent, 0.5, intensity)).toBe(0.75 * ms);
    expect(backoffOf(recent, 1, intensity)).toBe(ms / 2);
  });

  test.each([3, 1_024, 1_000_000])("may be none, after %d recent ones too", (recent) => {
    expect(backoffOf(recent, 0.3, { ...intensity, backoffMs: 0 })).toBe(0);
  });
});
