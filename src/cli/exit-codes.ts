// What the exit status says. Scripts rely on these numbers: they never change their meaning.

import { ActonError, type ErrorCode } from "../errors.ts";

export const exitCodes = {
  ok: 0,
  agentError: 1,
  usage: 2,
  agentNotFound: 3,
  unknownMessageType: 4,
  busy: 5,
  timeout: 6,
  noConnection: 7,
  cannotStart: 8,
  drainIncomplete: 9,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const exitCodeOfError: Readonly<Record<ErrorCode, ExitCode>> = {
  UNKNOWN_MESSAGE_TYPE: exitCodes.unknownMessageType,
  ACTOR_NOT_FOUND: exitCodes.agentNotFound,
  SERIALIZATION_ERROR: exitCodes.agentError,
  TARGET_BUSY: exitCodes.busy,
  PROTOCOL_ERROR: exitCodes.noConnection,
  RATE_LIMITED: exitCodes.busy,
  TIMEOUT: exitCodes.timeout,
  CONNECTION_CLOSED: exitCodes.noConnection,
  NO_REPLY: exitCodes.agentError,
  UNHANDLED: exitCodes.unknownMessageType,
  HANDLER_FAILED: exitCodes.agentError,
  AGENT_STOPPED: exitCodes.agentError,
  ASK_CYCLE: exitCodes.agentError,
  ACCESS_DENIED: exitCodes.agentError,
  CANCELLED: exitCodes.agentError,
  SHUTTING_DOWN: exitCodes.busy,
  CONNECTION_LIMIT_REACHED: exitCodes.noConnection,
  UNSUPPORTED_PROTOCOL_VERSION: exitCodes.noConnection,
  INVALID_CONFIG: exitCodes.cannotStart,
  ADDRESS_IN_USE: exitCodes.cannotStart,
  PATH_REFUSED: exitCodes.cannotStart,
  NAME_TAKEN: exitCodes.cannotStart,
  START_FAILED: exitCodes.cannotStart,
};

/** A failure that the command line itself found. Its message is the one line that the user sees. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "CommandError";
    this.exitCode = exitCode;
  }
}

export function usageError(message: string): CommandError {
  return new CommandError(exitCodes.usage, message);
}

/** The exit status for anything that a command may throw. */
export function exitCodeOf(thrown: unknown): ExitCode {
  if (thrown instanceof CommandError) return thrown.exitCode;
  return thrown instanceof ActonError ? exitCodeOfError[thrown.code] : exitCodes.agentError;
}
