// Every failure that a caller can meet, by code. Codes decide; texts only explain.
// The wire, the command line's exit statuses and the documents read this one table.

/** Whether a handler began to work on a message: `no` promises that none ever will. */
export type Ran = "no" | "yes" | "unknown";

export interface ErrorKind {
  /** The name that clients of the bare dialect look for at the head of an error text. */
  readonly variant: string;
  /** Whether the handler ran, where the failure itself does not say. */
  readonly ran: Ran;
  /** Whether the same call may succeed later without any change. */
  readonly retryable: boolean;
  readonly summary: string;
}

// One row a code: the columns are the point.
// oxfmt-ignore
export const errorKinds = {
  UNKNOWN_MESSAGE_TYPE: { variant: "UnknownMessageType", ran: "no", retryable: false, summary: "The message type is not registered" },
  ACTOR_NOT_FOUND: { variant: "AgentNotFound", ran: "no", retryable: false, summary: "No agent is exposed under that name" },
  SERIALIZATION_ERROR: { variant: "SerializationError", ran: "no", retryable: false, summary: "A body or payload does not decode or does not match its schema" },
  TARGET_BUSY: { variant: "TargetBusy", ran: "no", retryable: true, summary: "The agent's mailbox, or another bounded queue before it, is full" },
  PROTOCOL_ERROR: { variant: "ProtocolError", ran: "no", retryable: false, summary: "A frame cannot be understood" },
  RATE_LIMITED: { variant: "RateLimited", ran: "no", retryable: true, summary: "The connection's token bucket is empty" },
  TIMEOUT: { variant: "Timeout", ran: "unknown", retryable: false, summary: "No reply came within the request's time" },
  CONNECTION_CLOSED: { variant: "ConnectionClosed", ran: "unknown", retryable: false, summary: "The connection went away; a client reports it for every open call" },
  NO_REPLY: { variant: "NoReply", ran: "yes", retryable: false, summary: "The handler returned without replying" },
  UNHANDLED: { variant: "Unhandled", ran: "no", retryable: false, summary: "The agent has no handler for the type" },
  HANDLER_FAILED: { variant: "HandlerFailed", ran: "yes", retryable: false, summary: "The handler threw, or its reply cannot be encoded" },
  AGENT_STOPPED: { variant: "AgentStopped", ran: "unknown", retryable: false, summary: "The agent stopped or restarted with the request queued or running" },
  ASK_CYCLE: { variant: "AskCycle", ran: "no", retryable: false, summary: "The ask would wait for itself" },
  ACCESS_DENIED: { variant: "AccessDenied", ran: "no", retryable: false, summary: "The policy said no" },
  CANCELLED: { variant: "Cancelled", ran: "unknown", retryable: false, summary: "The caller cancelled" },
  SHUTTING_DOWN: { variant: "ShuttingDown", ran: "no", retryable: true, summary: "The server is draining" },
  CONNECTION_LIMIT_REACHED: { variant: "ConnectionLimitReached", ran: "no", retryable: true, summary: "Too many connections" },
  UNSUPPORTED_PROTOCOL_VERSION: { variant: "UnsupportedProtocolVersion", ran: "no", retryable: false, summary: "The version byte is out of range" },
  INVALID_CONFIG: { variant: "InvalidConfig", ran: "no", retryable: false, summary: "A configuration key is unknown, or its value is out of range" },
  ADDRESS_IN_USE: { variant: "AddressInUse", ran: "no", retryable: true, summary: "Another server holds the socket's path" },
  PATH_REFUSED: { variant: "PathRefused", ran: "no", retryable: false, summary: "The socket's path is too long, unsafe or not a socket" },
  NAME_TAKEN: { variant: "NameTaken", ran: "no", retryable: false, summary: "The name belongs to another agent or message type" },
  START_FAILED: { variant: "StartFailed", ran: "no", retryable: false, summary: "An agent's model factory or beforeStart hook failed" },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorKinds;

/** What a failure says, whether or not it was ever thrown. `message` is the detail without the variant. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryAfterMs?: number;
  readonly details?: unknown;
  /** What the failure is about, alone: the name that was not found, the limit, the version. */
  readonly subject?: string;
  /** How long was waited, in milliseconds. */
  readonly afterMs?: number;
  /** Whether the handler ran, where more is known of this case than the code says. */
  readonly ran?: Ran;
  /** The handler itself said so. */
  readonly byHandler?: true;
}

export interface ErrorOptions {
  readonly retryAfterMs?: number;
  readonly details?: unknown;
  readonly subject?: string;
  readonly afterMs?: number;
  /** Default: what the code says. */
  readonly ran?: Ran;
  readonly cause?: unknown;
}

/** The one error class for everything that is not a programmer's mistake. */
export class ActonError extends Error implements Failure {
  readonly code: ErrorCode;
  /** Whether the handler ran, in this very case. */
  readonly ran: Ran;
  declare readonly retryAfterMs?: number;
  declare readonly details?: unknown;
  declare readonly subject?: string;
  declare readonly afterMs?: number;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "ActonError";
    this.code = code;
    this.ran = options.ran ?? errorKinds[code].ran;
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs;
    if (options.details !== undefined) this.details = options.details;
    if (options.subject !== undefined) this.subject = options.subject;
    if (options.afterMs !== undefined) this.afterMs = options.afterMs;
  }

  /** `Variant: detail`, as the bare dialect and the command line print it. */
  override toString(): string {
    return failureText(this);
  }

  static from(failure: Failure): ActonError {
    return failure instanceof ActonError ? failure : new ActonError(failure.code, failure.message, failure);
  }
}

/** The code of an error that the system has thrown, such as ENOENT; undefined for anything else. */
export function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
}

/** `instanceof` for what user code has thrown. Never throws itself, as that does for a revoked proxy. */
export function isA<Kind>(kind: abstract new (...given: never[]) => Kind, thrown: unknown): thrown is Kind {
  try {
    return thrown instanceof kind;
  } catch {
    return false;
  }
}

export function ranOf(failure: Failure): Ran {
  return failure.ran ?? errorKinds[failure.code].ran;
}

/** The same failure, for a message whose handler did or did not run. */
export function withRan(failure: Failure, ran: Ran): Failure {
  // An error's message is not among what a spread takes.
  return ranOf(failure) === ran ? failure : { ...failure, message: failure.message, ran };
}

export function failureText(failure: Failure): string {
  return `${errorKinds[failure.code].variant}: ${failure.message}`;
}

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(errorKinds, code);
}

export function isRan(ran: unknown): ran is Ran {
  return ran === "no" || ran === "yes" || ran === "unknown";
}

const detailLengthMax = 200;

/** The message of anything that user code may throw: one printable line of at most 200 characters, never a stack. Never throws. */
export function detailOf(thrown: unknown): string {
  const text = textOf(() => (thrown instanceof Error ? thrown.message || thrown.name : thrown)) ?? "an error that cannot be printed";
  const line = text.replace(/[\p{Cc}\p{Cs}\u2028\u2029]+/gu, " ").trim();
  return line.length > detailLengthMax ? `${line.slice(0, detailLengthMax - 1)}…` : line;
}

/** Where it was thrown, for the log; undefined for what is no error. Never throws. */
export function stackOf(thrown: unknown): string | undefined {
  return textOf(() => (thrown instanceof Error ? (thrown.stack ?? "") : ""));
}

// What is thrown may be anything: an error whose message is no text, a getter that throws, a proxy.
function textOf(read: () => unknown): string | undefined {
  try {
    return String(read());
  } catch {
    return undefined;
  }
}

/** A name from outside, quoted and cut, safe in an error text or a log line. */
export function quoted(name: unknown): string {
  return detailOf(typeof name === "string" ? JSON.stringify(name.slice(0, 128).toWellFormed()) : String(name));
}

/** A name as error texts show it: bare, as the guide has it, unless it could garble a log or a terminal. */
export function printable(name: string): string {
  return /^[\w.:/-]{1,128}$/.test(name) ? name : quoted(name);
}

export function assertNever(value: never): never {
  throw new TypeError(`Unexpected variant: ${String(value)}`);
}
