// What one agent has begun outside of its mailbox: schedules, which end with each life, and subscriptions, which end
// with the last one.

import type { BlueprintDefinition } from "./definition.ts";
import type { BroadcastTarget } from "./living.ts";
import type { Schedule } from "./schedule.ts";
import type { AgentServices } from "./services.ts";

export class Belongings {
  #schedules: Set<Schedule> | undefined;
  #subscriptions: Array<() => void> | undefined;
  #closed = false;

  /** Once closed, a schedule ends at once. */
  keep(schedule: Schedule): Schedule {
    if (this.#closed) schedule.abandon();
    else (this.#schedules ??= new Set()).add(schedule);
    return schedule;
  }

  drop(schedule: Schedule): void {
    this.#schedules?.delete(schedule);
  }

  endSchedules(): void {
    for (const schedule of this.#schedules ?? []) schedule.abandon();
  }

  /** Does nothing when they are there already. */
  subscribe({ subscriptions, handlers }: BlueprintDefinition, target: BroadcastTarget, services: AgentServices): void {
    if (this.#subscriptions !== undefined) return;
    const types = [...subscriptions].map((name) => handlers.get(name)?.type).filter((type) => type !== undefined);
    this.#subscriptions = types.map((type) => services.subscribe(type, target));
  }

  unsubscribe(): void {
    for (const cancel of this.#subscriptions ?? []) cancel();
    this.#subscriptions = undefined;
  }

  close(): void {
    this.#closed = true;
    this.unsubscribe();
    this.endSchedules();
  }

  open(): void {
    this.#closed = false;
  }
}
