import { describe, expect, test } from "bun:test";
import { ActonError } from "../../../src/errors.ts";
import { plain } from "../../../src/ipc/wire/plain.ts";

function refusal(value: unknown, binary = false): string {
  try {
    plain(value, binary);
  } catch (error) {
    expect(error).toBeInstanceOf(ActonError);
    expect((error as ActonError).code).toBe("SERIALIZATION_ERROR");
    return (error as ActonError).message;
  }
  throw new Error("expected a refusal");
}

function nested(levels: number): unknown {
  let value: unknown = [];
  for (let level = 1; level < levels; level++) value = level % 2 === 0 ? [value] : { value };
  return value;
}

class Point {
  readonly #secret = 1;
  readonly x: number;
  readonly y?: number | undefined;
  constructor(x: number, y?: number) {
    this.x = x;
    this.y = y;
  }
  get sum(): number {
    return this.x + this.#secret;
  }
}

describe.each([false, true])("plain (binary: %p)", (binary) => {
  test("gives plain data back as the same reference", () => {
    const values = [
      { sum: 8 },
      [],
      {},
      [1, "two", null, true, 1.5, -0, 2 ** 60],
      { a: { b: [{ c: "d" }] } },
      { n: 5n },
      Object.create(null),
      "text",
      7,
      null,
      false,
    ];
    for (const value of values) expect(plain(value, binary)).toBe(value);
  });

  test("keeps untouched parts of a converted value by reference, and leaves the original alone", () => {
    const untouched = { deep: [1, 2] };
    const original = { untouched, when: new Date(0) };
    const copy = plain(original, binary) as typeof original;
    expect(copy).toEqual({ untouched, when: "1970-01-01T00:00:00.000Z" } as never);
    expect(copy.untouched).toBe(untouched);
    expect(original.when).toBeInstanceOf(Date);
  });

  test("leaves undefined out of objects and writes null elsewhere", () => {
    expect(plain(undefined, binary)).toBeNull();
    expect(Object.keys(plain({ a: undefined, b: 1 }, binary) as object)).toEqual(["b"]);
    // oxlint-disable-next-line no-sparse-arrays
    expect(plain([undefined, 1, , 2], binary)).toEqual([null, 1, null, 2]);
  });

  test("takes class instances as records of their own fields", () => {
    const copy = plain({ at: new Point(1) }, binary) as { at: object };
    expect(copy).toEqual({ at: { x: 1 } } as never);
    expect(Object.getPrototypeOf(copy.at)).toBe(Object.prototype);
    class List extends Array<number> {}
    expect(Object.getPrototypeOf(plain(List.of(1, 2), binary))).toBe(Array.prototype);
  });

  test("honours toJSON once, with its key", () => {
    expect(plain({ when: { toJSON: (key: string) => [key] } }, binary)).toEqual({ when: ["when"] });
    const self = new (class {
      readonly x = 1;
      toJSON(): unknown {
        return this;
      }
    })();
    expect(plain(self, binary)).toEqual({ x: 1 });
    expect(plain({ gone: { toJSON: () => undefined } }, binary)).toEqual({});
    expect(plain(Object.assign([1], { toJSON: () => "listed" }), binary)).toBe("listed");
    expect(plain({ toJSON: 1 }, binary)).toEqual({ toJSON: 1 });
  });

  test("copies an own __proto__ key as data", () => {
    const copy = plain(
      JSON.parse('{"__proto__":{"admin":true},"when":null,"gone":0}', (key, value) => (key === "gone" ? new Date(0) : value)),
      binary,
    );
    expect(Object.keys(copy as object)).toEqual(["__proto__", "when", "gone"]);
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
    expect((copy as { admin?: boolean }).admin).toBeUndefined();
  });

  test("refuses what has no representation, with its path", () => {
    expect(refusal({ items: [1, { a: 1 }, { price: NaN }] }, binary)).toBe("payload.items[2].price: NaN has no representation");
    expect(refusal(-Infinity, binary)).toBe("payload: -Infinity has no representation");
    expect(refusal({ "a b": () => 1 }, binary)).toBe('payload["a b"]: a function has no representation');
    expect(refusal([Symbol("s")], binary)).toBe("payload[0]: a symbol has no representation");
    expect(refusal({ "\u001b[31m": NaN }, binary)).not.toContain("\u001b");
    expect(refusal({ ["k".repeat(10_000)]: NaN }, binary).length).toBeLessThan(300);
  });

  test("refuses objects that are no records", () => {
    const objects = [
      new Map([[1, 2]]),
      new Set([1]),
      new WeakMap(),
      new WeakSet(),
      /x/,
      Promise.resolve(1),
      new Error("no"),
      new ActonError("TIMEOUT", "no"),
      new ArrayBuffer(8),
      new SharedArrayBuffer(8),
      new DataView(new ArrayBuffer(8)),
      new Float64Array(4),
      new Uint16Array(4),
      Object(1),
      new Date(NaN),
    ];
    for (const value of objects) expect(refusal({ a: [value] }, binary)).toMatch(/^payload\.a\[0\]: .* has no representation$/);
  });

  test("takes integers of 64 bits and no more", () => {
    for (const value of [-(2n ** 63n), 2n ** 64n - 1n, 0n]) expect(plain(value, binary)).toBe(value);
    for (const value of [-(2n ** 63n) - 1n, 2n ** 64n]) expect(refusal([value], binary)).toBe("payload[0]: the integer exceeds 64 bits");
  });

  test("takes 126 levels, which an envelope makes 127, and refuses one more", () => {
    const deepest = nested(126);
    expect(plain(deepest, binary)).toBe(deepest);
    expect(refusal(nested(127), binary)).toContain("nested deeper than 126 levels");
    expect(plain({ when: new Date(0), deep: nested(125) }, binary)).toMatchObject({ when: "1970-01-01T00:00:00.000Z" });
    expect(refusal({ when: new Date(0), deep: nested(126) }, binary)).toContain("126 levels");
  });

  test("refuses cycles, also those that toJSON makes", () => {
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    expect(refusal(cycle, binary)).toContain("or a cycle");
    expect(
      refusal(
        new (class Again {
          toJSON(): unknown {
            return { next: new Again() };
          }
        })(),
        binary,
      ),
    ).toContain("or a cycle");
  });

  test("reports a getter or a toJSON that throws as a refusal", () => {
    const throwing = {
      a: [
        {
          get b(): never {
            throw new TypeError("not now\n\u0007");
          },
        },
      ],
    };
    expect(refusal(throwing, binary)).toBe("payload.a[0].b: not now");
    expect(
      refusal(
        {
          a: {
            toJSON: () => {
              throw new ActonError("TIMEOUT", "late");
            },
          },
        },
        binary,
      ),
    ).toBe("payload.a: late");
    expect(
      refusal(
        {
          a: {
            toJSON: () => {
              throw undefined;
            },
          },
        },
        binary,
      ),
    ).toBe("payload.a: undefined");
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(refusal([proxy], binary)).toStartWith("payload[0]: ");
  });
});

describe("plain", () => {
  test("lets bytes pass in MessagePack only", () => {
    const bytes = new Uint8Array([1, 2]);
    expect((plain({ bytes }, true) as { bytes: unknown }).bytes).toBe(bytes);
    expect(plain(Buffer.from([1]), true)).toEqual(Buffer.from([1]));
    expect(refusal({ bytes })).toBe('payload.bytes: "Uint8Array" has no representation');
    expect(refusal(Buffer.from([1]))).toBe('payload: "Uint8Array" has no representation');
    expect(refusal({ x: { toJSON: () => new Float64Array(2) } }, true)).toBe('payload.x: "Float64Array" has no representation');
  });

  test("refuses lone surrogates in MessagePack only", () => {
    const texts = { a: "\ud800" };
    expect(plain(texts, false)).toBe(texts);
    expect(refusal(texts, true)).toBe("payload.a: a lone surrogate has no representation");
    const keys = { "\udc00": 1 };
    expect(plain(keys, false)).toBe(keys);
    expect(refusal(keys, true)).toContain("a lone surrogate has no representation");
    expect(plain({ a: "😀" }, true)).toEqual({ a: "😀" });
  });
});
