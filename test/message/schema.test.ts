import { describe, expect, test } from "bun:test";
import { z } from "zod";
import * as mini from "zod/mini";
import { TypeRegistry } from "../../src/ipc/server/type-registry.ts";
import { message } from "../../src/message/message-type.ts";
import type { StandardSchema } from "../../src/message/schema.ts";

const byHand: StandardSchema<{ a: number }> = {
  "~standard": {
    version: 1,
    vendor: "by hand",
    validate(value) {
      const a = typeof value === "object" && value !== null && "a" in value ? value.a : undefined;
      return typeof a === "number" ? { value: { a } } : { issues: [{ message: "a must be a number", path: ["a"] }] };
    },
  },
};

const kinds = {
  "a record of zod types": message("T", { a: z.number() }),
  "a zod object": message("T", z.object({ a: z.number() })),
  "a zod/mini object": message("T", mini.object({ a: mini.number() })),
  "a Standard Schema made by hand": message("T", byHand),
};

describe.each(Object.entries(kinds))("a message type of %s", (_, type) => {
  test("accepts what fits and gives the converted value", () => {
    expect(type.validate({ a: 1 })).toEqual({ ok: true, value: { a: 1 } });
    expect(type.validate({ a: 1, extra: true })).toEqual({ ok: true, value: { a: 1 } });
  });

  test("says of what does not fit where, from `payload` down", () => {
    for (const value of [{ a: "1" }, {}, { a: null }]) {
      expect(type.validate(value)).toEqual({ ok: false, problem: expect.stringMatching(/^payload\.a: ./) });
    }
    for (const value of [undefined, null, 7, "text", []]) {
      expect(type.validate(value)).toEqual({ ok: false, problem: expect.stringMatching(/^payload/) });
    }
  });

  test("may be registered", () => {
    expect(type.asyncPart()).toBeUndefined();
    new TypeRegistry().register(type);
  });
});

describe("a problem's path", () => {
  const type = message("Order", {
    items: z.array(z.object({ price: z.number() })),
    labels: z.record(z.string(), z.int()),
    point: z.tuple([z.int(), z.int()]),
  });
  const valid = { items: [], labels: {}, point: [1, 2] };

  test("names fields by dots, places in lists by brackets, and odd keys in quotes", () => {
    const problems = [
      [{ ...valid, items: [{ price: 1 }, { price: "2" }] }, /^payload\.items\[1\]\.price: /],
      [{ ...valid, labels: { "a b": "x" } }, /^payload\.labels\["a b"\]: /],
      [{ ...valid, point: [1, "2"] }, /^payload\.point\[1\]: /],
      ["text", /^payload: /],
    ] as const;
    for (const [value, problem] of problems) expect(type.validate(value)).toEqual({ ok: false, problem: expect.stringMatching(problem) });
  });

  test("is one printable line of bounded length, whatever key a client sends", () => {
    const hostile = { ...valid, labels: { [`\u001b[31m\n${"x".repeat(100_000)}`]: "x" } };
    const result = type.validate(hostile);
    if (result.ok) throw new Error("accepted");
    expect(result.problem.length).toBeLessThan(1_000);
    // oxlint-disable-next-line no-control-regex
    expect(result.problem).not.toMatch(/[\u0000-\u001f]/);
  });
});

describe("a schema without fields", () => {
  const types = {
    record: message("E", {}),
    object: message("E", z.object({})),
    strict: message("E", z.strictObject({})),
    mini: message("E", mini.object({})),
  };
  test.each(Object.entries(types))("accepts null and {} alike (%s)", (_, type) => {
    expect(type.validate(null)).toEqual({ ok: true, value: {} });
    expect(type.validate({})).toEqual({ ok: true, value: {} });
    for (const value of [7, "", false, []]) expect(type.validate(value).ok).toBe(false);
  });

  test("is not one whose fields are all optional", () => {
    expect(message("O", { a: z.string().optional() }).validate(null).ok).toBe(false);
  });
});

describe("conversion", () => {
  test("applies transforms, coercions and defaults", () => {
    const type = message("T", { n: z.coerce.number(), at: z.iso.datetime().transform((text) => new Date(text)), d: z.string().default("x") });
    expect(type.validate({ n: "5", at: "2026-01-02T03:04:05Z" })).toEqual({
      ok: true,
      value: { n: 5, at: new Date("2026-01-02T03:04:05Z"), d: "x" },
    });
  });

  test("takes payloads that are no objects", () => {
    expect(message("S", z.string()).validate("hi")).toEqual({ ok: true, value: "hi" });
    expect(message("A", z.array(z.int())).validate([1, 2])).toEqual({ ok: true, value: [1, 2] });
    expect(message("N", z.null()).validate(null)).toEqual({ ok: true, value: null });
  });
});

describe("a schema that throws", () => {
  test("refuses the payload, harms nobody, and keeps what it threw for the log", () => {
    const thrown = new Error("secret");
    const fails = (): never => {
      throw thrown;
    };
    const types = [
      message("T", { a: z.number().transform(fails) }),
      message("T", { "~standard": { version: 1, vendor: "hand", validate: fails } } satisfies StandardSchema),
    ];
    for (const type of types) expect(type.validate({ a: 1 })).toEqual({ ok: false, problem: "payload: its schema failed", fault: { thrown } });
  });
});

describe("a schema that validates asynchronously", () => {
  const declared = {
    refine: { a: z.string().refine(async () => true) },
    transform: z.object({ a: z.string().transform(async (text) => text) }),
    nested: { a: z.array(z.object({ b: z.union([z.int(), z.string().refine(async () => true)]) })).optional() },
    check: z.object({}).superRefine(async () => {}),
    pipe: z.string().pipe(z.string().refine(async () => true)),
    mini: mini.object({ a: mini.string().check(mini.refine(async () => true)) }),
    lazy: z.object({ a: z.lazy(() => z.string().refine(async () => true)) }),
    "by hand": { "~standard": { version: 1, vendor: "hand", validate: async (value: unknown) => ({ value }) } } as StandardSchema,
  };
  test.each(Object.entries(declared))("is refused by the registry, with a hint at what (%s)", (_, source) => {
    const registry = new TypeRegistry();
    expect(() => registry.register(message("Async", source))).toThrow(/Async.*asynchronously/);
    expect(registry.isRegistered("Async")).toBe(false);
  });

  test("is refused as an answer too, and then its question is not registered either", () => {
    const registry = new TypeRegistry();
    const type = message("Question", {}).replies(message("Async", declared.refine));
    expect(() => registry.register(type)).toThrow(TypeError);
    expect(registry.registeredTypes()).toEqual([]);
  });

  test("without saying so, is refused when it is met", () => {
    const type = message("T", { a: z.string().refine(() => Promise.resolve(true)) });
    expect(type.validate({ a: "x" })).toEqual({ ok: false, problem: expect.stringContaining("asynchronously") });
  });

  test("by a thenable that is no native promise, is not taken for valid", () => {
    // oxlint-disable-next-line unicorn/no-thenable -- that is what this test is about
    const thenable = { then: (resolve: (result: unknown) => void) => resolve({ issues: [{ message: "no" }] }) };
    const type = message("T", { "~standard": { version: 1, vendor: "hand", validate: () => thenable } } as unknown as StandardSchema);
    expect(type.validate({ a: 1 }).ok).toBe(false);
  });
});
