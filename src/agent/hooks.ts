// Runs an agent's life-cycle hooks. A hook is nobody's handler, whoever it was that made the agent start or stop.

import { detailOf, stackOf } from "../errors.ts";
import type { HookName } from "./definition.ts";
import type { Living } from "./living.ts";
import type { AgentServices } from "./services.ts";

type HookOwner = Pick<Living, "name" | "argument" | "definition">;

/** Rejects with what the hook throws. */
export async function runHook(owner: HookOwner, name: HookName, services: AgentServices): Promise<void> {
  const hook = owner.definition.hooks[name];
  if (hook === undefined) return;
  const run = (): unknown => services.activity.within(undefined, hook, owner.argument as never);
  await (services.lag === undefined ? run() : services.lag.time(owner.name, name, run));
}

/** Logs and counts what the hook throws. */
export async function runHookGuarded(owner: HookOwner, name: HookName, services: AgentServices): Promise<void> {
  try {
    await runHook(owner, name, services);
  } catch (error) {
    services.counters.crashed += 1;
    services.log.error("hook failed", { agent: owner.name, hook: name, error: detailOf(error), stack: stackOf(error) });
  }
}
