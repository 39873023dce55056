import { describe, expect, test } from "bun:test";
import { ActonError } from "../../../src/errors.ts";
import type { CodecLimits } from "../../../src/ipc/wire/codec.ts";
import { decodeJson, encodeJson } from "../../../src/ipc/wire/json.ts";

const limits: CodecLimits = { depth: 127, tokens: 100_000 };

function decode(body: string | Uint8Array, within: CodecLimits = limits): unknown {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  // Surrounded by bytes that are not the body's.
  const buffer = new Uint8Array(bytes.length + 7).fill(0x22);
  buffer.set(bytes, 3);
  return decodeJson(buffer, 3, 3 + bytes.length, within);
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

/** Long enough to be scanned. */
function padded(json: string): string {
  return `["${"x".repeat(300)}",${json}]`;
}

describe("decodeJson", () => {
  test("reads the bytes between start and end and no others", () => {
    expect(decode('{"a":[1,"é😀",null,true,-1.5e3]}')).toEqual({ a: [1, "é😀", null, true, -1500] });
    expect(decode(' "x" ')).toBe("x");
  });

  test("refuses invalid UTF-8, a byte order mark, an empty body and bytes after the value", () => {
    for (const bytes of [
      [0x22, 0xff, 0x22],
      [0x22, 0xc3, 0x22],
      [0x22, 0xed, 0xa0, 0x80, 0x22],
      [0x22, 0xc0, 0xaf, 0x22],
    ]) {
      expect(refusal(new Uint8Array(bytes))).toBe("the body is not valid UTF-8");
    }
    for (const text of ["\ufeff{}", "", "{} {}", "[1", "{'a':1}", "nul"]) expect(refusal(text)).toStartWith("the body is not JSON: ");
  });

  test("never prints more than 64 characters of the input, and only printable ones", () => {
    for (const text of [`[${"secret".repeat(1000)}]`, "\u001b[31m", "[a\u0007]", `{"a":${"😀".repeat(200)}}`]) {
      const message = refusal(text);
      expect(message.length).toBeLessThan(100);
      expect(message).not.toMatch(/[\p{Cc}\p{Cs}]/u);
    }
  });

  test("takes 127 levels and refuses 128, closed or not, arrays or objects", () => {
    expect(decode("[".repeat(127) + "]".repeat(127))).toEqual(expect.any(Array));
    for (const body of ["[".repeat(128) + "]".repeat(128), "[".repeat(1_000_000), '{"a":'.repeat(128) + "1" + "}".repeat(128)]) {
      expect(refusal(body)).toBe("the body nests deeper than 127 levels");
    }
    expect(decode('{"a":'.repeat(127) + "1" + "}".repeat(127))).toEqual(expect.any(Object));
    expect(refusal("[[[]]]", { depth: 2, tokens: 100 })).toBe("the body nests deeper than 2 levels");
    expect(decode(`[${"[{}],".repeat(500)}0]`, { depth: 3, tokens: 2000 })).toHaveLength(501);
    expect(decode("[[]]", { depth: 2, tokens: 100 })).toEqual([[]]);
  });

  test("does not count brackets and commas inside strings", () => {
    const text = '[{,:"\\'.repeat(200);
    expect(decode(JSON.stringify([text, "\\", '\\"', `${"y".repeat(100)}\\`, `${"z".repeat(31)}"[`]), { depth: 1, tokens: 6 })).toHaveLength(5);
  });

  test("knows a quote that ends a long string from one that is escaped", () => {
    for (const text of [`${"y".repeat(40)}"[[`, `${"z".repeat(30)}\\`, `${"z".repeat(31)}\\`, `${"y".repeat(40)}\\`]) {
      const body = [text, "[[", "x".repeat(200)];
      expect(decode(JSON.stringify(body), { depth: 1, tokens: 4 })).toEqual(body);
    }
  });

  test("leaves a level at a bracket that follows a number", () => {
    for (const item of ["[1]", '{"a":true}', "[-1.5e3 ]"]) {
      const body = `[${`${item},`.repeat(500)}0]`;
      expect(decode(body, { depth: 2, tokens: 2000 })).toEqual(JSON.parse(body));
    }
  });

  test("takes as many values and keys as the limit says, and refuses one more", () => {
    const bodies: [string, number][] = [
      ["[1,2,3]", 4],
      ['{"a":1,"b":[true,null]}', 7],
      ["[[],[],{}]", 4],
      ["7", 1],
      ['[ "a" , -1.5e3 ,\n"b" ]', 4],
      [JSON.stringify(["q".repeat(500), 1, 2]), 4],
    ];
    for (const [body, tokens] of bodies) {
      expect(decode(body, { depth: 127, tokens })).toEqual(JSON.parse(body));
      expect(refusal(body, { depth: 127, tokens: tokens - 1 })).toBe(`the body has more than ${tokens - 1} values and keys`);
    }
    expect(refusal(`[${"1,".repeat(100_000)}1]`)).toContain("more than 100000 values");
  });

  test("gives exact integers: numbers within 2^53, bigint beyond", () => {
    const literals = [
      "9007199254740991",
      "-9007199254740991",
      "9007199254740992",
      "9007199254740993",
      "-9007199254740993",
      "18446744073709551615",
      "-9223372036854775808",
    ];
    const exact = [2 ** 53 - 1, -(2 ** 53 - 1), 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 64n - 1n, -(2n ** 63n)];
    for (const [index, literal] of literals.entries()) {
      expect(decode(literal)).toBe(exact[index] as never);
      expect(decode(`{"a":[ ${literal}]}`)).toEqual({ a: [exact[index]] });
      expect(decode(padded(literal))).toEqual(["x".repeat(300), exact[index]]);
    }
    expect(decode('{"a":1,"a":9007199254740993}')).toEqual({ a: 9007199254740993n });
  });

  test("refuses integers beyond 64 bits and numbers that overflow", () => {
    for (const literal of [
      "18446744073709551616",
      "-9223372036854775809",
      "1".repeat(400),
      "9".repeat(100_000),
      "1e400",
      "-1E+400",
      "1e309",
      "123456789012345e295",
      "0.001e312",
    ]) {
      expect(refusal(literal)).toBe("the body has a number that is out of range");
      expect(refusal(padded(literal))).toBe("the body has a number that is out of range");
    }
  });

  test("leaves fractions, exponents and digits in strings as JSON.parse reads them", () => {
    const texts = [
      "0.30000000000000004",
      "1234567890123456.5",
      "1e20",
      "1e300",
      "1e-400",
      "-0.1234567890123456789",
      '"12345678901234567890"',
      '{"12345678901234567890":"1e400"}',
      '"\\"12345678901234567890"',
    ];
    for (const text of texts) {
      expect(decode(text)).toEqual(JSON.parse(text));
      expect(decode(padded(text))).toEqual(JSON.parse(padded(text)));
    }
  });

  test("keeps __proto__ and constructor as own data, also on the exact path", () => {
    for (const number of ["1", "12345678901234567890"]) {
      const value = decode(`{"__proto__":{"admin":true},"constructor":${number}}`) as object;
      expect(Object.keys(value)).toEqual(["__proto__", "constructor"]);
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
      expect((value as { admin?: boolean }).admin).toBeUndefined();
    }
  });
});

describe("encodeJson", () => {
  test("writes plain data as JSON.stringify does", () => {
    const values: unknown[] = [{ sum: 8 }, [1.5, "é", null, -0], "x", null, { a: { b: [] } }, { toJSON: 1, constructor: 2 }];
    for (const value of values) expect(encodeJson(value)).toBe(JSON.stringify(value));
    expect(encodeJson(undefined)).toBe("null");
    expect(encodeJson({ when: new Date(0), gone: undefined })).toBe('{"when":"1970-01-01T00:00:00.000Z"}');
  });

  test("writes bigint as an exact integer that comes back the same", () => {
    const text = encodeJson({ n: [2n ** 64n - 1n, -(2n ** 63n), 5n] });
    expect(text).toBe('{"n":[18446744073709551615,-9223372036854775808,5]}');
    expect(decode(text)).toEqual({ n: [2n ** 64n - 1n, -(2n ** 63n), 5] });
  });

  test("writes whole numbers within 2^53 as integers, and larger numbers so that they come back as numbers", () => {
    expect(encodeJson([2 ** 40, 2 ** 53 - 1, 100.0])).toBe("[1099511627776,9007199254740991,100]");
    const numbers = [2 ** 53, 2 ** 60 + 2 ** 20, 1e20, -1e21, 1.7976931348623157e308, 5e-324];
    expect(decode(encodeJson(numbers))).toEqual(numbers);
  });

  test("escapes lone surrogates and round-trips them", () => {
    expect(encodeJson("\ud800")).toBe('"\\ud800"');
    expect(decode(encodeJson({ "\udc00": "\ud800" }))).toEqual({ "\udc00": "\ud800" });
  });

  test("writes 126 levels, since the envelope is one, and refuses one more", () => {
    const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);
    expect(decode(encodeJson(nested(126)))).toEqual(nested(126));
    expect(thrown(() => encodeJson(nested(127)))).toContain("nested deeper than 126 levels");
  });

  test("refuses with a path what plain refuses", () => {
    expect(thrown(() => encodeJson({ a: [NaN] }))).toBe("payload.a[0]: NaN has no representation");
    expect(thrown(() => encodeJson({ a: new Uint8Array(1) }))).toBe('payload.a: "Uint8Array" has no representation');
  });

  test("reports a getter that throws only later", () => {
    let reads = 0;
    const value = {
      get a(): number {
        if (++reads > 1) throw new Error("once only");
        return 1;
      },
    };
    expect(thrown(() => encodeJson(value))).toBe("payload: once only");
  });
});
