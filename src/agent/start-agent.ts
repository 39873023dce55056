// The one way to a running agent.

import { AgentCell } from "./cell.ts";
import type { AnyBlueprint } from "./definition.ts";
import type { StartContext, StartedAgent } from "./living.ts";
import type { AgentServices } from "./services.ts";

/** Resolves when it is up, whatever its `afterStart` still does. Rejects with START_FAILED when it does not start. */
export async function startAgent(blueprint: AnyBlueprint, services: AgentServices, context: StartContext = {}): Promise<StartedAgent> {
  const { definition } = blueprint;
  const cell = definition.placement === undefined ? new AgentCell(definition, services, context) : services.cellElsewhere(definition, context);
  const { handle, life } = cell;
  return { handle, life, ...(await life.start()) };
}
