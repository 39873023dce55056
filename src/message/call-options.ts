// What a caller may say of one call.

export interface CallOptions {
  /** Milliseconds until the call ends with TIMEOUT. */
  readonly timeoutMs?: number;
  /** Aborting it ends the call with CANCELLED. */
  readonly signal?: AbortSignal;
  /** Over a socket: ids of the handlers that wait for this call. Default: those of the handler that makes it. */
  readonly askChain?: readonly string[];
}
