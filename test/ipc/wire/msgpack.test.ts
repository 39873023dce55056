import { describe, expect, test } from "bun:test";
import { Packr, Unpackr } from "msgpackr";
import { ActonError } from "../../../src/errors.ts";
import type { CodecLimits } from "../../../src/ipc/wire/codec.ts";
import { decodeMessagePack, encodeMessagePack } from "../../../src/ipc/wire/msgpack.ts";

const limits: CodecLimits = { depth: 127, tokens: 100_000 };

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
}

function decode(body: string | Uint8Array, within: CodecLimits = limits): unknown {
  const bytes = typeof body === "string" ? bytesOf(body) : body;
  // Surrounded by bytes that are not the body's: nil, which would be a value.
  const buffer = new Uint8Array(bytes.length + 12).fill(0xc0);
  buffer.set(bytes, 3);
  return decodeMessagePack(buffer, 3, 3 + bytes.length, within);
}

function refusal(body: string | Uint8Array, within: CodecLimits = limits): string {
  return thrown(() => decode(body, within));
}

function thrown(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(ActonError);
    expect((error as ActonError).code).toBe("SERIALIZATION_ERROR");
    return (error as ActonError).message;
  }
  throw new Error("expected a refusal");
}

function encodedHex(value: unknown): string {
  return Buffer.from(encodeMessagePack(value)).toString("hex");
}

const endsWithin = "the body ends within a value";

describe("decodeMessagePack", () => {
  test("reads every type that the wire allows", () => {
    const bodies: [string, unknown][] = [
      ["c0", null],
      ["c2", false],
      ["c3", true],
      ["00", 0],
      ["7f", 127],
      ["e0", -32],
      ["ff", -1],
      ["cc80", 128],
      ["cdffff", 65_535],
      ["ceffffffff", 2 ** 32 - 1],
      ["cf0000000100000000", 2 ** 32],
      ["d080", -128],
      ["d18000", -32_768],
      ["d280000000", -(2 ** 31)],
      ["d3ffffffff00000000", -(2 ** 32)],
      ["ca3fc00000", 1.5],
      ["cb3ff8000000000000", 1.5],
      ["a0", ""],
      ["a161", "a"],
      ["d90161", "a"],
      ["da000161", "a"],
      ["db0000000161", "a"],
      ["a2c3a9", "é"],
      ["90", []],
      ["920102", [1, 2]],
      ["dc0001c0", [null]],
      ["dd00000001c0", [null]],
      ["80", {}],
      ["81a16101", { a: 1 }],
      ["de0001a16101", { a: 1 }],
      ["df00000001d9016101", { a: 1 }],
      ["81da00016101", { a: 1 }],
      ["81db000000016101", { a: 1 }],
      ["81a2c3a901", { é: 1 }],
      ["81a001", { "": 1 }],
      ["82a16101a16102", { a: 2 }],
    ];
    for (const [hex, value] of bodies) expect(decode(hex)).toEqual(value as never);
  });

  test("agrees with msgpackr on values of all shapes", () => {
    const packer = new Packr({ useRecords: false, variableMapSize: true });
    const unpacker = new Unpackr({ useRecords: false, mapsAsObjects: true });
    const text = "añ😀 z";
    const value = {
      lengths: [0, 1, 15, 16, 31, 32, 48, 49, 255, 256, 70_000].map((length) => ["x".repeat(length), text.repeat(length)]),
      long: Array.from({ length: 20_000 }, (_, index) => index * 7 - 50_000),
      keys: Object.fromEntries(Array.from({ length: 3000 }, (_, index) => [`key${index}é`.slice(0, 4 + (index % 4)) + index, index / 3])),
    };
    const packed = packer.pack(value);
    expect(decode(packed)).toEqual(unpacker.unpack(packed));
    expect(decode(packed)).toEqual(value);
  });

  test("reads keys right when they share a cache slot with others", () => {
    for (let round = 0; round < 2; round++) {
      for (let index = 0; index < 5000; index++) {
        const key = `k${index}`;
        expect(Object.keys(decode(encodeMessagePack({ [key]: 1 })) as object)).toEqual([key]);
      }
    }
  });

  test("gives exact integers: numbers within 2^53, bigint beyond", () => {
    const bodies: [string, unknown][] = [
      ["cf001fffffffffffff", 2 ** 53 - 1],
      ["cf0020000000000000", 2n ** 53n],
      ["cf0020000000000001", 2n ** 53n + 1n],
      ["cfffffffffffffffff", 2n ** 64n - 1n],
      ["d3ffe0000000000001", -(2 ** 53 - 1)],
      ["d3ffe0000000000000", -(2n ** 53n)],
      ["d38000000000000000", -(2n ** 63n)],
      ["cf0000000000000005", 5],
    ];
    for (const [hex, value] of bodies) expect(decode(hex)).toBe(value as never);
  });

  test("refuses every extension type, records and timestamps among them, and 0xc1", () => {
    const bodies = [
      "d4 72 40 92a161a162 0102",
      "d5 72 40 00 91a161 01",
      "d4 00 00",
      "d4 73 00 90",
      "d4 65 00 93a14ea16dc0",
      "d6 70 00000001",
      "d6 69 00000001 90",
      "d6 ff 00000000",
      "d7 ff 0000000000000000",
      "d8 01 00000000000000000000000000000000",
      "c7 0c ff 000000000000000000000000",
      "c7 01 42 05",
      "c8 0001 01 00",
      "c9 00000001 01 00",
      "c9 ffffffff 01",
    ];
    for (const body of bodies) {
      expect(refusal(body)).toContain("extension type");
      expect(refusal(`81a161${body}`)).toContain("extension type");
    }
    expect(refusal("c1")).toContain("0xc1");
  });

  test("refuses map keys that are not strings", () => {
    for (const body of ["81c001", "810101", "81c3c3", "819001", "818001", "81c4016101", "81ca3fc0000001"]) {
      expect(refusal(body)).toBe("the body has a map key that is not a string");
    }
  });

  test("refuses truncated bodies at every byte", () => {
    const whole = encodeMessagePack({
      a: [1, 200, 70_000, 2 ** 40, -5, 1.5, "x".repeat(300), null, true],
      b: { c: new Uint8Array(9), "a key of more than thirty-one bytes": "é" },
    });
    expect(decode(whole)).toEqual(expect.any(Object));
    for (let length = 0; length < whole.length; length++) expect(refusal(whole.subarray(0, length))).toBe(endsWithin);
  });

  test("refuses lengths beyond the bytes that are there at once", () => {
    const bodies = [
      "c6ffffffff00",
      "dbffffffff61",
      "ddffffffff00",
      "dfffffffffa161",
      "dcffff00",
      "deffffa161",
      "d9ff61",
      "daffff61",
      "c4ff00",
      "c5ffff00",
      "bf61",
      "9f00",
      "8fa161",
      "81dbffffffff61",
      "81bf61",
    ];
    for (const body of bodies) expect(refusal(body)).toBe(endsWithin);
    // Before anything in them is read: the first item is no MessagePack.
    for (const body of ["95c1", "dc0005c1c0c0", "83a1", "de0002c1c1c1"]) expect(refusal(body)).toBe(endsWithin);
    expect(refusal(`${"ddffffffff".repeat(100)}${"00".repeat(50)}`)).toBe(endsWithin);
  });

  test("refuses invalid UTF-8 in values and keys of any length", () => {
    const texts = ["ff", "c3", "eda080", "c0af", "f8888080", "61c361"];
    for (const text of texts) {
      const length = text.length / 2;
      const fixed = (0xa0 + length).toString(16);
      const long = `d9${(length + 60).toString(16)}${"61".repeat(60)}${text}`;
      for (const body of [`${fixed}${text}`, `81${fixed}${text}01`, long, `81${long}01`])
        expect(refusal(body)).toBe("the body has a string that is not valid UTF-8");
    }
  });

  test("keeps a byte order mark at the head of a string", () => {
    for (const text of ["\ufeffa", `\ufeff${"long".repeat(50)}`]) expect(decode(encodeMessagePack({ [text]: text }))).toEqual({ [text]: text });
  });

  test("refuses bytes after the value, and an empty body", () => {
    expect(refusal("c0c0")).toBe("the body has bytes after its value");
    expect(refusal("81a1610100")).toBe("the body has bytes after its value");
    expect(refusal("")).toBe(endsWithin);
  });

  test("takes 127 levels and refuses 128", () => {
    expect(decode(`${"91".repeat(126)}90`)).toEqual(expect.any(Array));
    expect(decode(`${"81a161".repeat(127)}c0`)).toEqual(expect.any(Object));
    for (const body of [`${"91".repeat(127)}90`, `${"81a161".repeat(128)}c0`, "91".repeat(500_000), "dc0001".repeat(200)]) {
      expect(refusal(body)).toBe("the body nests deeper than 127 levels");
    }
    expect(decode(`dc01f4${"9180".repeat(500)}`, { depth: 3, tokens: 2000 })).toHaveLength(500);
    expect(decode("91c0", { depth: 1, tokens: 9 })).toEqual([null]);
    expect(refusal("9190", { depth: 1, tokens: 9 })).toBe("the body nests deeper than 1 levels");
  });

  test("takes as many values and keys as the limit says, and refuses one more", () => {
    const bodies: [string, number][] = [
      ["93010203", 4],
      ["82a16101a16292c3c0", 7],
      ["07", 1],
      ["81d9016101", 3],
    ];
    for (const [body, tokens] of bodies) {
      expect(decode(body, { depth: 127, tokens })).toEqual(decode(body));
      expect(refusal(body, { depth: 127, tokens: tokens - 1 })).toBe(`the body has more than ${tokens - 1} values and keys`);
    }
  });

  test("copies bytes out of the receive buffer", () => {
    for (const buffer of [bytesOf("c403010203"), Buffer.from("c403010203", "hex")]) {
      const value = decodeMessagePack(buffer, 0, buffer.length, limits) as Uint8Array;
      buffer.fill(0);
      expect(value).toEqual(new Uint8Array([1, 2, 3]));
      expect(value.buffer.byteLength).toBe(3);
    }
  });

  test("keeps __proto__ and constructor as own data", () => {
    const value = decode("82 a95f5f70726f746f5f5f 81a561646d696ec3 ab636f6e7374727563746f72 01") as object;
    expect(Object.keys(value)).toEqual(["__proto__", "constructor"]);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect((value as { admin?: boolean }).admin).toBeUndefined();
    expect(encodedHex(value)).toBe("82a95f5f70726f746f5f5f81a561646d696ec3ab636f6e7374727563746f7201");
  });
});

describe("encodeMessagePack", () => {
  test("writes maps, never records, extensions or undefined", () => {
    expect(encodedHex({ a: 1, b: undefined, c: [undefined], d: new Date(0) })).toBe(
      "83a16101a16391c0a164b8313937302d30312d30315430303a30303a30302e3030305a",
    );
    expect(encodedHex([{ a: 1 }, { a: 2 }])).toBe("9281a1610181a16102");
    expect(encodedHex(undefined)).toBe("c0");
    let reads = 0;
    expect(
      encodedHex({
        get late(): unknown {
          return ++reads > 1 ? undefined : 1;
        },
      }),
    ).toBe("81a46c617465c0");
    expect(encodedHex({ toJSON: 1, constructor: 2, length: 3 })).toBe("83a6746f4a534f4e01ab636f6e7374727563746f7202a66c656e67746803");
  });

  test("writes whole numbers within 2^53 as integers, at any width", () => {
    const numbers = [
      0,
      127,
      128,
      -1,
      -33,
      2 ** 16,
      2 ** 31,
      2 ** 32 - 1,
      2 ** 32,
      -(2 ** 31),
      -(2 ** 31) - 1,
      1_790_000_000_000,
      2 ** 53 - 1,
      -(2 ** 53 - 1),
      100.0,
      -0,
    ];
    for (const number of numbers) {
      const bytes = encodeMessagePack({ payload: [number] });
      const type = bytes[10] as number;
      expect(type === 0xca || type === 0xcb).toBe(false);
      expect(decode(bytes)).toEqual({ payload: [number + 0] });
    }
    expect(encodedHex(1.5)).toBe("cb3ff8000000000000");
    expect(decode(encodeMessagePack([2 ** 60, 1e300, 0.1]))).toEqual([2 ** 60, 1e300, 0.1]);
  });

  test("writes bigint as 64-bit integers", () => {
    const integers = [2n ** 64n - 1n, -(2n ** 63n), 2n ** 53n, -(2n ** 53n)];
    expect(decode(encodeMessagePack(integers))).toEqual(integers);
    expect(decode(encodeMessagePack(5n))).toBe(5);
    expect(thrown(() => encodeMessagePack({ payload: { n: 2n ** 64n } }))).toBe("payload.n: the integer exceeds 64 bits");
  });

  test("never writes stale memory: typed arrays are refused, bytes are written as they are", () => {
    const secret = `SECRET-${"s".repeat(400)}`;
    for (let round = 0; round < 50; round++) encodeMessagePack({ secret });
    for (const view of [new Float64Array(64), new Uint16Array(64), new DataView(new ArrayBuffer(64)), new ArrayBuffer(64)]) {
      expect(thrown(() => encodeMessagePack({ payload: { view } }))).toContain("payload.view: ");
      expect(thrown(() => encodeMessagePack({ payload: { toJSON: () => view } }))).toContain("payload: ");
    }
    const bytes = new Uint8Array(1000).subarray(10, 300);
    expect(encodedHex(bytes)).toBe(`c50122${"00".repeat(290)}`);
    expect(encodedHex(Buffer.from("ab"))).toBe("c4026162");
  });

  test("writes what is there twice as often as it is there, and no reference", () => {
    const one = { a: [1] };
    expect(encodedHex([one, one])).toBe("9281a161910181a1619101");
  });

  test("keeps earlier results as they were, whatever is written later", () => {
    const values = Array.from({ length: 400 }, (_, index) => ({
      index,
      text: "x".repeat((index * 37) % 3000),
      bytes: new Uint8Array(index).fill(index),
    }));
    const results = values.map((value, index) => {
      if (index % 7 === 0) thrown(() => encodeMessagePack({ text: "y".repeat(100), bad: NaN }));
      return encodeMessagePack(value);
    });
    encodeMessagePack("z".repeat(200_000));
    for (const [index, result] of results.entries()) expect(decode(result)).toEqual(values[index]);
  });

  test("refuses with the path of the payload what plain refuses", () => {
    expect(thrown(() => encodeMessagePack({ request_id: "1", payload: { items: [{ price: NaN }] } }))).toBe(
      "payload.items[0].price: NaN has no representation",
    );
    expect(thrown(() => encodeMessagePack(NaN))).toBe("value: NaN has no representation");
    expect(thrown(() => encodeMessagePack({ payload: "\ud800" }))).toStartWith("payload: a lone surrogate");
    expect(thrown(() => encodeMessagePack({ payload: { "\udc00": 1 } }))).toStartWith("payload: a lone surrogate");
    expect(
      thrown(() =>
        encodeMessagePack({
          payload: {
            get x(): never {
              throw new Error("no");
            },
          },
        }),
      ),
    ).toBe("payload.x: no");
  });

  test("reports a getter that throws only later, and works on afterwards", () => {
    let reads = 0;
    const value = {
      get a(): number {
        if (++reads > 1) throw new Error("once only");
        return 1;
      },
    };
    expect(thrown(() => encodeMessagePack(value))).toBe("once only");
    expect(encodedHex({ a: 1 })).toBe("81a16101");
  });

  test("writes 127 levels, the envelope included, and refuses one more", () => {
    const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);
    expect(decode(encodeMessagePack({ payload: nested(126) }))).toEqual({ payload: nested(126) });
    expect(thrown(() => encodeMessagePack({ payload: nested(127) }))).toContain("nested deeper than 127 levels");
  });
});
