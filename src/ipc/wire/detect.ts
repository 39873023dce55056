// Chooses a connection's dialect by the byte after its first length. The one place that knows them all.

import type { Failure } from "../../errors.ts";
import { acton, unsupportedVersion } from "./acton.ts";
import { bare, bareFormatOf } from "./bare.ts";
import type { Dialect } from "./dialect.ts";
import type { FrameWriter } from "./frame-writer.ts";

/** Tells a connection, as such, that it failed. */
export type Voice = (out: FrameWriter, failure: Failure) => void;

export type Detection =
  | { readonly dialect: Dialect; readonly refusal?: undefined }
  /** Nothing that is spoken here. */
  | { readonly dialect?: undefined; readonly refusal: Failure };

export function detect(byte: number): Detection {
  if (bareFormatOf(byte) !== undefined) return { dialect: bare };
  if (byte === 0x01 || byte === 0x02) return { dialect: acton };
  if (byte <= 0x08) return { refusal: unsupportedVersion(byte) };
  const hex = `0x${byte.toString(16).padStart(2, "0")}`;
  return { refusal: { code: "PROTOCOL_ERROR", message: `a connection that begins with byte ${hex} speaks no known dialect` } };
}

/** How long the byte that tells the dialect is waited for, when there is something to say already. Milliseconds. */
export const firstBytesMs = 1000;

/** In words that a client with this first byte may understand; without one, a client that has said nothing. */
export function voiceFor(byte: number | undefined): Voice {
  if (byte === undefined || byte <= 0x08) return (out, failure) => acton.connectionFailure(out, failure, "json");
  const format = bareFormatOf(byte) ?? "json";
  return (out, failure) => bare.connectionFailure(out, failure, format);
}
