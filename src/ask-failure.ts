// What became of a call that failed, as callers tell it apart: one union, whose kinds are the code's, and whether the handler
// ran, which is the case's. The same for a local ask, for one over a socket, and for what a server answers.

import { ActonError, type ErrorCode, type Ran } from "./errors.ts";

/** Why somebody who could have taken the message did not want it. */
export type RefusalReason = "busy" | "forbidden" | "rate" | "shuttingDown" | "cycle";

interface CallFailure {
  readonly code: ErrorCode;
  readonly message: string;
  /** `no` is a promise: the same call may be made again without being done twice. */
  readonly ran: Ran;
  /** When to try again, where that is known. */
  readonly retryAfterMs: number | undefined;
  readonly details: unknown;
}

export type AskFailure =
  /** Nobody is there for it, or nobody understands it. */
  | (CallFailure & { readonly kind: "undeliverable"; readonly ran: "no" })
  /** With `ran` other than `no` it was the handler that refused, by `reply.fail`. */
  | (CallFailure & { readonly kind: "refused"; readonly reason: RefusalReason })
  | (CallFailure & { readonly kind: "cancelled" })
  | (CallFailure & { readonly kind: "noReply" })
  /** The handler threw or failed by choice, or ended with its agent. */
  | (CallFailure & { readonly kind: "failed" })
  | (CallFailure & { readonly kind: "timedOut" })
  | (CallFailure & { readonly kind: "transportLost" });

type Outcome =
  | { readonly kind: Exclude<AskFailure["kind"], "refused">; readonly reason?: undefined }
  | { readonly kind: "refused"; readonly reason: RefusalReason };

export const askOutcomes: Readonly<Record<ErrorCode, Outcome>> = {
  UNKNOWN_MESSAGE_TYPE: { kind: "undeliverable" },
  ACTOR_NOT_FOUND: { kind: "undeliverable" },
  SERIALIZATION_ERROR: { kind: "undeliverable" },
  PROTOCOL_ERROR: { kind: "undeliverable" },
  UNHANDLED: { kind: "undeliverable" },
  AGENT_STOPPED: { kind: "undeliverable" },
  UNSUPPORTED_PROTOCOL_VERSION: { kind: "undeliverable" },
  TARGET_BUSY: { kind: "refused", reason: "busy" },
  CONNECTION_LIMIT_REACHED: { kind: "refused", reason: "busy" },
  ACCESS_DENIED: { kind: "refused", reason: "forbidden" },
  RATE_LIMITED: { kind: "refused", reason: "rate" },
  SHUTTING_DOWN: { kind: "refused", reason: "shuttingDown" },
  ASK_CYCLE: { kind: "refused", reason: "cycle" },
  CANCELLED: { kind: "cancelled" },
  NO_REPLY: { kind: "noReply" },
  HANDLER_FAILED: { kind: "failed" },
  INVALID_CONFIG: { kind: "failed" },
  ADDRESS_IN_USE: { kind: "failed" },
  PATH_REFUSED: { kind: "failed" },
  NAME_TAKEN: { kind: "failed" },
  START_FAILED: { kind: "failed" },
  TIMEOUT: { kind: "timedOut" },
  CONNECTION_CLOSED: { kind: "transportLost" },
};

/** What a call rejected with, told apart. Undefined for what is no ActonError: that is a mistake in the calling program. */
export function askFailure(error: unknown): AskFailure | undefined {
  if (!(error instanceof ActonError)) return undefined;
  const { code, message, ran, retryAfterMs, details } = error;
  const outcome = askOutcomes[code];
  const failure: CallFailure = { code, message, ran, retryAfterMs, details };
  if (outcome.kind === "refused") return { ...failure, ...outcome };
  if (outcome.kind !== "undeliverable") return { ...failure, kind: outcome.kind };
  // What has reached a handler was delivered.
  return ran === "no" ? { ...failure, kind: "undeliverable", ran } : { ...failure, kind: "failed" };
}
