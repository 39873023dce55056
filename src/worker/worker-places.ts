// Where agents go that do not run on the runtime's thread.

import type { BlueprintDefinition } from "../agent/definition.ts";
import type { StartContext } from "../agent/living.ts";
import type { Receiver } from "../agent/receiver.ts";
import type { AgentServices } from "../agent/services.ts";
import { ActonError } from "../errors.ts";
import type { Elsewhere } from "../runtime/agent-system.ts";
import { PoolCell } from "./pool-cell.ts";
import { ThreadCell, type ThreadSupply } from "./thread-cell.ts";

export class WorkerPlaces implements Elsewhere {
  readonly #supply: () => ThreadSupply;

  constructor(supply: () => ThreadSupply) {
    this.#supply = supply;
  }

  cellFor(definition: BlueprintDefinition, services: AgentServices, context: StartContext): Receiver {
    const { placement } = definition;
    if (placement === undefined) throw new ActonError("START_FAILED", `the agent ${definition.name} does not run on a worker`);
    if (placement.kind === "pool") return new PoolCell(definition, services, context);
    return new ThreadCell(definition, services, context, this.#supply());
  }
}
