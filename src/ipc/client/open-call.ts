// A call or stream that waits for the server, and the connection that carries it: how each sees the other.

import type { Clock } from "../../clock.ts";
import type { ActonError } from "../../errors.ts";

/** The decoded body of one frame. */
export type Body = Readonly<Record<string, unknown>>;

/** A request as it goes out. */
export interface OutgoingRequest {
  readonly agent: string;
  readonly type: string;
  readonly payload: unknown;
  readonly expects: "delivery" | "reply" | "stream";
  /** Whole milliseconds, or Infinity; undefined leaves it to the server. */
  readonly timeoutMs: number | undefined;
  /** Items that the server may send ahead of credit. */
  readonly window?: number;
  /** Ids of the handlers that wait for the answer. */
  readonly askChain?: readonly string[] | undefined;
}

export interface OpenCall {
  /** Its request id. Set by the connection. */
  id: number;
  /** Where its frame ends among all bytes that the connection has sent. Set by the connection. */
  frameEnd: number;
  /** The payload of a successful reply. */
  answer(payload: unknown): void;
  /** Any other body with its id. */
  receive(body: Body): void;
  /** The connection is gone. */
  fail(error: ActonError): void;
}

/** The connection as its calls see it. */
export interface Carrier {
  readonly clock: Clock;
  /** What still comes for the call is nobody's. */
  forget(call: OpenCall): void;
  /** Forgets the call, and tells the server that nobody waits for it any more. */
  cancel(call: OpenCall): void;
  /** Lets the server send so many more items. */
  grant(call: OpenCall, credit: number): void;
}

/** The server's own word on a timeout says more, so it has this long to arrive. */
export const graceMs = 50;

/** Calls back when the signal aborts. Returns what undoes that; undefined when there is no signal. */
export function onAbort(signal: AbortSignal | undefined, abort: () => void): (() => void) | undefined {
  if (signal === undefined) return undefined;
  signal.addEventListener("abort", abort, { once: true });
  return () => signal.removeEventListener("abort", abort);
}
