// Payload schemas behind one shape: zod (any flavour), or anything that implements Standard Schema.
// Called by message types; nothing else knows which validator stands behind a payload.

import { z } from "zod";
import { isA, quoted } from "../errors.ts";
import { exampleOf, type JsonSchema } from "./json-schema.ts";
import { isPromiseLike } from "../promise-like.ts";
import { type ShortWay, shortWayFor } from "./plain-object.ts";

/** What `message()` takes: a record of zod types, a zod schema, or any Standard Schema. */
export type SchemaSource = z.ZodRawShape | StandardSchema;

/** The part of Standard Schema v1 (standardschema.dev) that is used here. */
export interface StandardSchema<Output = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
    readonly jsonSchema?: { readonly input: (options: { target: string }) => Record<string, unknown> } | undefined;
  };
}

type StandardResult<Output> = { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly StandardIssue[] };

interface StandardIssue {
  readonly message: string;
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined;
}

export type OutputOf<Source> = Source extends z.ZodRawShape
  ? z.output<z.ZodObject<Source>>
  : Source extends { readonly "~standard": { readonly types?: { readonly output: infer Output } | undefined } }
    ? Output
    : unknown;

export type Validation =
  | { readonly ok: true; readonly value: unknown }
  /** `fault`: the schema itself threw, which is no fault of the payload. */
  | { readonly ok: false; readonly problem: string; readonly fault?: { readonly thrown: unknown } };

export interface Schema {
  /** Never throws. A problem names the field's path, from `payload` down. */
  validate(value: unknown): Validation;
  /** JSON Schema (draft 2020-12) of what may be sent; `{}` where the validator cannot say. */
  jsonSchema(): JsonSchema;
  /** What validates asynchronously, or undefined. A best effort: what slips through is refused when it is met. */
  asyncPart(): string | undefined;
}

export function schemaOf(source: SchemaSource): Schema {
  if (isZod(source)) return new ZodSchema(source);
  if ("~standard" in source) return new ForeignSchema(source as StandardSchema);
  return new ZodSchema(z.object(source));
}

const asyncProblem = "payload: its schema validates asynchronously, which is not supported";

class ZodSchema implements Schema {
  readonly #schema: z.ZodType;
  readonly #acceptsNull: boolean;
  readonly #shortWay: ShortWay | undefined;

  constructor(schema: z.ZodType) {
    this.#schema = schema;
    this.#acceptsNull = isEmptyObject(schema);
    this.#shortWay = shortWayFor(schema);
  }

  validate(value: unknown): Validation {
    try {
      const short = this.#shortWay?.(value);
      if (short !== undefined) return { ok: true, value: short };
      const input = value === null && this.#acceptsNull ? {} : value;
      // The parser itself, without the wrappers that make an error object nobody reads.
      const result = this.#schema._zod.run({ value: input, issues: [] }, synchronous);
      if (isPromiseLike(result)) return asyncValidation(result);
      return result.issues.length === 0 ? { ok: true, value: result.value } : this.#problem(input);
    } catch (thrown) {
      return isA(z.core.$ZodAsyncError, thrown) ? { ok: false, problem: asyncProblem } : schemaFailed(thrown);
    }
  }

  jsonSchema(): JsonSchema {
    return z.toJSONSchema(this.#schema, { io: "input", unrepresentable: "any" });
  }

  // A whole number arrives as a number when it is small, whatever its schema calls it: where one was refused for
  // not being a bigint, the same number is tried as one.
  #problem(input: unknown): Validation {
    const issues = this.#schema.safeParse(input).error?.issues ?? [];
    const widened = withBigints(input, issues);
    if (widened === undefined) return { ok: false, problem: problemOf(issues) };
    const result = this.#schema.safeParse(widened.value);
    return result.success ? { ok: true, value: result.data } : { ok: false, problem: problemOf(result.error.issues) };
  }

  asyncPart(): string | undefined {
    return asyncFunctionIn(this.#schema, new Set()) ?? asyncForExample(this);
  }
}

class ForeignSchema implements Schema {
  readonly #schema: StandardSchema;

  constructor(schema: StandardSchema) {
    this.#schema = schema;
  }

  validate(value: unknown): Validation {
    try {
      const result = this.#schema["~standard"].validate(value);
      if (isPromiseLike(result)) return asyncValidation(result);
      return result.issues === undefined ? { ok: true, value: result.value } : { ok: false, problem: problemOf(result.issues) };
    } catch (thrown) {
      return schemaFailed(thrown);
    }
  }

  jsonSchema(): JsonSchema {
    return this.#schema["~standard"].jsonSchema?.input({ target: "draft-2020-12" }) ?? {};
  }

  asyncPart(): string | undefined {
    for (const probe of [undefined, null, {}, [], "", 0, true]) {
      const result = this.validate(probe);
      if (!result.ok && result.problem === asyncProblem) return "its validate() returns a promise";
    }
    return asyncForExample(this);
  }
}

// What the definition hides may show when the schema is used.
function asyncForExample(schema: Schema): string | undefined {
  try {
    const result = schema.validate(exampleOf(schema.jsonSchema()));
    return !result.ok && result.problem === asyncProblem ? "it returned a promise for an example payload" : undefined;
  } catch {
    return undefined;
  }
}

const synchronous = { async: false };

function schemaFailed(thrown: unknown): Validation {
  return { ok: false, problem: "payload: its schema failed", fault: { thrown } };
}

// Nobody will read what it comes to, not even a rejection.
function asyncValidation(result: PromiseLike<unknown>): Validation {
  result.then(undefined, () => {});
  return { ok: false, problem: asyncProblem };
}

function isZod(source: object): source is z.ZodType {
  return "_zod" in source && "safeParse" in source;
}

// A client may write "no payload" as null or as {}; a schema without fields takes both.
function isEmptyObject(schema: z.ZodType): boolean {
  const shape: unknown = "shape" in schema ? schema.shape : undefined;
  return typeof shape === "object" && shape !== null && Object.keys(shape).length === 0;
}

// The first issue only: a payload can fail in a hundred thousand places, and one is enough to mend it.
function problemOf(issues: readonly StandardIssue[]): string {
  const issue = issues[0];
  if (issue === undefined) return "payload: does not match its schema";
  let path = "payload";
  for (const part of issue.path ?? []) {
    const key = typeof part === "object" ? part.key : part;
    path += typeof key === "number" ? `[${key}]` : isPlainKey(key) ? `.${String(key)}` : `[${quoted(key)}]`;
  }
  return `${path}: ${issue.message}`;
}

function isPlainKey(key: PropertyKey): boolean {
  return typeof key === "string" && /^[\p{L}_$][\p{L}\p{N}_$-]{0,63}$/u.test(key);
}

const AsyncFunction = (async () => {}).constructor;

// Walks a zod definition for functions declared async: refinements, transforms, checks, and what a lazy schema comes to.
function asyncFunctionIn(node: unknown, seen: Set<unknown>): string | undefined {
  if (node instanceof AsyncFunction) return `the async function ${quoted((node as { name: string }).name || "(anonymous)")}`;
  if (typeof node !== "object" || node === null || seen.has(node)) return undefined;
  seen.add(node);
  const definition = "_zod" in node ? definitionOf(node._zod as ZodInternals) : node;
  for (const key of Object.keys(definition)) {
    const found = asyncFunctionIn((definition as Record<string, unknown>)[key], seen);
    if (found !== undefined) return found;
  }
  return undefined;
}

interface ZodInternals {
  readonly def: object;
  readonly innerType?: unknown;
  readonly check?: unknown;
}

// A lazy schema keeps what it comes to, and a check its function, beside the definition.
function definitionOf(internals: ZodInternals): object {
  const { def } = internals;
  return "type" in def && def.type === "lazy" ? { ...def, innerType: internals.innerType } : { ...def, check: internals.check };
}

// A copy of the input, along the paths of the issues, with bigints where they were missed. Undefined when none was.
function withBigints(input: unknown, issues: readonly z.core.$ZodIssue[]): { readonly value: unknown } | undefined {
  const missed = issues.filter((issue) => issue.code === "invalid_type" && issue.expected === "bigint");
  let value = input;
  let found = false;
  for (const { path } of missed) {
    value = replaceAt(value, path, (leaf) => {
      if (!Number.isSafeInteger(leaf)) return leaf;
      found = true;
      return BigInt(leaf as number);
    });
  }
  return found ? { value } : undefined;
}

function replaceAt(value: unknown, path: readonly PropertyKey[], replace: (leaf: unknown) => unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return replace(value);
  if (Array.isArray(value)) return value.map((item, at) => (at === key ? replaceAt(item, rest, replace) : item));
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return value;
  const copy = { ...value };
  Object.defineProperty(copy, key, {
    value: replaceAt(Reflect.get(value, key), rest, replace),
    enumerable: true,
    configurable: true,
    writable: true,
  });
  return copy;
}
