// What the two body codecs share: the bounds of a decode, the words for a bad body, and how an object gets its keys.

import { ActonError } from "../../errors.ts";

/** Bounds of one body. Both are checked before anything is built from what a peer claims. */
export interface CodecLimits {
  /** Containers inside one another, the envelope included. */
  readonly depth: number;
  /** Values and map keys of the whole body, containers included. */
  readonly tokens: number;
}

/** Nesting that both codecs write and, by default, read: containers inside one another, the envelope included. */
export const depthMax = 127;

export function malformed(problem: string, cause?: unknown): ActonError {
  return new ActonError("SERIALIZATION_ERROR", problem, { cause });
}

export function tooDeep(limits: CodecLimits): ActonError {
  return malformed(`the body nests deeper than ${limits.depth} levels`);
}

export function tooMany(limits: CodecLimits): ActonError {
  return malformed(`the body has more than ${limits.tokens} values and keys`);
}

/** Sets an own data property, whatever the key: an assignment to `__proto__` would change the prototype instead. */
export function setOwn(record: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") Object.defineProperty(record, key, { value, writable: true, enumerable: true, configurable: true });
  else record[key] = value;
}

/** What a 64-bit integer of either codec can hold. */
export function fits64Bits(value: bigint): boolean {
  return value >= -0x8000_0000_0000_0000n && value <= 0xffff_ffff_ffff_ffffn;
}

// Untyped, but twice as fast for a short text as any decoder. Bound by `call` at its only use.
// oxlint-disable-next-line typescript/unbound-method
const { latin1Slice } = Buffer.prototype as Buffer & { latin1Slice(this: Uint8Array, start: number, end: number): string };

/** The text of bytes that are known to be ASCII. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  return latin1Slice.call(bytes, start, end);
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of bytes that should be UTF-8. Throws SERIALIZATION_ERROR with these words when they are not. */
export function utf8(bytes: Uint8Array, start: number, end: number, problem: string): string {
  try {
    return strictUtf8.decode(bytes.subarray(start, end));
  } catch {
    throw malformed(problem);
  }
}
