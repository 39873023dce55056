// What a handler that threw does to its agent, by the blueprint's word.

import { detailOf } from "../errors.ts";
import type { CrashDecision } from "./definition.ts";
import type { Living } from "./living.ts";
import type { AgentServices } from "./services.ts";

const decisions: readonly CrashDecision[] = ["resume", "restart", "stop"];

/** Unless the blueprint says something the agent goes on, or is restarted when it is supervised. So does one whose policy fails. */
export function decideCrash(
  { name, definition: { crashPolicy }, life }: Pick<Living, "name" | "definition" | "life">,
  error: unknown,
  services: AgentServices,
): CrashDecision {
  const otherwise = life.guardian === undefined ? "resume" : "restart";
  if (crashPolicy === undefined) return otherwise;
  try {
    const decision = typeof crashPolicy === "string" ? crashPolicy : services.activity.within(undefined, crashPolicy, error);
    if (!decisions.includes(decision)) throw new TypeError(`onCrash says none of ${decisions.join(", ")}`);
    return decision;
  } catch (policyError) {
    services.log.error(otherwise === "resume" ? "crash policy failed, resuming" : "crash policy failed, restarting", {
      agent: name,
      error: detailOf(policyError),
    });
    return otherwise;
  }
}
