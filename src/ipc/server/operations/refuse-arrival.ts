// The first two questions to anything that asks for work: is the server draining, has this client asked too often.

import type { Failure } from "../../../errors.ts";
import type { AnswerShape } from "../../wire/packet.ts";
import type { Connection } from "../connection.ts";
import type { ServerContext } from "../server-context.ts";

export const shuttingDown: Failure = { code: "SHUTTING_DOWN", message: "the server is shutting down" };

/** Subscriptions are answered while the server drains; they cost a token like a request. */
export function refuseArrival(context: ServerContext, connection: Connection, shape: AnswerShape): Failure | undefined {
  if (context.draining && (shape === "response" || shape === "stream")) return shuttingDown;
  const limiter = connection.rateLimiter;
  if (limiter === undefined) return undefined;
  const retryAfterMs = limiter.take(context.clock.monotonic());
  return retryAfterMs === 0 ? undefined : { code: "RATE_LIMITED", message: `retry after ${retryAfterMs} ms`, retryAfterMs };
}
