// A short way in for payloads whose schema is an object of plain fields: what certainly fits is taken without asking the
// validator, which costs more than the rest of a small message. Whatever does not certainly fit is the validator's to judge.

import type { z } from "zod";

/** The payload as the schema would give it back, unknown keys stripped; undefined when the schema must be asked. */
export type ShortWay = (value: unknown) => object | undefined;

type Fits = (value: unknown) => boolean;

interface FieldDefinition {
  readonly type: string;
  readonly check?: string;
  readonly format?: string;
  readonly coerce?: boolean;
  readonly checks?: readonly { readonly _zod: { readonly def: CheckDefinition } }[];
}

interface CheckDefinition {
  readonly check?: string;
  readonly format?: string;
  readonly value?: unknown;
  readonly inclusive?: boolean;
}

/** Undefined for schemas that hold anything but integers, numbers, strings and booleans, or check more than numbers' bounds. */
export function shortWayFor(schema: z.ZodType): ShortWay | undefined {
  const definition: { readonly type: string; readonly shape?: unknown; readonly catchall?: unknown; readonly checks?: readonly unknown[] } =
    schema._zod.def;
  const { type, shape, catchall, checks } = definition;
  if (type !== "object" || catchall !== undefined || (checks?.length ?? 0) > 0 || typeof shape !== "object" || shape === null) return undefined;
  const keys = Object.keys(shape);
  const fits: Fits[] = [];
  for (const key of keys) {
    const fit = fitFor((shape as Readonly<Record<string, z.ZodType>>)[key]?._zod.def);
    if (fit === undefined || key === "__proto__") return undefined;
    fits.push(fit);
  }
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    const result: Record<string, unknown> = {};
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index] as string;
      const field = (value as Readonly<Record<string, unknown>>)[key];
      if (!(fits[index] as Fits)(field)) return undefined;
      result[key] = field;
    }
    return result;
  };
}

function fitFor(field: FieldDefinition | undefined): Fits | undefined {
  if (field === undefined || field.coerce === true) return undefined;
  const plain = field.check === undefined && (field.checks?.length ?? 0) === 0;
  switch (field.type) {
    case "number":
      return numberFit(field);
    case "string":
      return plain ? (value) => typeof value === "string" : undefined;
    case "boolean":
      return plain ? (value) => typeof value === "boolean" : undefined;
    default:
      return undefined;
  }
}

function numberFit(field: FieldDefinition): Fits | undefined {
  let whole = false;
  let low = -Infinity;
  let high = Infinity;
  for (const { check, format, value, inclusive } of [field, ...(field.checks ?? []).map((each) => each._zod.def)] as CheckDefinition[]) {
    if (check === undefined) continue;
    if (check === "number_format" && format === "safeint") whole = true;
    else if (check === "greater_than" && typeof value === "number" && inclusive !== undefined) low = Math.max(low, inclusive ? value : above(value));
    else if (check === "less_than" && typeof value === "number" && inclusive !== undefined) high = Math.min(high, inclusive ? value : -above(-value));
    else return undefined;
  }
  if (whole) return (value) => Number.isSafeInteger(value) && (value as number) >= low && (value as number) <= high;
  return (value) => Number.isFinite(value) && (value as number) >= low && (value as number) <= high;
}

// The least number that is greater, near enough: what lies between is the validator's to judge.
function above(bound: number): number {
  return bound + Math.max(Number.MIN_VALUE, Math.abs(bound) * Number.EPSILON);
}
