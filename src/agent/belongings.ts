// What one agent has begun outside of its mailbox: schedules, which end with each life, and subscriptions, which end
// with the last one.

import type { BlueprintDefinition } from "./definition.ts";
import type { BroadcastTarget } from "./living.ts";
import type { Schedule } from "./schedule.ts";
import type { AgentServices } from "./services.ts";

export class Belongings {
  #schedules: Set<Schedule> | undefined;
  #subscriptions: Map<string, () => void> | undefined;
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

  /** Subscribes to what the definition says, and to nothing else; what is there already stays. */
  subscribe({ subscriptions, handlers }: BlueprintDefinition, target: BroadcastTarget, services: AgentServices): void {
    const held = (this.#subscriptions ??= new Map());
    for (const name of subscriptions) {
      const type = handlers.get(name)?.type;
      if (type !== undefined && !held.has(name)) held.set(name, services.subscribe(type, target));
    }
    for (const name of held.keys()) if (!subscriptions.has(name)) this.#unsubscribe(held, name);
  }

  unsubscribe(): void {
    const held = this.#subscriptions ?? new Map<string, () => void>();
    for (const name of held.keys()) this.#unsubscribe(held, name);
  }

  close(): void {
    this.#closed = true;
    this.unsubscribe();
    this.endSchedules();
  }

  open(): void {
    this.#closed = false;
  }

  #unsubscribe(held: Map<string, () => void>, name: string): void {
    held.get(name)?.();
    held.delete(name);
  }
}
