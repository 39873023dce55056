// One property: a sentence, what it is given, and what must hold. The ordinary suite tries it a thousand times under a seed of
// its own, always the same; the soak takes other seeds, and more of it. A failure prints its seed, and the smallest case.

import { test } from "bun:test";
import * as fc from "fast-check";

const runs = Number(process.env["ACTON_PROPERTY_RUNS"] ?? 1_000);
const seed = Number(process.env["ACTON_PROPERTY_SEED"] ?? 1);
const timeoutMs = Math.max(10_000, 20 * runs);

/** `holds` fails by throwing, as `expect` does, or by returning false. */
export function property<Given extends unknown[]>(
  sentence: string,
  given: { [Index in keyof Given]: fc.Arbitrary<Given[Index]> },
  holds: (...given: Given) => boolean | void,
): void {
  test(sentence, () => check(given, holds), timeoutMs);
}

/** Throws what makes the property fail: the seed, and the smallest case. */
export function check<Given extends unknown[]>(
  given: { [Index in keyof Given]: fc.Arbitrary<Given[Index]> },
  holds: (...given: Given) => boolean | void,
): void {
  fc.assert(
    fc.property(fc.tuple<Given>(...given), (values) => holds(...values)),
    { numRuns: runs, seed },
  );
}
