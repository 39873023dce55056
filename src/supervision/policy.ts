// What one supervisor goes by: the blueprint's word, and the runtime's numbers where it says none.

import type { Escalation, Strategy, SupervisionOptions } from "../agent/definition.ts";
import type { RuntimeConfig } from "../config.ts";

export interface SupervisionPolicy {
  readonly strategy: Strategy;
  readonly escalation: Escalation;
  readonly restartsMax: number;
  readonly restartWindowMs: number;
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
}

export function policyOf(options: SupervisionOptions, limits: RuntimeConfig): SupervisionPolicy {
  const { restartsMax, restartWindowMs, backoffMs, backoffMaxMs } = limits;
  return { strategy: "oneForOne", escalation: "notifyParent", restartsMax, restartWindowMs, backoffMs, backoffMaxMs, ...options };
}
