// The failures that a client can bring about from outside, as each dialect says them.

import { beginning, type Matching } from "./expectation.ts";

interface Refusal {
  readonly variant: string;
  /** How acton's own text begins. */
  readonly acton: string;
  /** Where acton has another code for it. */
  readonly actonCode?: string;
}

export const refusals = {
  UNKNOWN_MESSAGE_TYPE: { variant: "UnknownMessageType", acton: "Unknown message type: " },
  ACTOR_NOT_FOUND: { variant: "AgentNotFound", acton: "Actor not found: " },
  SERIALIZATION_ERROR: { variant: "SerializationError", acton: "Serialization error: " },
  TARGET_BUSY: { variant: "TargetBusy", acton: "Target actor inbox is full" },
  PROTOCOL_ERROR: { variant: "ProtocolError", acton: "Protocol error: " },
  TIMEOUT: { variant: "Timeout", acton: "Request timed out after " },
  UNHANDLED: { variant: "Unhandled", acton: "Unhandled" },
  HANDLER_FAILED: { variant: "HandlerFailed", acton: "I/O error: HandlerFailed: ", actonCode: "IO_ERROR" },
  CANCELLED: { variant: "Cancelled", acton: "Cancelled" },
  CONNECTION_LIMIT_REACHED: { variant: "ConnectionLimitReached", acton: "Server refused the connection: connection limit reached (" },
  UNSUPPORTED_PROTOCOL_VERSION: { variant: "UnsupportedProtocolVersion", acton: "Unsupported protocol version 0x" },
} as const satisfies Readonly<Record<string, Refusal>>;

export type RefusalCode = keyof typeof refusals;

export function bareText(code: RefusalCode): Matching {
  return beginning(`${refusals[code].variant}: `);
}

export function actonText(code: RefusalCode): Matching {
  return beginning(refusals[code].acton);
}

export function actonCode(code: RefusalCode): string {
  const refusal: Refusal = refusals[code];
  return refusal.actonCode ?? code;
}
