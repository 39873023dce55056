import { describe, expect, test } from "bun:test";
import { z } from "zod";
import * as mini from "zod/mini";
import { TypeRegistry } from "../../src/ipc/server/type-registry.ts";
import { exampleOf } from "../../src/message/json-schema.ts";
import { message } from "../../src/message/message-type.ts";
import type { StandardSchema } from "../../src/message/schema.ts";

const Sum = message("Sum", { sum: z.int() });

describe("a message type", () => {
  test("has a name of 1 to 256 bytes that is no pattern", () => {
    expect(message("x".repeat(256), {}).name.length).toBe(256);
    for (const name of ["", "x".repeat(257), "€".repeat(86), "Price*", "*"]) expect(() => message(name, {})).toThrow(TypeError);
  });

  test("is an event until it is told how it is answered; each call gives another type", () => {
    const event = message("Add", { a: z.int() });
    const request = event.replies(Sum);
    const stream = event.streams(Sum);
    expect([event.kind, request.kind, stream.kind]).toEqual(["event", "request", "stream"]);
    expect([event.answer, request.answer, stream.answer]).toEqual([undefined, Sum, Sum]);
    expect(request.validate({ a: 1 })).toEqual({ ok: true, value: { a: 1 } });
  });
});

describe("two types are the same", () => {
  const add = (): typeof type => message("Add", { a: z.int(), b: z.string().optional() }).replies(Sum);
  const type = message("Add", { a: z.int(), b: z.string().optional() }).replies(Sum);

  test("when name, schema and answer are, however they were written", () => {
    expect(type.isSameAs(type)).toBe(true);
    expect(add().isSameAs(add())).toBe(true);
    expect(message("A", { a: z.int() }).isSameAs(message("A", z.object({ a: z.int() })))).toBe(true);
    expect(message("A", { a: z.string() }).isSameAs(message("A", mini.object({ a: mini.string() })))).toBe(true);
  });

  test("when only the order of their fields differs", () => {
    expect(message("A", { a: z.int(), b: z.int() }).isSameAs(message("A", { b: z.int(), a: z.int() }))).toBe(true);
  });

  test("not when name, field, bound, kind or answer differs", () => {
    const A = message("A", { a: z.int() });
    const others = [
      message("B", { a: z.int() }),
      message("A", { a: z.number() }),
      message("A", { a: z.int().optional() }),
      message("A", { a: z.int().max(5) }),
      message("A", { a: z.int(), b: z.int() }),
      A.replies(Sum),
      A.streams(Sum),
    ];
    for (const other of others) expect(A.isSameAs(other)).toBe(false);
    expect(A.replies(Sum).isSameAs(A.streams(Sum))).toBe(false);
    expect(A.replies(Sum).isSameAs(A.replies(message("Other", {})))).toBe(false);
  });

  test("so that a registry takes one again and refuses another under its name, changing nothing", () => {
    const registry = new TypeRegistry();
    registry.register(type);
    registry.register(add());
    expect(registry.registeredTypes()).toEqual(["Add", "Sum"]);
    expect(() => registry.register(message("Sum", { sum: z.string() }))).toThrow(expect.objectContaining({ code: "NAME_TAKEN" }));
    const clashing = message("New", {}).replies(message("Sum", { sum: z.string() }));
    expect(() => registry.register(clashing)).toThrow(expect.objectContaining({ code: "NAME_TAKEN" }));
    expect(registry.registeredTypes()).toEqual(["Add", "Sum"]);
  });
});

describe("a JSON schema", () => {
  test("says what may be sent: the input side, required fields only where nothing stands in", () => {
    const type = message("T", { n: z.int().min(1), d: z.string().default("x"), at: z.iso.date().transform((text) => new Date(text)) });
    expect(type.jsonSchema()).toMatchObject({
      type: "object",
      required: ["n", "at"],
      properties: { n: { type: "integer", minimum: 1 }, d: { default: "x" } },
    });
  });

  test("never fails, for types that JSON cannot say either", () => {
    const sources = [
      z.date(),
      z.bigint(),
      z.map(z.string(), z.int()),
      z.instanceof(Uint8Array),
      z.custom<string>(),
      z.undefined(),
      z.symbol(),
      z.nan(),
    ];
    for (const source of sources) expect(typeof message("T", { value: source }).jsonSchema()).toBe("object");
    const silent: StandardSchema = { "~standard": { version: 1, vendor: "hand", validate: (value) => ({ value }) } };
    expect(message("T", silent).jsonSchema()).toEqual({});
  });

  test("comes from a Standard Schema that offers one", () => {
    const schema: StandardSchema = {
      "~standard": {
        version: 1,
        vendor: "hand",
        validate: (value) => ({ value }),
        jsonSchema: { input: ({ target }) => ({ type: "string", $comment: target }) },
      },
    };
    expect(message("T", schema).jsonSchema()).toEqual({ type: "string", $comment: "draft-2020-12" });
  });
});

interface Tree {
  name: string;
  children: Tree[];
}
const tree: z.ZodType<Tree> = z.object({ name: z.string(), children: z.lazy(() => z.array(tree)) });
interface Node {
  value: number;
  next: Node | null;
}
const list: z.ZodType<Node> = z.object({ value: z.int(), next: z.lazy(() => list).nullable() });

const shapes: Record<string, z.ZodType> = {
  string: z.string(),
  "long string": z.string().min(50),
  "short string": z.string().max(2),
  "string of a length": z.string().length(3),
  "empty string": z.string().max(0),
  int: z.int(),
  "bounded int": z.int().min(10).max(20),
  positive: z.int().positive(),
  negative: z.int().negative(),
  "negative number": z.number().lt(-3),
  "narrow number": z.number().gt(0).lt(0.3),
  "number between": z.number().gt(5).lt(5.25),
  "multiple of 5": z.int().multipleOf(5).min(7),
  "multiple of 5 below 0": z.int().multipleOf(5).max(-7),
  "step of 0.1": z.number().multipleOf(0.1).min(0.2).max(0.4),
  boolean: z.boolean(),
  null: z.null(),
  enum: z.enum(["red", "green"]),
  "native enum": z.enum({ A: 1, B: 2 }),
  literal: z.literal("x"),
  "literal null": z.literal([null, 1]),
  nullable: z.int().nullable(),
  nullish: z.string().nullish(),
  default: z.int().default(7),
  array: z.array(z.int()),
  "array of 3": z.array(z.int()).min(3),
  "array of 6": z.array(z.int()).length(6),
  "array of at most 0": z.array(z.int()).max(0),
  tuple: z.tuple([z.int(), z.string()]),
  "tuple with rest": z.tuple([z.int()], z.string()),
  "nested object": z.object({ a: z.object({ b: z.array(z.object({ c: z.boolean() })) }) }),
  "optional field": z.object({ a: z.string().optional() }),
  "strict object": z.strictObject({ a: z.int() }),
  "loose object": z.looseObject({ a: z.int() }),
  "odd keys": z.object({ "a b": z.int(), __proto__x: z.int(), constructor: z.int() }),
  record: z.record(z.string(), z.int()),
  "record of an enum": z.record(z.enum(["a", "b"]), z.int()),
  union: z.union([z.string(), z.int()]),
  "discriminated union": z.discriminatedUnion("kind", [z.object({ kind: z.literal("a"), x: z.int() }), z.object({ kind: z.literal("b") })]),
  intersection: z.intersection(z.object({ a: z.int() }), z.object({ b: z.string() })),
  email: z.email(),
  url: z.url(),
  uuid: z.uuid(),
  "uuid v4": z.uuidv4(),
  "date-time": z.iso.datetime(),
  date: z.iso.date(),
  time: z.iso.time(),
  ipv4: z.ipv4(),
  ipv6: z.ipv6(),
  tree,
  list,
  unknown: z.unknown(),
  json: z.json(),
};

describe("an example payload", () => {
  test.each(Object.entries(shapes))("is a payload that the type accepts: %s", (_, shape) => {
    const type = message("T", { value: shape });
    const payload = exampleOf(type.jsonSchema());
    expect(JSON.parse(JSON.stringify(payload))).toEqual(payload);
    expect({ payload, ...type.validate(payload) }).toMatchObject({ ok: true });
  });

  test("is the same each time, and bounded however deep or hostile the schema", () => {
    const type = message("T", { value: tree });
    expect(exampleOf(type.jsonSchema())).toEqual(exampleOf(type.jsonSchema()));
    const hostile = [
      { $ref: "#" },
      { $ref: "#/$defs/none" },
      { $ref: "https://example.com/schema" },
      { type: "array", minItems: 1e9, items: { type: "array", minItems: 1e9 } },
      { type: "string", minLength: 1e9 },
      { anyOf: [] },
      { allOf: [] },
      { enum: [] },
      {},
    ];
    for (const schema of hostile) expect((JSON.stringify(exampleOf(schema)) ?? "").length).toBeLessThan(10_000);
  });
});
