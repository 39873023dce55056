// Bodies in JSON: decoding of what a peer sent, encoding of payloads.
// JSON.parse does the work; around it stand the bounds, strict UTF-8, and exact integers where a number would be rounded.

import { detailOf } from "../../errors.ts";
import { systemRandom } from "../../random.ts";
import { type CodecLimits, depthMax, fits64Bits, latin1, malformed, tooDeep, tooMany, utf8 } from "./codec.ts";
import { type Spelling, spelled } from "./plain.ts";

// Newer than the library that TypeScript ships.
declare global {
  interface JSON {
    rawJSON(text: string): object;
  }
}

/**
 * Decodes the body at `start … end`. Integers beyond ±2^53−1 come out as bigint; beyond 64 bits they are refused, as are numbers
 * that overflow. `__proto__` is an own property like any other; of a key written twice the last counts.
 * With `ascii` the bytes are known to be that. Everything else than one JSON value in UTF-8 within the limits is a SERIALIZATION_ERROR.
 */
export function decodeJson(bytes: Uint8Array, start: number, end: number, limits: CodecLimits, ascii = false): unknown {
  // n bytes of valid JSON hold at most n / 2 levels and (n + 1) / 2 values and keys.
  const short = (end - start + 1) >> 1 <= Math.min(limits.depth, limits.tokens);
  const inexact = short ? undefined : scan(bytes, start, end, limits);
  const text = ascii ? latin1(bytes, start, end) : utf8(bytes, start, end, "the body is not valid UTF-8");
  try {
    return (inexact ?? inexactNumber.test(text)) ? parseExactly(text) : JSON.parse(text);
  } catch (error) {
    if (error instanceof OutOfRange) throw malformed("the body has a number that is out of range");
    const reason = error instanceof Error ? error.message.replace("JSON Parse error: ", "") : "";
    throw malformed(`the body is not JSON: ${detailOf(reason.slice(0, reasonLengthMax))}`);
  }
}

/** The parser's reason quotes the input. */
const reasonLengthMax = 64;

const payloadSpelling: Spelling = {
  root: "payload",
  depth: depthMax - 1,
  binary: false,
  wellFormed: false,
  // With an exponent it reads back as the number that it is here; as bare digits it would come back as a bigint, or be refused.
  number: (value) => (Number.isInteger(value) && !Number.isSafeInteger(value) ? rawNumber(value.toExponential()) : value),
  bigint: (value) => rawNumber(String(value)),
};

const wellFormedSpelling: Spelling = { ...payloadSpelling, wellFormed: true };

/** The JSON text of one payload, always well formed. Fails as `plain` does. */
export function encodeJson(payload: unknown): string {
  return encode(payload, payloadSpelling);
}

/** The same for readers that take no lone surrogate, escaped or not. */
export function encodeWellFormedJson(payload: unknown): string {
  return encode(payload, wellFormedSpelling);
}

/** A correlation as JSON. Mostly short and plain; quoting such by hand is a third of the cost of JSON.stringify. */
export function jsonId(id: string | null): string {
  if (id === null) return "null";
  return /^[\w.:-]+$/.test(id) ? `"${id}"` : JSON.stringify(id);
}

function encode(payload: unknown, spelling: Spelling): string {
  const value = spelled(payload, spelling);
  try {
    return unmarked(JSON.stringify(value));
  } catch (error) {
    throw malformed(`payload: ${detailOf(error)}`, error);
  }
}

/** What JSON.parse may round or overflow: 16 digits before the point, or an exponent of three. Inside a string it does no harm. */
const inexactNumber = /(?:^|[^.\d])\d{16}|\d[eE]\+?\d{3}/;
const integerLiteral = /^-?\d+$/;

class OutOfRange extends Error {}

function exactNumber(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const source = context?.source;
  // Before BigInt, whose time grows with the square of the digits: a finite value has 309 at most.
  if (source === undefined || !Number.isFinite(value)) throw new OutOfRange();
  if (!integerLiteral.test(source)) return value;
  const exact = BigInt(source);
  if (!fits64Bits(exact)) throw new OutOfRange();
  return exact;
}

// Node 20 has neither JSON.rawJSON nor a reviver's `source`: there such numbers pass through the library as strings with a
// mark that no text from outside can hold, since none with it ever leaves.
const isModern = "rawJSON" in JSON;
const mark = isModern ? "" : `number-${systemRandom.next().toString(36)}-${systemRandom.next().toString(36)}:`;
const markedNumber = new RegExp(`"${mark.replaceAll(".", "\\.")}([^"]*)"`, "g");
const stringOrNumber = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

function rawNumber(text: string): unknown {
  return isModern ? JSON.rawJSON(text) : `${mark}${text}`;
}

function unmarked(text: string): string {
  return isModern || !text.includes(mark) ? text : text.replace(markedNumber, "$1");
}

function parseExactly(text: string): unknown {
  if (isModern) return JSON.parse(text, exactNumber);
  // What is not JSON is found out before it is changed.
  JSON.parse(text);
  const marked = text.replace(stringOrNumber, (token) => {
    if (token.startsWith(`"`)) return token;
    return typeof exactNumber("", Number(token), { source: token }) === "bigint" ? `"${mark}${token}"` : token;
  });
  return JSON.parse(marked, (_key, value: unknown) =>
    typeof value === "string" && value.startsWith(mark) ? BigInt(value.slice(mark.length)) : value,
  );
}

const quote = 0x22;
const backslash = 0x5c;
const digit0 = 0x30;
const digit9 = 0x39;

/** Refuses what exceeds the limits before anything is built. True when a number in the body needs the exact path. */
function scan(bytes: Uint8Array, start: number, end: number, limits: CodecLimits): boolean {
  let depth = 0;
  let tokens = 0;
  let inexact = false;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte === 0x2c || byte === 0x3a || byte <= 0x20) continue;
    if (byte === 0x5d || byte === 0x7d) {
      depth--;
      continue;
    }
    if (++tokens > limits.tokens) throw tooMany(limits);
    if (byte === 0x5b || byte === 0x7b) {
      if (++depth > limits.depth) throw tooDeep(limits);
    } else if (byte === quote) {
      at = endOfString(bytes, at + 1, end);
    } else {
      const from = at;
      at = endOfLiteral(bytes, at, end);
      inexact ||= at - from >= shortInexactLength - 1 && isInexact(bytes, from, at + 1);
    }
  }
  return inexact;
}

/** Index of the closing quote, or at least `end`. */
function endOfString(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  for (const near = Math.min(start + 32, end); at < near; at += bytes[at] === backslash ? 2 : 1) {
    if (bytes[at] === quote) return at;
  }
  // In a long string the search for quotes is worth its call. A quote is escaped after an odd run of backslashes.
  for (; at < end; at++) {
    const from = at;
    at = bytes.indexOf(quote, from);
    if (at < 0) return end;
    let before = at;
    while (before > from && bytes[before - 1] === backslash) before--;
    if ((at - before) % 2 === 0) break;
  }
  return at;
}

/** Index of the last byte of a number, `true`, `false` or `null`: before a comma, a bracket or white space. */
function endOfLiteral(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at + 1 < end) {
    const byte = bytes[at + 1] as number;
    if (byte === 0x2c || byte === 0x5d || byte === 0x7d || byte <= 0x20) break;
    at++;
  }
  return at;
}

const shortInexactLength = "1e309".length;

/** What `inexactNumber` says of a text, for one literal. */
function isInexact(bytes: Uint8Array, start: number, end: number): boolean {
  let at = bytes[start] === 0x2d ? start + 1 : start;
  const whole = at;
  while (at < end && isDigit(bytes[at])) at++;
  if (at === whole) return false;
  if (at - whole >= 16) return true;
  while (at < end && ((bytes[at] as number) | 0x20) !== 0x65) at++;
  return end - at > 3 && bytes[at + 1] !== 0x2d;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= digit0 && byte <= digit9;
}
