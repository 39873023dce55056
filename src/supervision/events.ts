// What supervisors broadcast of their work, for anyone to subscribe to, clients included.

import { z } from "zod";
import { message } from "../message/message-type.ts";

/** `supervisor` and `agent` are ids: a name, a slash and a number. */
const who = { supervisor: z.string(), agent: z.string() };

/** A supervisor looks after the agent from now on. */
export const AgentSupervised = message("AgentSupervised", { ...who, restart: z.enum(["permanent", "transient", "temporary"]) });

/** A supervised agent went down: by itself, by a crash, because it did not come up, or because it is not wanted any more. */
export const AgentTerminated = message("AgentTerminated", {
  ...who,
  reason: z.enum(["stopped", "crashed", "start_failed", "unsupervised"]),
  /** What was thrown, in one line; null where nothing was. */
  error: z.string().nullable(),
});

/** It is up again. `generation` counts its lives from 1. */
export const AgentRestarted = message("AgentRestarted", { ...who, generation: z.int(), backoff_ms: z.number() });

/** A supervisor gives the agent up: it was restarted `restarts` times within the window already. */
export const SupervisionEscalated = message("SupervisionEscalated", {
  ...who,
  restarts: z.int(),
  window_ms: z.number(),
  error: z.string().nullable(),
});

export const supervisionEvents = [AgentSupervised, AgentTerminated, AgentRestarted, SupervisionEscalated];
