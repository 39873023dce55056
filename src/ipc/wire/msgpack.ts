// Bodies in MessagePack. Reading is our own; writing is msgpackr's, which sees only values that `spelled` let through.
// No extension type passes either way.

import { Packr } from "msgpackr/pack";
import { detailOf } from "../../errors.ts";
import { type CodecLimits, depthMax, malformed } from "./codec.ts";
import { Reader } from "./msgpack-reader.ts";
import { type Spelling, spelled } from "./plain.ts";

/**
 * Decodes the body at `start … end`: nil, booleans, integers, floats, strings, bytes (copied), arrays and maps with string keys.
 * Integers beyond ±2^53−1 come out as bigint. `__proto__` is an own property like any other; of a key written twice the last counts.
 * Extension types, invalid UTF-8, bytes after the value and all else are a SERIALIZATION_ERROR.
 */
export function decodeMessagePack(bytes: Uint8Array, start: number, end: number, limits: CodecLimits): unknown {
  const reader = new Reader(bytes, start, end, limits);
  const value = reader.value();
  if (reader.at !== end) throw malformed("the body has bytes after its value");
  return value;
}

const packer = new Packr({
  useRecords: false,
  variableMapSize: true,
  moreTypes: false,
  structuredClone: false,
  bundleStrings: false,
  encodeUndefinedAsNil: true,
  // A field that is called toJSON is data here; the methods were honoured before.
  useToJSON: false,
});

const bodySpelling: Spelling = {
  root: "",
  depth: depthMax,
  binary: true,
  wellFormed: true,
  // msgpackr writes numbers beyond 32 bits as floats, which typed clients refuse for a time or a sequence.
  number: (value) => (Number.isSafeInteger(value) && (value > 0xffff_ffff || value < -0x8000_0000) ? BigInt(value) : value),
  bigint: (value) => value,
};

/** One whole body, envelope included. The result is never written to again. Fails as `plain` does; paths begin at the body's keys. */
export function encodeMessagePack(body: unknown): Uint8Array {
  return encode(body, bodySpelling);
}

/** The same for readers that take no bytes. */
export function encodeTextMessagePack(body: unknown): Uint8Array {
  return encode(body, textBodySpelling);
}

const textBodySpelling: Spelling = { ...bodySpelling, binary: false };

function encode(body: unknown, spelling: Spelling): Uint8Array {
  const value = spelled(body, spelling);
  try {
    return packer.pack(value);
  } catch (error) {
    throw malformed(detailOf(error), error);
  }
}
