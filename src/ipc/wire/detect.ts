// Chooses a connection's dialect by the byte after its first length. The one place that knows them all.

import type { Failure } from "../../errors.ts";
import { acton, unsupportedVersion } from "./acton.ts";
import { bare, bareFormatOf } from "./bare.ts";
import type { Dialect } from "./dialect.ts";

/** Whoever can tell a connection, as such, that it failed. */
export type Voice = Pick<Dialect, "connectionFailure">;

export type Detection =
  | { readonly dialect: Dialect; readonly refusal?: undefined }
  /** Nothing that is spoken here: `voice` says so in words that its client may understand, then the connection closes. */
  | { readonly dialect?: undefined; readonly voice: Voice; readonly refusal: Failure };

export function detect(byte: number): Detection {
  if (bareFormatOf(byte) !== undefined) return { dialect: bare };
  if (byte === 0x01 || byte === 0x02) return { dialect: acton };
  if (byte <= 0x08) return { voice: acton, refusal: unsupportedVersion(byte) };
  const hex = `0x${byte.toString(16).padStart(2, "0")}`;
  return { voice: bare, refusal: { code: "PROTOCOL_ERROR", message: `a connection that begins with byte ${hex} speaks no known dialect` } };
}

/** Who speaks to a connection that is turned away whatever it says; without a first byte, to one that has said nothing. */
export function voiceFor(byte: number | undefined): Voice {
  if (byte === undefined) return acton;
  const detection = detect(byte);
  return detection.dialect ?? detection.voice;
}
