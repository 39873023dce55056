// The decision of a supervisor, and nothing but the decision: who went down, and what is to be done about it. A pure
// function of data, time and chance included; supervisor.ts carries it out.

import type { RestartKind } from "../agent/definition.ts";
import { backoffOf, recentRestarts } from "./intensity.ts";
import type { SupervisionPolicy } from "./policy.ts";

/** A child that has not been given up, in the order of start. */
export interface ChildState {
  readonly id: string;
  readonly restart: RestartKind;
  /** Monotonic milliseconds at which its restarts were decided, rising. */
  readonly restarts: readonly number[];
}

export interface Incident {
  /** The child that went down. */
  readonly id: string;
  readonly reason: "stopped" | "crashed" | "startFailed";
  /** Monotonic milliseconds. */
  readonly now: number;
  /** From 0 to 1, for the jitter. */
  readonly chance: number;
}

export type Plan =
  /** It is not brought back. */
  | { readonly kind: "leave" }
  /** It has been brought back too often. */
  | { readonly kind: "escalate"; readonly restarts: number }
  | {
      readonly kind: "restart";
      /** Siblings that go down with it, the last started first. */
      readonly lower: readonly string[];
      /** Who comes up again once all of them are down, in the order of start. */
      readonly raise: readonly string[];
      /** Siblings that go down and are not brought back. */
      readonly end: readonly string[];
      readonly afterMs: number;
      /** The child's restarts from now on, this one included. */
      readonly restarts: readonly number[];
    };

export function planFor(incident: Incident, group: readonly ChildState[], policy: SupervisionPolicy): Plan {
  const { id, reason, now, chance } = incident;
  const place = group.findIndex((child) => child.id === id);
  const child = group[place];
  if (child === undefined || !comesBack(child.restart, reason)) return { kind: "leave" };
  const recent = recentRestarts(child.restarts, now, policy);
  if (recent.length >= policy.restartsMax) return { kind: "escalate", restarts: recent.length };
  const concerned = concernedBy(place, group, policy);
  const siblings = concerned.filter((other) => other !== child);
  const isTemporary = ({ restart }: ChildState): boolean => restart === "temporary";
  return {
    kind: "restart",
    lower: siblings.map((other) => other.id).reverse(),
    raise: concerned.filter((other) => !isTemporary(other)).map((other) => other.id),
    end: siblings.filter(isTemporary).map((other) => other.id),
    afterMs: backoffOf(recent.length, chance, policy),
    restarts: [...recent, now],
  };
}

function comesBack(restart: RestartKind, reason: Incident["reason"]): boolean {
  return restart === "permanent" || (restart === "transient" && reason !== "stopped");
}

function concernedBy(place: number, group: readonly ChildState[], { strategy }: SupervisionPolicy): readonly ChildState[] {
  switch (strategy) {
    case "oneForOne":
      return group.slice(place, place + 1);
    case "oneForAll":
      return group;
    case "restForOne":
      return group.slice(place);
  }
}
