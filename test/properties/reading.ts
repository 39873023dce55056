// Reads a body whole, and says how a reader fails.

import { ActonError } from "../../src/errors.ts";
import { type CodecLimits, depthMax } from "../../src/ipc/wire/codec.ts";
import { decodeJson, encodeJson } from "../../src/ipc/wire/json.ts";
import { decodeMessagePack, encodeMessagePack } from "../../src/ipc/wire/msgpack.ts";

export const wide: CodecLimits = { depth: depthMax, tokens: 100_000 };

export function readJson(text: string | Uint8Array, limits = wide): unknown {
  const body = Buffer.from(text as string);
  return decodeJson(body, 0, body.length, limits);
}

export function readPacked(body: Uint8Array, limits = wide): unknown {
  return decodeMessagePack(body, 0, body.length, limits);
}

export function throughJson(value: unknown): unknown {
  return readJson(encodeJson(value));
}

export function throughMessagePack(value: unknown): unknown {
  return readPacked(encodeMessagePack(value));
}

/** The text of the SERIALIZATION_ERROR that it fails with; undefined when it does not fail. Anything else is thrown on. */
export function refusal(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (error instanceof ActonError && error.code === "SERIALIZATION_ERROR") return error.message;
    throw error;
  }
}

/** Values and keys, containers included, as `tokens` counts them. */
export function tokensOf(value: unknown): number {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return 1;
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + tokensOf(item), 1);
  return Object.values(value).reduce<number>((sum, held) => sum + 1 + tokensOf(held), 1);
}
