import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { check } from "./properties/property.ts";

test("a property that does not hold says under which seed, and for what at the least", () => {
  expect(() => check([fc.nat()], (number) => number < 50)).toThrow(/seed: -?\d+[^]*Counterexample: \[\[50\]\]/);
  expect(() => check([fc.nat()], (number) => expect(number).toBeLessThan(50))).toThrow(/Counterexample: \[\[50\]\]/);
});

test("one that holds is tried a thousand times at least", () => {
  let runs = 0;
  check([fc.nat()], (_number) => void (runs += 1));
  expect(runs).toBeGreaterThanOrEqual(1_000);
});
