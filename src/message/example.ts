// An example payload from a JSON Schema, so that whoever discovers a type can see what to send.
// Deterministic, and shaped by types, bounds and defaults; constraints it cannot satisfy (patterns) are left to the reader.

import type { JsonSchema } from "./schema.ts";

const depthMax = 16;

export function exampleOf(schema: JsonSchema): unknown {
  return example(schema, schema, 0);
}

function example(node: unknown, root: JsonSchema, depth: number): unknown {
  if (!isRecord(node) || depth > depthMax) return null;
  if (typeof node["$ref"] === "string") return example(resolve(node["$ref"], root), root, depth + 1);
  for (const key of ["default", "const"] as const) if (key in node) return node[key];
  if (Array.isArray(node["examples"]) && node["examples"].length > 0) return node["examples"][0];
  if (Array.isArray(node["enum"])) return node["enum"][0] ?? null;
  for (const key of ["anyOf", "oneOf"] as const) {
    const options = node[key];
    if (Array.isArray(options)) return example(options.find((o) => isRecord(o) && o["type"] !== "null") ?? options[0], root, depth + 1);
  }
  if (Array.isArray(node["allOf"])) return mergedExample(node["allOf"], root, depth);
  const type = Array.isArray(node["type"]) ? node["type"][0] : node["type"];
  switch (type) {
    case "object":
      return objectExample(node, root, depth);
    case "array":
      return arrayExample(node, root, depth);
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

function objectExample(node: JsonSchema, root: JsonSchema, depth: number): unknown {
  const properties = isRecord(node["properties"]) ? node["properties"] : {};
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(properties)) {
    Object.defineProperty(result, key, { value: example(value, root, depth + 1), enumerable: true, configurable: true, writable: true });
  }
  return result;
}

function mergedExample(parts: readonly unknown[], root: JsonSchema, depth: number): unknown {
  const examples = parts.map((part) => example(part, root, depth + 1));
  return examples.every(isRecord) ? Object.assign({}, ...examples) : examples[0];
}

function arrayExample(node: JsonSchema, root: JsonSchema, depth: number): unknown {
  if (Array.isArray(node["prefixItems"])) return node["prefixItems"].map((item) => example(item, root, depth + 1));
  const count = Math.min(Math.max(numberOr(node["minItems"], 1), 1), 4);
  return Array.from({ length: count }, () => example(node["items"] ?? {}, root, depth + 1));
}

const formats: Record<string, string> = {
  "date-time": "2026-01-31T12:00:00Z",
  date: "2026-01-31",
  time: "12:00:00",
  email: "someone@example.com",
  uri: "https://example.com",
  uuid: "00000000-0000-4000-8000-000000000000",
  ipv4: "127.0.0.1",
  ipv6: "::1",
};

function stringExample(node: JsonSchema): string {
  const text = formats[String(node["format"])] ?? "text";
  const min = numberOr(node["minLength"], 0);
  const max = numberOr(node["maxLength"], 4096);
  return text.padEnd(Math.min(min, 4096), "x").slice(0, Math.max(max, 0));
}

function numberExample(node: JsonSchema): number {
  const whole = node["type"] === "integer";
  const step = numberOr(node["multipleOf"], whole ? 1 : 0.5);
  const low = numberOr(node["minimum"], numberOr(node["exclusiveMinimum"], -Infinity) + step);
  const high = numberOr(node["maximum"], numberOr(node["exclusiveMaximum"], Infinity) - step);
  const wanted = Math.min(Math.max(1, low), high);
  return Math.abs(wanted % step) === 0 ? wanted : Math.ceil(wanted / step) * step;
}

function resolve(ref: string, root: JsonSchema): unknown {
  if (!ref.startsWith("#")) return undefined;
  let node: unknown = root;
  for (const part of ref.slice(1).split("/").filter(Boolean)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    node = isRecord(node) && Object.hasOwn(node, key) ? node[key] : undefined;
  }
  return node;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === "number" ? value : otherwise;
}
