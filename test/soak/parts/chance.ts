// Seeded draws for the fuzzers, and the values, texts and bytes that they begin with.

import { type Random, seededRandom } from "../../../src/random.ts";

export class Chance {
  readonly seed: number;
  readonly #random: Random;

  constructor(seed: number) {
    this.seed = seed;
    this.#random = seededRandom(seed);
  }

  next(): number {
    return this.#random.next();
  }

  /** A whole number from 0 to `limit` − 1. */
  below(limit: number): number {
    return Math.floor(this.#random.next() * limit);
  }

  one<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item;
  }

  /** True once in `times`. */
  oncein(times: number): boolean {
    return this.below(times) === 0;
  }
}

const numbers = [
  0,
  -0,
  1,
  -1,
  31,
  32,
  127,
  128,
  255,
  256,
  -32,
  -33,
  -128,
  -129,
  65_535,
  65_536,
  2 ** 31,
  -(2 ** 31) - 1,
  2 ** 32,
  2 ** 53 - 1,
].concat([2 ** 53, -(2 ** 53), 1e21, 1.5, -0.1, 5e-324, 1.797e308, 0.1 + 0.2]);
const integers = [2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 63n, 2n ** 64n - 1n];
const keys = [
  "a",
  "b",
  "n",
  "payload",
  "target",
  "__proto__",
  "constructor",
  "toJSON",
  "hasOwnProperty",
  "",
  "0",
  "17",
  "ключ",
  "x".repeat(33),
  "y".repeat(300),
];
const texts = [
  "",
  "text",
  "grüße",
  "日本",
  "😀",
  "\u0000\u001f",
  `"\\/\b\f\n\r\t`,
  "\u2028\u2029\ufeff",
  "z".repeat(31),
  "z".repeat(32),
  "é".repeat(200),
  "w".repeat(70_000),
];

export interface ValueOptions {
  /** Bytes may occur. */
  readonly binary: boolean;
  /** Integers beyond 2^53 may. */
  readonly bigints: boolean;
}

/** Something that a payload may be, seldom large. */
export function someValue(chance: Chance, options: ValueOptions, depth = 4): unknown {
  const kind = chance.below(depth > 0 ? 12 : 8);
  switch (kind) {
    case 0:
      return null;
    case 1:
      return chance.oncein(2);
    case 2:
      return chance.one(numbers);
    case 3:
      return chance.oncein(2) ? chance.below(2 ** 31) : (chance.next() - 0.5) * 10 ** chance.below(40);
    case 4:
      return options.bigints ? chance.one(integers) : chance.below(100);
    case 5:
      return options.binary ? Uint8Array.from({ length: chance.below(40) }, () => chance.below(256)) : someText(chance);
    case 6:
    case 7:
      return someText(chance);
    case 8:
    case 9:
      return Array.from({ length: someLength(chance) }, () => someValue(chance, options, depth - 1));
    default:
      return someRecord(chance, options, depth - 1);
  }
}

export function someRecord(chance: Chance, options: ValueOptions, depth = 4): Record<string, unknown> {
  const entries = Array.from({ length: someLength(chance) }, () => [chance.one(keys), someValue(chance, options, depth)] as const);
  return Object.fromEntries(entries);
}

function someText(chance: Chance): string {
  const text = chance.one(texts);
  return text.length > 1000 && !chance.oncein(50) ? "seldom long" : text;
}

function someLength(chance: Chance): number {
  return chance.oncein(40) ? 16 + chance.below(8) : chance.below(5);
}
