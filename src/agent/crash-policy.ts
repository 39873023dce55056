// What a handler that threw does to its agent, by the blueprint's word.

import { detailOf } from "../errors.ts";
import type { CrashDecision } from "./definition.ts";
import type { Living } from "./living.ts";
import type { AgentServices } from "./services.ts";

/** Unless the blueprint says something the agent goes on, or is restarted when it is supervised. So does one whose policy fails. */
export function decideCrash({ name, definition: { crashPolicy }, life }: Living, error: unknown, services: AgentServices): CrashDecision {
  const otherwise = life.guardian === undefined ? "resume" : "restart";
  if (typeof crashPolicy !== "function") return crashPolicy ?? otherwise;
  try {
    return services.activity.within(undefined, crashPolicy, error);
  } catch (policyError) {
    services.log.error(`crash policy failed: ${otherwise}`, { agent: name, error: detailOf(policyError) });
    return otherwise;
  }
}
