// The error in a body that says no.

import { ActonError, errorKinds, isErrorCode, isRan } from "../../errors.ts";
import type { Body } from "./open-call.ts";

/**
 * The code and the detail as the server has them. A code that this client does not know, of a newer server, is a PROTOCOL_ERROR
 * with the server's whole text, and the code itself as `subject`.
 */
export function errorOf(body: Body): ActonError {
  const { error, error_code: code, ran, retry_after_ms: retryAfterMs, details } = body;
  const text = typeof error === "string" ? error : "the server gave no reason";
  const more = { ...(typeof retryAfterMs === "number" ? { retryAfterMs } : {}), details };
  if (!isErrorCode(code)) {
    const subject = typeof code === "string" ? { subject: code } : {};
    return new ActonError("PROTOCOL_ERROR", text, { ...more, ...subject, ran: isRan(ran) ? ran : "unknown" });
  }
  const prefix = `${errorKinds[code].variant}: `;
  return new ActonError(code, text.startsWith(prefix) ? text.slice(prefix.length) : text, isRan(ran) ? { ...more, ran } : more);
}
