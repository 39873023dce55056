// Bodies in JSON: what is written is read as the same, and what is no body within the limits is refused in one way.

import { expect } from "bun:test";
import * as fc from "fast-check";
import { decodeJson, encodeJson, encodeWellFormedJson, jsonId } from "../../src/ipc/wire/json.ts";
import { sameValue } from "../soak/parts/same-value.ts";
import { bytes, id, jsonValue, nested, ordinary, text, wideInteger } from "./arbitraries.ts";
import { property } from "./property.ts";
import { readJson, refusal, throughJson, tokensOf, wide } from "./reading.ts";

const spaces = fc.string({ unit: fc.constantFrom(" ", "\t", "\n", "\r"), maxLength: 3 });
const indent = fc.oneof(fc.nat(4), spaces);

property("every payload in JSON is read as it was written", [jsonValue], (value) => sameValue(throughJson(value), value));

property("what needs no exact integer is written as JSON.stringify does, and is read by JSON.parse", [ordinary], (value) => {
  const written = encodeJson(value);
  expect(sameValue(JSON.parse(written), value)).toBe(true);
  if (!/\d{16}|e\+/.test(written + JSON.stringify(value))) expect(written).toBe(JSON.stringify(value));
});

property(
  "any JSON of ordinary numbers is read as JSON.parse does, whatever white space is in it",
  [ordinary, indent, spaces],
  (value, step, around) => {
    const body = `${around}${JSON.stringify(value, undefined, step)}${around}`;
    if (/\d{16}|e/.test(body.replace(/"(?:[^"\\]|\\.)*"/g, ""))) return;
    expect(readJson(body)).toEqual(JSON.parse(body));
  },
);

// A body is looked through in another way when it is long.
const length = fc.constantFrom(0, 10, 400);

property("integers of 64 bits keep each digit, both ways", [wideInteger, fc.constantFrom("", " ", "\n"), length], (integer, space, long) => {
  expect(encodeJson([integer])).toBe(`[${integer}]`);
  const text = "x".repeat(long);
  expect(readJson(`["${text}",${space}${integer}${space}]`)).toEqual([text, integer]);
});

property(
  "integers beyond 64 bits and numbers beyond a double are refused, wherever they stand",
  [fc.bigInt({ min: 0n, max: 10n ** 30n }), fc.boolean(), fc.integer({ min: 309, max: 9_999 }), length],
  (over, negative, exponent, long) => {
    const before = `{"long":"${"x".repeat(long)}","a":[1,`;
    const integer = negative ? -(2n ** 63n) - 1n - over : 2n ** 64n + over;
    expect(refusal(() => readJson(`${before}${integer}]}`))).toMatch(/out of range/);
    expect(refusal(() => readJson(`${before}${negative ? "-" : ""}1e${exponent}]}`))).toMatch(/out of range/);
    expect(refusal(() => encodeJson({ a: integer }))).toMatch(/64 bits/);
  },
);

property(
  "nesting up to the limit passes, one level more does not",
  [fc.integer({ min: 1, max: 127 }), fc.array(fc.boolean(), { minLength: 1, maxLength: 5 })],
  (depth, kinds) => {
    const limits = { ...wide, depth };
    const fits = JSON.stringify(nested(depth, kinds));
    expect(readJson(fits, limits)).toEqual(JSON.parse(fits));
    expect(refusal(() => readJson(JSON.stringify(nested(depth + 1, kinds)), limits))).toMatch(/nests deeper/);
  },
);

property("as many values and keys as the limit pass, one less than there are does not", [ordinary], (value) => {
  const tokens = tokensOf(value);
  const body = encodeJson(value);
  expect(refusal(() => readJson(body, { ...wide, tokens }))).toBeUndefined();
  if (tokens > 1) expect(refusal(() => readJson(body, { ...wide, tokens: tokens - 1 }))).toMatch(/more than/);
});

property(
  "an object that is cut short is refused",
  [fc.dictionary(text, jsonValue, { maxKeys: 3 }), fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })],
  (value, end) => {
    const whole = Buffer.from(encodeJson(value));
    expect(refusal(() => readJson(whole.subarray(0, Math.floor(end * whole.length))))).toBeString();
  },
);

property("so is one with something behind it", [jsonValue, fc.constantFrom("x", "{}", "1", ",", "]", "\u0000", "\ufeff")], (value, behind) => {
  expect(refusal(() => readJson(`[${encodeJson(value)}]${behind}`))).toBeString();
});

property("any bytes are a value or refused, and nothing else", [bytes], (body) => {
  const read = refusal(() => readJson(body));
  if (read === undefined) expect(refusal(() => throughJson(readJson(body)))).toBeUndefined();
  else expect(read.length).toBeLessThanOrEqual(250);
});

property("knowing that the bytes are ASCII changes nothing", [jsonValue], (value) => {
  const body = Buffer.from(encodeJson(value).replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`));
  expect(sameValue(decodeJson(body, 0, body.length, wide, true), decodeJson(body, 0, body.length, wide, false))).toBe(true);
  expect(sameValue(readJson(body), value)).toBe(true);
});

property("bytes around the body do not count", [jsonValue, bytes, bytes], (value, before, behind) => {
  const body = Buffer.from(encodeJson(value));
  const whole = Buffer.concat([before, body, behind]);
  expect(sameValue(decodeJson(whole, before.length, before.length + body.length, wide), value)).toBe(true);
});

const badUtf8 = fc.constantFrom([0x80], [0xc0, 0xaf], [0xc3], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xff], [0xe2, 0x82]);

property("text that is not UTF-8 is refused wherever it stands", [text, text, badUtf8], (before, behind, bad) => {
  const [head, tail] = [JSON.stringify(before).slice(0, -1), JSON.stringify(behind).slice(1)];
  const body = Buffer.concat([Buffer.from(`{"a":[${head}`), Buffer.from(bad), Buffer.from(`${tail}]}`)]);
  expect(refusal(() => readJson(body))).toMatch(/not valid UTF-8/);
});

property(
  "half a character comes back as it was, and is refused for readers that take none",
  [text, fc.integer({ min: 0xd800, max: 0xdfff })],
  (around, unit) => {
    const half = `${around}x${String.fromCharCode(unit)}x${around}`;
    for (const value of [half, [half], { [half]: 1 }]) {
      expect(throughJson(value)).toEqual(value);
      expect(refusal(() => encodeWellFormedJson(value))).toMatch(/lone surrogate/);
    }
  },
);

property(
  "a key written twice counts as it was written last, and __proto__ is a key",
  [jsonValue, jsonValue, fc.constantFrom("a", "__proto__", "1")],
  (first, last, key) => {
    const read = readJson(`{"${key}":${encodeJson(first)},"b":0,"${key}":${encodeJson(last)}}`) as Record<string, unknown>;
    expect(Object.keys(read).sort()).toEqual([key, "b"].sort());
    expect(sameValue(Object.getOwnPropertyDescriptor(read, key)?.value, last)).toBe(true);
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
  },
);

property("a correlation is quoted as JSON.stringify does", [fc.option(id)], (correlation) => jsonId(correlation) === JSON.stringify(correlation));
