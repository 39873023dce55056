// The short way must agree with zod wherever it takes a payload at all.

import { describe, expect, test } from "bun:test";
import { z } from "zod";
import * as mini from "zod/mini";
import { shortWayFor } from "../../src/message/plain-object.ts";
import { seededRandom } from "../../src/random.ts";

const plainSchemas = {
  integers: z.object({ a: z.int(), b: z.int() }),
  bounded: z.object({ page: z.int().positive(), size: z.int().min(1).max(100), ratio: z.number().gt(0).lt(1) }),
  edges: z.object({ low: z.number().gte(-1.5), high: z.number().lte(2 ** 40), gap: z.int().gt(3).lt(5) }),
  mixed: z.object({ name: z.string(), on: z.boolean(), n: z.number(), i: z.number().int() }),
  mini: mini.object({ a: mini.int(), s: mini.string() }),
  empty: z.object({}),
};

const values: readonly unknown[] = [
  0,
  -0,
  1,
  4,
  5,
  99,
  100,
  101,
  0.5,
  1.5,
  -1.5,
  -1.6,
  2 ** 40,
  2 ** 40 + 1,
  2 ** 53 - 1,
  2 ** 53,
  Number.MIN_VALUE,
  1 - Number.EPSILON,
  Infinity,
  NaN,
  "",
  "x",
  "5",
  true,
  false,
  null,
  undefined,
  5n,
  [],
  {},
  [1],
];

describe("the short way into a schema", () => {
  test.each(Object.entries(plainSchemas))("takes only what zod takes, and gives back the same: %s", (_, schema) => {
    const short = shortWayFor(schema as z.ZodType);
    const random = seededRandom(7);
    const pick = (): unknown => values[Math.floor(random.next() * values.length)];
    let taken = 0;
    for (let round = 0; round < 20_000; round++) {
      const payload: Record<string, unknown> = {};
      for (const key of Object.keys(schema._zod.def.shape)) if (random.next() < 0.95) payload[key] = pick();
      if (random.next() < 0.2) payload["extra"] = pick();
      const result = short?.(payload);
      if (result === undefined) continue;
      taken += 1;
      expect({ payload, result }).toEqual({ payload, result: (schema as z.ZodType).parse(payload) as object });
    }
    expect(taken).toBeGreaterThan(0);
  });

  test("leaves to zod whatever is not an object of plain fields", () => {
    const others = [
      z.string(),
      z.strictObject({ a: z.int() }),
      z.looseObject({ a: z.int() }),
      z.object({ a: z.int() }).refine(() => true),
      z.object({ a: z.coerce.number() }),
      z.object({ a: z.string().min(1) }),
      z.object({ a: z.email() }),
      z.object({ a: z.int32() }),
      z.object({ a: z.int().optional() }),
      z.object({ a: z.int().multipleOf(2) }),
      z.object({ a: z.string().transform((text) => text.length) }),
      z.object({ a: z.string().default("x") }),
      z.object({ a: z.int().refine(() => false) }),
    ];
    for (const schema of others) expect(shortWayFor(schema)).toBeUndefined();
  });

  test("leaves to zod what is no object, and what has too little", () => {
    const short = shortWayFor(plainSchemas.integers);
    for (const value of [null, undefined, 5, "x", [], { a: 1 }, { a: 1, b: "2" }]) expect(short?.(value)).toBeUndefined();
  });
});
