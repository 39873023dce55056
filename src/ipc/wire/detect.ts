// Chooses a connection's dialect by the byte after its first length. The one place that knows them all.

import type { Failure } from "../../errors.ts";
import { actonRefusal, type Refusing } from "./acton-refusal.ts";
import { bare, bareFormatOf } from "./bare.ts";
import type { Dialect } from "./dialect.ts";

export type Detection =
  | { readonly dialect: Dialect; readonly refusal?: undefined }
  /** Nothing that is spoken here: `speak` says so in words that its client may understand, then the connection closes. */
  | { readonly dialect?: undefined; readonly speak: Refusing; readonly refusal: Failure };

/** What a connection is told in when it has sent nothing to know it by. */
export const silentClientVoice: Refusing = actonRefusal;

export function detect(byte: number): Detection {
  if (bareFormatOf(byte) !== undefined) return { dialect: bare };
  if (byte <= 0x08) {
    const version = `0x${byte.toString(16).padStart(2, "0")}`;
    return { speak: actonRefusal, refusal: { code: "UNSUPPORTED_PROTOCOL_VERSION", message: `protocol version ${version} is not spoken here` } };
  }
  const hex = `0x${byte.toString(16).padStart(2, "0")}`;
  return { speak: bare, refusal: { code: "PROTOCOL_ERROR", message: `a connection that begins with byte ${hex} speaks no known dialect` } };
}
