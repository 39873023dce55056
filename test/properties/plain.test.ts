// What may leave as a payload: plain data stays what it is, the rest is converted as JSON.stringify would, or refused with its path.

import { expect } from "bun:test";
import * as fc from "fast-check";
import { encodeJson } from "../../src/ipc/wire/json.ts";
import { plain } from "../../src/ipc/wire/plain.ts";
import { sameValue } from "../soak/parts/same-value.ts";
import { jsonValue, key, nested, ordinary, packedValue, treeOf } from "./arbitraries.ts";
import { property } from "./property.ts";
import { refusal } from "./reading.ts";
import { encodeMessagePack } from "../../src/ipc/wire/msgpack.ts";

class Point {
  readonly x: unknown;
  readonly y = 2;

  constructor(x: unknown) {
    this.x = x;
  }
}

/** What programs hand over and JSON.stringify can write. */
const loose = treeOf(
  fc.oneof(
    ordinary,
    fc.constant(undefined),
    fc.date({ noInvalidDate: true }),
    ordinary.map((value) => new Point(value)),
    ordinary.map((value) => Object.assign(Object.create(null) as object, { value })),
    ordinary.map((value) => ({ toJSON: () => value })),
  ),
);

const unwritable = fc.constantFrom<unknown>(
  Number.NaN,
  -Infinity,
  () => 1,
  Symbol("s"),
  new Map(),
  new Set(),
  /x/,
  new Error("x"),
  new Float64Array(2),
  new DataView(new ArrayBuffer(2)),
  new ArrayBuffer(2),
  2n ** 64n,
  new Date(Number.NaN),
  new Number(1),
);

function frozen<Value>(value: Value): Value {
  if (typeof value === "object" && value !== null && !ArrayBuffer.isView(value)) for (const held of Object.values(Object.freeze(value))) frozen(held);
  return value;
}

property("plain data is passed on as the same object", [jsonValue, fc.boolean()], (value, binary) => {
  // A bigint is written as bare digits, which makes a copy of what holds it.
  if (encodeJson(value).match(/\d{16}/) !== null) return;
  expect(Object.is(plain(value, binary), value)).toBe(true);
});

property("what was made plain is plain", [loose, fc.boolean()], (value, binary) => {
  const once = plain(value, binary);
  expect(plain(once, binary)).toBe(once);
});

property("making plain changes nothing of what it is given", [loose], (value) => {
  const before = JSON.stringify(value);
  const after = plain(frozen(value), false);
  expect(JSON.stringify(value)).toBe(before);
  expect(JSON.stringify(after)).toBe(before ?? "null");
});

property("instances, dates, toJSON and undefined are written as JSON.stringify does", [loose], (value) => {
  expect(sameValue(JSON.parse(encodeJson(value)), JSON.parse(JSON.stringify(value) ?? "null"))).toBe(true);
});

property("bytes pass only where the format has them", [packedValue, fc.uint8Array({ maxLength: 4 })], (value, binary) => {
  expect(sameValue(plain([value, binary], true), [value, binary])).toBe(true);
  expect(refusal(() => plain([value, binary], false))).toBeString();
});

property(
  "what has no representation is refused with the way to it",
  [unwritable, fc.array(fc.oneof(fc.nat(3), key), { maxLength: 6 }), fc.boolean()],
  (bad, path, binary) => {
    let value = bad;
    for (const step of path.toReversed()) {
      if (typeof step === "number") value = [...Array.from({ length: step }, () => 0), value];
      else value = Object.fromEntries([["first", 0] as const, [step, value] as const]);
    }
    const text = refusal(() => plain(value, binary));
    expect(text).toStartWith("payload");
    expect(text?.length).toBeLessThanOrEqual(450);
    for (const step of path.slice(0, 3))
      if (typeof step === "number" && path.every((each) => typeof each === "number")) expect(text).toContain(`[${step}]`);
  },
);

property(
  "a payload may nest as deep as a body can hold it, and no deeper",
  [fc.integer({ min: 1, max: 300 }), fc.array(fc.boolean(), { minLength: 1, maxLength: 5 })],
  (depth, kinds) => {
    const value = nested(depth, kinds);
    expect(refusal(() => encodeJson(value)) === undefined).toBe(depth <= 126);
    expect(refusal(() => plain(value, true)) === undefined).toBe(depth <= 126);
    expect(refusal(() => encodeMessagePack({ payload: value })) === undefined).toBe(depth <= 126);
  },
);

property("what holds itself is refused, and stays as it was", [fc.array(key, { minLength: 1, maxLength: 4 }), fc.boolean()], (path, binary) => {
  const whole: Record<string, unknown> = {};
  let inner = whole;
  for (const step of path) {
    const next = {};
    Object.defineProperty(inner, step, { value: next, enumerable: true, configurable: true });
    inner = next;
  }
  inner["back"] = whole;
  expect(refusal(() => plain(whole, binary))).toMatch(/or a cycle$/);
  expect(inner["back"]).toBe(whole);
});
