// Failures in the words of the acton protocol: its clients show these texts, and some decide by them.

import { type Failure, failureText, ranOf } from "../../errors.ts";
import type { AnswerShape } from "./packet.ts";

const minVersion = "0x01";
const maxVersion = "0x02";

/** The error text and code of a failure. `IO_ERROR` is what that protocol calls everything that went wrong with the handler. */
export function actonFailure(failure: Failure, shape: AnswerShape | "connection"): { readonly error: string; readonly code: string } {
  const { code, message } = failure;
  if (failure.byHandler && code !== "TIMEOUT") return ioError(`HandlerFailed: ${message}`);
  switch (code) {
    case "NO_REPLY":
      return ioError("Response channel closed without receiving a response");
    case "HANDLER_FAILED":
      return ioError(failureText(failure));
    case "AGENT_STOPPED":
      return ioError("Recipient channel is closed");
    case "TIMEOUT":
    case "CANCELLED":
      return { error: textOf(failure, shape), code };
    default:
      // Clients send again whatever has another code, taking it for a promise that no handler ran.
      return ranOf(failure) === "no" ? { error: textOf(failure, shape), code } : ioError(`HandlerFailed: ${message}`);
  }
}

function ioError(detail: string): { readonly error: string; readonly code: string } {
  return { error: `I/O error: ${detail}`, code: "IO_ERROR" };
}

function textOf(failure: Failure, shape: AnswerShape | "connection"): string {
  const { code, message, subject, afterMs } = failure;
  switch (code) {
    case "UNKNOWN_MESSAGE_TYPE":
      return `Unknown message type: ${subject ?? message}`;
    case "ACTOR_NOT_FOUND":
      return `Actor not found: ${subject ?? message}`;
    case "SERIALIZATION_ERROR":
      return `Serialization error: ${message}`;
    case "TARGET_BUSY":
      return "Target actor inbox is full";
    case "PROTOCOL_ERROR":
      return `Protocol error: ${message}`;
    case "RATE_LIMITED":
      return `Rate limit exceeded, retry after ${failure.retryAfterMs ?? 0}ms`;
    case "TIMEOUT":
      return shape === "stream" ? `Stream timed out after ${afterMs ?? 0} ms` : `Request timed out after ${afterMs ?? 0} ms waiting for response`;
    case "ACCESS_DENIED":
      return message;
    case "SHUTTING_DOWN":
      return "Server is shutting down";
    case "CONNECTION_LIMIT_REACHED":
      return `Server refused the connection: connection limit reached (${subject ?? message} concurrent connections)`;
    case "UNSUPPORTED_PROTOCOL_VERSION":
      return `Unsupported protocol version ${subject ?? message}, supported range: ${minVersion}-${maxVersion}`;
    default:
      return failureText(failure);
  }
}
