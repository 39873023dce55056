// The listener's figures: plain counters, bumped where things happen, copied when somebody asks.

import { type ErrorCode, errorKinds } from "../../errors.ts";

export class ListenerCounters {
  connectionsAccepted = 0;
  connectionsRefused = 0;
  connectionsDenied = 0;
  connectionsOverUserLimit = 0;
  connectionsClosedIdle = 0;
  connectionsClosedSlow = 0;
  readsPaused = 0;
  readsPausedUnfinished = 0;
  framesReceived = 0;
  framesIgnored = 0;
  bytesReceived = 0;
  framesSent = 0;
  bytesSent = 0;
  messagesProcessed = 0;
  requestsOverUserLimit = 0;
  errors = 0;
  pushesSent = 0;
  pushesDropped = 0;
  pushesWithheld = 0;
  readonly errorsByCode: Partial<Record<ErrorCode, number>> = {};

  snapshot(): Figures {
    return { ...(this as Figures), errorsByCode: { ...this.errorsByCode } };
  }

  failed(code: ErrorCode): void {
    this.errors += 1;
    this.errorsByCode[code] = (this.errorsByCode[code] ?? 0) + 1;
  }
}

/** The counters without their methods. */
type Figures = Omit<ListenerCounters, "failed" | "snapshot">;

export interface ListenerStats {
  readonly activeConnections: number;
  readonly connectionsAccepted: number;
  readonly connectionsRefused: number;
  /** Those that the policy did not let in. */
  readonly connectionsDenied: number;
  /** Of those refused, the ones of users who had as many as one user may have. */
  readonly connectionsOverUserLimit: number;
  readonly connectionsClosedIdle: number;
  /** Closed because their peer did not read. */
  readonly connectionsClosedSlow: number;
  readonly requestsInFlight: number;
  /** Bytes of their frames, of open streams', and of messages that are not handled yet. */
  readonly bytesInFlight: number;
  readonly streamsOpen: number;
  /** Requests that wait for one of their connection's places. */
  readonly requestsWaiting: number;
  readonly subscriptions: number;
  /** Bytes of frames that have begun and not ended, all connections together. */
  readonly unfinishedBytes: number;
  /** How often a connection was not read for a while, because too many of its requests or of its answers waited. */
  readonly readsPaused: number;
  /** The same, because the unfinished frames of all were too many bytes. */
  readonly readsPausedUnfinished: number;
  readonly framesReceived: number;
  /** Those of them that ask for nothing: keep-alives, and kinds that only servers send. */
  readonly framesIgnored: number;
  readonly bytesReceived: number;
  readonly framesSent: number;
  readonly bytesSent: number;
  /** Requests that were taken up, whatever their outcome. */
  readonly messagesProcessed: number;
  /** Requests refused because their user had as many in flight as one user may have. */
  readonly requestsOverUserLimit: number;
  /** Failures answered. */
  readonly errors: number;
  readonly errorsByCode: Readonly<Partial<Record<ErrorCode, number>>>;
  readonly pushesSent: number;
  readonly pushesDropped: number;
  /** Pushes that the policy kept from a connection. */
  readonly pushesWithheld: number;
  /** How often a handler held the event loop longer than `lag_warn_ms`, since the runtime started. */
  readonly lags: number;
  readonly longestLagMs: number;
  readonly draining: boolean;
}

/** The figures as they go over the wire: the same names in snake case, errors by their variant. */
export function wireStats(stats: ListenerStats): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(stats)) result[name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)] = value;
  const byVariant = Object.entries(stats.errorsByCode).map(([code, count]) => [errorKinds[code as ErrorCode].variant, count]);
  result["errors_by_code"] = Object.fromEntries(byVariant);
  return result;
}
