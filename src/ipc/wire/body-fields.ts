// Checks the fields of a decoded body, whatever dialect it is of, and says which one is wrong.

import { askChainMax } from "../../ask-chain.ts";
import { ActonError, quoted } from "../../errors.ts";
import type { AnswerShape, Trace } from "./packet.ts";

const correlationBytesMax = 128;
/** Names are echoed, and many readers take no such text. */
const loneSurrogate = "has a lone surrogate";

/** Each takes the value and the name of its field: a body is read where its fields are named, which the engine is quick at. */
export const fields = {
  text(value: unknown, field: string): string {
    if (value === undefined) throw missing(field);
    if (typeof value !== "string") throw wrong(field, `must be a string, not ${kindOf(value)}`);
    if (!value.isWellFormed()) throw wrong(field, loneSurrogate);
    return value;
  },

  optionalText(value: unknown, field: string): string | undefined {
    return isAbsent(value) ? undefined : fields.text(value, field);
  },

  flag(value: unknown, field: string): boolean {
    if (value === true || value === false) return value;
    if (isAbsent(value)) return false;
    throw wrong(field, `must be a boolean, not ${kindOf(value)}`);
  },

  /** Null when the field is absent. */
  correlation(value: unknown, field: string): string | null {
    if (isAbsent(value)) return null;
    const id = readableCorrelation(value);
    if (id === null) throw wrong(field, `must be a string of 1 to ${correlationBytesMax} bytes`);
    return id;
  },

  names(value: unknown, field: string): readonly string[] | undefined {
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) throw wrong(field, `must be an array of strings, not ${kindOf(value)}`);
    const at = value.findIndex((name) => typeof name !== "string");
    if (at >= 0) throw wrong(`${field}[${at}]`, `must be a string, not ${kindOf(value[at])}`);
    const broken = (value as string[]).findIndex((name) => !name.isWellFormed());
    if (broken >= 0) throw wrong(`${field}[${broken}]`, loneSurrogate);
    return value as string[];
  },

  /** A bounded array of ids; undefined when there are none. */
  ids(value: unknown, field: string): readonly string[] | undefined {
    if (value === undefined) return undefined;
    const ids = fields.names(value, field) ?? [];
    if (ids.length > askChainMax) throw wrong(field, `has more than ${askChainMax} ids`);
    for (const [at, id] of ids.entries()) fields.correlation(id, `${field}[${at}]`);
    return ids.length === 0 ? undefined : ids;
  },

  /** A whole number from 0. Clients write 2^64 − 1 for "no limit", so whatever is too large for a timer means just that. */
  milliseconds(value: unknown, field: string): number | undefined {
    const ms = fields.count(value, field);
    return ms !== undefined && ms > 2 ** 31 - 1 ? Infinity : ms;
  },

  count(value: unknown, field: string): number | undefined {
    if (isAbsent(value)) return undefined;
    const count = typeof value === "bigint" ? Number(value) : value;
    if (typeof count !== "number" || !(count >= 0) || (typeof value === "number" && !Number.isInteger(value))) {
      throw wrong(field, `must be a whole number from 0, not ${typeof value === "number" ? value : kindOf(value)}`);
    }
    return count;
  },
};

/** What a decoded body is, as far as its reader knows. */
export type Body = Readonly<Record<string, unknown>>;

/** The correlation if there is one that can be echoed. */
export function readableCorrelation(id: unknown): string | null {
  if (typeof id !== "string" || id.length === 0 || !id.isWellFormed()) return null;
  // Three bytes at most for each UTF-16 unit: short ids need no counting.
  return id.length * 3 <= correlationBytesMax || Buffer.byteLength(id) <= correlationBytesMax ? id : null;
}

// A trace that is not text is no reason to refuse the work that it would have traced.
export function traceOf(body: Body): Trace | undefined {
  const { traceparent, tracestate } = body;
  if (typeof traceparent !== "string") return undefined;
  return typeof tracestate === "string" ? { traceparent, tracestate } : { traceparent };
}

/** The shape of a request's refusal when its body cannot be read any further. */
export function requestShapeOf(body: Body): AnswerShape {
  return body["expects_stream"] === true ? "stream" : "response";
}

export function missing(field: string): ActonError {
  return wrong(field, "is missing");
}

function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

function wrong(field: string, problem: string): ActonError {
  return new ActonError("SERIALIZATION_ERROR", `${field} ${problem}`);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "string" ? `the string ${quoted(value)}` : `a ${typeof value}`;
}
