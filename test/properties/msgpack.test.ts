// Bodies in MessagePack: what is written is read as the same, in each of the forms that others write it in.

import { expect } from "bun:test";
import * as fc from "fast-check";
import { Unpackr } from "msgpackr";
import { decodeMessagePack, encodeMessagePack, encodeTextMessagePack } from "../../src/ipc/wire/msgpack.ts";
import { said } from "../soak/f2-differential.ts";
import { sameValue } from "../soak/parts/same-value.ts";
import { bytes, jsonValue, key, nested, packedValue, text, wideInteger } from "./arbitraries.ts";
import { property } from "./property.ts";
import { readPacked, refusal, throughJson, throughMessagePack, tokensOf, wide } from "./reading.ts";

const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: "auto" } as object);

/** Writes a value, each length and integer in a form that `choose` picks among those that hold it. */
function spelled(value: unknown, choose: () => number): Buffer {
  const headed = (length: number, forms: readonly (readonly [tag: number, bytes: 0 | 1 | 2 | 4, max: number])[]): Buffer => {
    const fitting = forms.filter(([, , max]) => length <= max);
    const [tag, size] = fitting[choose() % fitting.length] as (typeof forms)[0];
    if (size === 0) return Buffer.from([tag | length]);
    const head = Buffer.alloc(1 + size, tag);
    head.writeUIntBE(length, 1, size);
    return head;
  };
  if (value === null) return Buffer.from([0xc0]);
  if (typeof value === "boolean") return Buffer.from([value ? 0xc3 : 0xc2]);
  if (typeof value === "number" || typeof value === "bigint") return spelledNumber(value, choose);
  if (typeof value === "string") {
    const content = Buffer.from(value);
    return Buffer.concat([
      headed(content.length, [
        [0xa0, 0, 31],
        [0xd9, 1, 255],
        [0xda, 2, 65_535],
        [0xdb, 4, 2 ** 32],
      ]),
      content,
    ]);
  }
  if (value instanceof Uint8Array)
    return Buffer.concat([
      headed(value.length, [
        [0xc4, 1, 255],
        [0xc5, 2, 65_535],
        [0xc6, 4, 2 ** 32],
      ]),
      value,
    ]);
  const content = Array.isArray(value) ? value : Object.entries(value as object).flat();
  const forms = Array.isArray(value)
    ? ([
        [0x90, 0, 15],
        [0xdc, 2, 65_535],
        [0xdd, 4, 2 ** 32],
      ] as const)
    : ([
        [0x80, 0, 15],
        [0xde, 2, 65_535],
        [0xdf, 4, 2 ** 32],
      ] as const);
  const length = Array.isArray(value) ? content.length : content.length / 2;
  return Buffer.concat([headed(length, forms), ...content.map((item) => spelled(item, choose))]);
}

function spelledNumber(value: number | bigint, choose: () => number): Buffer {
  if (typeof value === "number" && (!Number.isSafeInteger(value) || Object.is(value, -0))) return float(0xcb, value);
  const integer = BigInt(value);
  const forms = [0xcc, 0xcd, 0xce, 0xcf].flatMap((tag, place) =>
    integer >= 0n && integer < 2n ** BigInt(8 << place) ? [fixed(tag, integer, 1 << place)] : [],
  );
  for (const [place, tag] of [0xd0, 0xd1, 0xd2, 0xd3].entries()) {
    const half = 2n ** BigInt((8 << place) - 1);
    if (integer >= -half && integer < half) forms.push(fixed(tag, BigInt.asUintN(8 << place, integer), 1 << place));
  }
  if (integer >= -32n && integer < 128n) forms.push(Buffer.from([Number(integer) & 0xff]));
  if (typeof value === "number") forms.push(float(0xcb, value));
  if (typeof value === "number" && Math.fround(value) === value) forms.push(float(0xca, value));
  return forms[choose() % forms.length] as Buffer;
}

function fixed(tag: number, integer: bigint, size: number): Buffer {
  return Buffer.from([tag, ...Array.from({ length: size }, (_, at) => Number((integer >> BigInt(8 * (size - 1 - at))) & 0xffn))]);
}

function float(tag: 0xca | 0xcb, value: number): Buffer {
  const view = new DataView(new ArrayBuffer(tag === 0xca ? 5 : 9));
  view.setUint8(0, tag);
  if (tag === 0xca) view.setFloat32(1, value);
  else view.setFloat64(1, value);
  return Buffer.from(view.buffer);
}

property("every payload in MessagePack is read as it was written", [packedValue], (value) => sameValue(throughMessagePack(value), value));

property("another library reads it as the same", [packedValue], (value) => {
  if (JSON.stringify(value, (_, held: unknown) => (typeof held === "bigint" ? Number(held) : held))?.includes("__proto__")) return;
  expect(said(unpackr.unpack(encodeMessagePack(value)))).toBe(said(value));
});

property("a payload is the same in both formats", [jsonValue], (value) => sameValue(throughMessagePack(value), throughJson(value)));

property("every form of a length and an integer is read as the same value", [packedValue, fc.infiniteStream(fc.nat(1_000))], (value, choices) => {
  const body = spelled(value, () => choices.next().value as number);
  expect(sameValue(readPacked(body), value)).toBe(true);
});

property(
  "nesting up to the limit passes, one level more does not",
  [fc.integer({ min: 1, max: 127 }), fc.array(fc.boolean(), { minLength: 1, maxLength: 5 })],
  (depth, kinds) => {
    const limits = { ...wide, depth };
    expect(
      readPacked(
        spelled(nested(depth, kinds), () => 0),
        limits,
      ),
    ).toEqual(nested(depth, kinds));
    expect(
      refusal(() =>
        readPacked(
          spelled(nested(depth + 1, kinds), () => 0),
          limits,
        ),
      ),
    ).toMatch(/nests deeper/);
  },
);

property("as many values and keys as the limit pass, one less than there are does not", [packedValue], (value) => {
  const tokens = tokensOf(value);
  const body = encodeMessagePack(value);
  expect(refusal(() => readPacked(body, { ...wide, tokens }))).toBeUndefined();
  if (tokens > 1) expect(refusal(() => readPacked(body, { ...wide, tokens: tokens - 1 }))).toMatch(/more than/);
});

property("a body that is cut short is refused", [packedValue, fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })], (value, end) => {
  const whole = encodeMessagePack(value);
  expect(refusal(() => readPacked(whole.subarray(0, Math.floor(end * whole.length))))).toMatch(/ends within/);
});

property("so is one with a byte behind it", [packedValue, fc.nat(255)], (value, behind) => {
  expect(refusal(() => readPacked(Buffer.concat([encodeMessagePack(value), Buffer.from([behind])])))).toMatch(/bytes after its value/);
});

property("any bytes are a value or refused, and nothing else", [bytes], (body) => {
  const read = refusal(() => readPacked(body));
  if (read !== undefined) expect(read.length).toBeLessThanOrEqual(250);
  else if (refusal(() => throughMessagePack(readPacked(body))) === undefined)
    expect(sameValue(throughMessagePack(readPacked(body)), readPacked(body))).toBe(true);
});

property("bytes around the body do not count, and what was read does not change with them", [packedValue, bytes, bytes], (value, before, behind) => {
  const body = encodeMessagePack(value);
  const whole = Buffer.concat([before, body, behind]);
  const read = decodeMessagePack(whole, before.length, before.length + body.length, wide);
  whole.fill(0x55);
  expect(sameValue(read, value)).toBe(true);
});

const extension = fc.oneof(
  fc.tuple(fc.constantFrom(0, 1, 2, 3, 4), fc.nat(255)).map(([place, type]) => Buffer.from([0xd4 + place, type, ...Buffer.alloc(1 << place)])),
  fc.tuple(fc.nat(20), fc.nat(255)).map(([length, type]) => Buffer.from([0xc7, length, type, ...Buffer.alloc(length)])),
  fc.tuple(fc.nat(20), fc.nat(255)).map(([length, type]) => Buffer.from([0xc8, 0, length, type, ...Buffer.alloc(length)])),
);

property(
  "an extension type is refused as a value and as a key, wherever it stands",
  [packedValue, extension, fc.boolean()],
  (value, foreign, asKey) => {
    const body = asKey
      ? [Buffer.from([0x92]), encodeMessagePack(value), Buffer.from([0x81]), foreign, encodeMessagePack(value)]
      : [Buffer.from([0x92]), encodeMessagePack(value), foreign];
    expect(refusal(() => readPacked(Buffer.concat(body)))).toMatch(asKey ? /key that is not a string/ : /extension type/);
  },
);

property("integers of 64 bits keep each digit", [wideInteger], (integer) => throughMessagePack(integer) === integer);

property("half a character is refused, as a text and as a key", [text, fc.integer({ min: 0xd800, max: 0xdfff })], (around, unit) => {
  const half = `${around}x${String.fromCharCode(unit)}x`;
  for (const value of [half, [half], { [half]: 1 }]) expect(refusal(() => encodeMessagePack(value))).toMatch(/lone surrogate/);
});

property(
  "a writer for readers that take no bytes refuses them, and writes all else alike",
  [packedValue, fc.uint8Array({ maxLength: 5 })],
  (value, binary) => {
    expect(refusal(() => encodeTextMessagePack([value, binary]))).toBeString();
    if (refusal(() => encodeTextMessagePack(value)) === undefined)
      expect(Buffer.compare(encodeTextMessagePack(value), encodeMessagePack(value))).toBe(0);
  },
);

property(
  "keys are own fields, whatever they are called, and of one written twice the last counts",
  [key, jsonValue, jsonValue],
  (field, first, last) => {
    const body = Buffer.concat([Buffer.from([0x82]), ...[field, first, field, last].map((part) => encodeMessagePack(part))]);
    const read = readPacked(body) as Record<string, unknown>;
    expect(Object.keys(read)).toEqual([field]);
    expect(sameValue(Object.getOwnPropertyDescriptor(read, field)?.value, last)).toBe(true);
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
  },
);
