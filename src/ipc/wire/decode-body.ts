// From a frame's body to the object in it, in either format: the same for every dialect.

import { ActonError, detailOf } from "../../errors.ts";
import type { Body } from "./body-fields.ts";
import { type CodecLimits, malformed } from "./codec.ts";
import type { Frame } from "./frame-decoder.ts";
import { decodeJson } from "./json.ts";
import { decodeMessagePack } from "./msgpack.ts";
import type { Format } from "./packet.ts";

/** The object, or the SERIALIZATION_ERROR that says why there is none. Never throws. */
export function decodeBody({ bytes, start, end, ascii }: Frame, format: Format, limits: CodecLimits): Body | ActonError {
  let body: unknown;
  try {
    body = format === "json" ? decodeJson(bytes, start, end, limits, ascii) : decodeMessagePack(bytes, start, end, limits);
  } catch (error) {
    return error instanceof ActonError ? error : malformed(detailOf(error));
  }
  if (typeof body !== "object" || body === null || Array.isArray(body)) return malformed("the body is not an object");
  return body as Body;
}
