// What giving a child up means beyond the child: everybody who listens is told, and then either the supervisor's own
// parent is, or the supervisor ends as if it had crashed.

import type { Living } from "../agent/living.ts";
import type { AgentServices } from "../agent/services.ts";
import { ActonError } from "../errors.ts";
import { Envelope } from "../message/envelope.ts";
import { SupervisionEscalated } from "./events.ts";
import type { SupervisionPolicy } from "./policy.ts";

export interface GivenUp {
  /** The child's id. */
  readonly agent: string;
  readonly restarts: number;
  readonly error: string | null;
}

export function escalate(parent: Living, child: GivenUp, policy: SupervisionPolicy, services: AgentServices): void {
  const payload = { ...child, supervisor: parent.id, window_ms: policy.restartWindowMs };
  services.log.error("child given up", payload);
  services.publisherFor(parent.name).broadcast(SupervisionEscalated, payload);
  if (policy.escalation === "stopSupervisor") {
    parent.life.giveUp(new ActonError("AGENT_STOPPED", `${child.agent} was restarted ${child.restarts} times, and went down again`));
    return;
  }
  const told = parent.parent;
  if (told === undefined || told.definition.subscriptions.has(SupervisionEscalated.name)) return;
  if (told.definition.handlers.has(SupervisionEscalated.name)) told.offer(new Envelope(SupervisionEscalated, payload, null, undefined, undefined));
}
