// What a configured value must look like, and how an error says so. Shared by the key tables and the rules of a policy.

import type { ConfigKey } from "./config-keys.ts";
import { ActonError, quoted } from "./errors.ts";
import { nearestName } from "./nearest-name.ts";

export function fits(key: ConfigKey, value: unknown): value is number | string {
  if (key.choices !== undefined) return key.choices.some((choice) => choice === value);
  if (key.form !== undefined) return typeof value === "string" && key.form.pattern.test(value);
  if (typeof key.default === "string") return typeof value === "string" && value.startsWith("/") && !value.includes("\0");
  return typeof value === "number" && Number.isInteger(value) && value >= (key.min ?? 0) && value <= (key.max ?? Number.MAX_SAFE_INTEGER);
}

export function expectationOf(key: ConfigKey): string {
  if (key.choices !== undefined) return `one of ${key.choices.join(", ")}`;
  if (key.form !== undefined) return key.form.says;
  if (typeof key.default === "string") return `an absolute ${key.unit}`;
  return `a whole number from ${key.min ?? 0} to ${key.max ?? Number.MAX_SAFE_INTEGER} (${key.unit})`;
}

/** A value as errors show it. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" && value !== null ? "a table" : quoted(value);
}

export function unknownName(what: string, name: string, known: readonly string[]): ActonError {
  const nearest = nearestName(name, known);
  return new ActonError("INVALID_CONFIG", `${what} '${quoted(name).slice(1, -1)}'${nearest === undefined ? "" : `, did you mean '${nearest}'?`}`);
}
