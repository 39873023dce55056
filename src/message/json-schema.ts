// JSON Schema as plain data, and an example payload made from it, so that whoever discovers a type can see what to send.
// Deterministic, and shaped by types, bounds and defaults; a pattern that it cannot satisfy is left to the reader.

import { isRecord } from "../record.ts";

export type JsonSchema = Record<string, unknown>;

const itemsMax = 64;

/** A payload that fits the schema, as far as types, bounds and formats go. */
export function exampleOf(schema: JsonSchema): unknown {
  return new Example(schema).of(schema, []) ?? null;
}

class Example {
  readonly #root: JsonSchema;
  /** How many items an array may still have, so that arrays of arrays stay small. */
  #room = itemsMax;

  constructor(root: JsonSchema) {
    this.#root = root;
  }

  /** Undefined where the schema comes back to itself: whoever contains it does without. `refs` are those on the way here. */
  of(node: unknown, refs: readonly string[]): unknown {
    if (!isRecord(node)) return null;
    const ref = node["$ref"];
    if (typeof ref === "string") return refs.includes(ref) ? undefined : this.of(this.#resolve(ref), [...refs, ref]);
    for (const key of ["default", "const"] as const) if (key in node) return node[key];
    if (Array.isArray(node["examples"]) && node["examples"].length > 0) return node["examples"][0];
    if (Array.isArray(node["enum"])) return node["enum"][0] ?? null;
    const options = node["anyOf"] ?? node["oneOf"];
    if (Array.isArray(options)) return this.#first(options, refs);
    if (Array.isArray(node["allOf"])) return this.#merged(node["allOf"], refs);
    return this.#ofType(node, refs);
  }

  #ofType(node: JsonSchema, refs: readonly string[]): unknown {
    switch (Array.isArray(node["type"]) ? node["type"][0] : node["type"]) {
      case "object":
        return this.#object(node, refs);
      case "array":
        return this.#array(node, refs);
      case "string":
        return stringExample(node);
      case "integer":
      case "number":
        return numberExample(node);
      case "boolean":
        return true;
      default:
        return null;
    }
  }

  #object(node: JsonSchema, refs: readonly string[]): unknown {
    const properties = isRecord(node["properties"]) ? node["properties"] : {};
    const result: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(properties)) define(result, key, this.of(value, refs));
    const keys = isRecord(node["propertyNames"]) ? node["propertyNames"]["enum"] : undefined;
    if (Array.isArray(keys)) for (const key of keys) define(result, String(key), this.of(node["additionalProperties"], refs));
    return result;
  }

  #array(node: JsonSchema, refs: readonly string[]): unknown {
    if (Array.isArray(node["prefixItems"])) return node["prefixItems"].map((item) => this.of(item, refs) ?? null);
    const room = this.#room;
    const count = Math.min(Math.max(numberOr(node["minItems"], 1), 1), numberOr(node["maxItems"], itemsMax), room);
    this.#room = Math.floor(room / Math.max(count, 1));
    const item = this.of(node["items"] ?? {}, refs);
    this.#room = room;
    return item === undefined ? [] : Array.from({ length: count }, () => item);
  }

  #first(options: readonly unknown[], refs: readonly string[]): unknown {
    const isNull = (option: unknown): boolean => isRecord(option) && option["type"] === "null";
    for (const option of options.filter((each) => !isNull(each))) {
      const found = this.of(option, refs);
      if (found !== undefined) return found;
    }
    return options.some(isNull) ? null : undefined;
  }

  #merged(parts: readonly unknown[], refs: readonly string[]): unknown {
    const examples = parts.map((part) => this.of(part, refs));
    return examples.every(isRecord) ? Object.assign({}, ...examples) : examples[0];
  }

  #resolve(ref: string): unknown {
    if (!ref.startsWith("#")) return undefined;
    let node: unknown = this.#root;
    for (const part of ref.slice(1).split("/").filter(Boolean)) {
      const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
      node = isRecord(node) && Object.hasOwn(node, key) ? node[key] : undefined;
    }
    return node;
  }
}

const formats: Readonly<Record<string, string>> = {
  "date-time": "2026-01-31T12:00:00Z",
  date: "2026-01-31",
  time: "12:00:00",
  duration: "PT1H",
  email: "someone@example.com",
  uri: "https://example.com",
  uuid: "00000000-0000-4000-8000-000000000000",
  ipv4: "127.0.0.1",
  ipv6: "::1",
};

function stringExample(node: JsonSchema): string {
  const format = formats[String(node["format"])];
  if (format !== undefined) return format;
  // A pattern without a format is met by chance only; times of day are common enough to try.
  const pattern = patternOf(node["pattern"]);
  const text = pattern?.test("text") === false ? (Object.values(formats).find((each) => pattern.test(each)) ?? "text") : "text";
  const min = numberOr(node["minLength"], 0);
  const max = numberOr(node["maxLength"], Infinity);
  return text.padEnd(Math.min(min, 4096), "x").slice(0, Math.max(max, 0));
}

/** The number nearest to 1 within the bounds. */
function numberExample(node: JsonSchema): number {
  const step = numberOr(node["multipleOf"], node["type"] === "integer" ? 1 : 0);
  const low = Math.max(numberOr(node["minimum"], -Infinity), above(node["exclusiveMinimum"], step, node));
  const high = Math.min(numberOr(node["maximum"], Infinity), -above(negated(node["exclusiveMaximum"]), step, node));
  const wanted = Math.min(Math.max(1, low), high);
  if (step === 0) return wanted;
  const up = Math.ceil(wanted / step) * step;
  return (up <= high ? up : Math.floor(wanted / step) * step) + 0;
}

// The least number that is greater: a step further, or, where any number will do, a little into what room there is.
function above(bound: unknown, step: number, node: JsonSchema): number {
  if (typeof bound !== "number") return -Infinity;
  if (step > 0) return bound + step;
  const bounds = [node["maximum"], node["exclusiveMaximum"], node["minimum"], node["exclusiveMinimum"]].filter((each) => typeof each === "number");
  return bound + (bounds.length > 1 ? (Math.max(...bounds) - Math.min(...bounds)) / 4 : 1);
}

function negated(bound: unknown): unknown {
  return typeof bound === "number" ? -bound : bound;
}

function define(record: Record<string, unknown>, key: string, value: unknown): void {
  if (value !== undefined) Object.defineProperty(record, key, { value, enumerable: true, configurable: true, writable: true });
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === "number" ? value : otherwise;
}

// A pattern is of its author's own flavour: what does not compile here is no help, and no harm.
function patternOf(source: unknown): RegExp | undefined {
  try {
    return typeof source === "string" ? new RegExp(source) : undefined;
  } catch {
    return undefined;
  }
}
