// What properties are given: values that may travel, frames, and the ways to cut them.

import * as fc from "fast-check";

/** Any well-formed text. */
export const text = fc.string({ unit: "binary", maxLength: 12 });
export const name = fc.stringMatching(/^[A-Za-z][\w.:-]{0,11}$/);
export const id = fc.string({ unit: "binary", minLength: 1, maxLength: 30 });

export const finite = fc.oneof(
  fc.integer(),
  fc.integer({ min: -200, max: 300 }),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(2 ** 53, -(2 ** 53), 2 ** 32, 2 ** 31, -(2 ** 31) - 1, 1e300, 5e-324, 0.1),
);

export const wideInteger = fc.oneof(
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
  fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
  fc.constantFrom(2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n), 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n, -(2n ** 63n)),
);

export const key = fc.oneof(
  { weight: 6, arbitrary: text },
  { weight: 1, arbitrary: fc.constantFrom("__proto__", "constructor", "toString", "0", "") },
);

const jsonLeaf = fc.oneof(fc.constant(null), fc.boolean(), finite, text);

export function treeOf(leaf: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4, depthSize: "small", withCrossShrink: true },
      leaf,
      fc.array(tie("tree"), { maxLength: 4 }),
      fc.dictionary(key, tie("tree"), { maxKeys: 4 }),
    ),
  })).tree;
}

/** What JSON can say exactly, to any reader of it. */
export const ordinary = treeOf(jsonLeaf);
/** The same with integers of 64 bits. */
export const jsonValue = treeOf(fc.oneof({ weight: 4, arbitrary: jsonLeaf }, wideInteger));
/** The same with bytes. */
export const packedValue = treeOf(fc.oneof({ weight: 4, arbitrary: jsonLeaf }, wideInteger, fc.uint8Array({ maxLength: 20 })));

/** Any bytes, the telling ones more often. */
export const bytes = fc
  .array(
    fc.oneof(
      fc.integer({ min: 0, max: 255 }),
      fc.constantFrom(...Buffer.from('{}[]",:\\ 019eE.-tfn')),
      fc.constantFrom(0x80, 0x81, 0x90, 0x91, 0xa1, 0xc0, 0xc1, 0xc4, 0xcb, 0xcf, 0xd3, 0xd9, 0xdb, 0xdc, 0xdd, 0xde, 0xdf),
    ),
    { maxLength: 60 },
  )
  .map((list) => Buffer.from(list));

/** Where to cut, as parts of the whole. */
export const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 });

export function pieces(whole: Buffer, places: readonly number[]): readonly Buffer[] {
  const at = [0, ...places.map((place) => Math.floor(place * whole.length)).sort((a, b) => a - b), whole.length];
  return at.slice(1).map((end, index) => Buffer.from(whole.subarray(at[index], end)));
}

/** A value that lies in so many containers. */
export function nested(depth: number, kinds: readonly boolean[]): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = kinds[level % Math.max(1, kinds.length)] === true ? [value] : { a: value };
  return value;
}
