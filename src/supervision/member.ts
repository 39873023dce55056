// One supervised child: its place in the group, and what its supervisor remembers of it.

import type { ChildDefinition } from "../agent/definition.ts";
import type { SupervisedChild } from "../agent/handle.ts";
import type { Departure, Guardian, StartedAgent } from "../agent/living.ts";

/** The supervisor, as its members report to it. */
export interface MemberOwner {
  departed(member: Member, departure: Departure): void;
  cameUp(member: Member): void;
}

export class Member implements Guardian {
  definition: ChildDefinition;
  /** It is brought back with its parent: a child of the blueprint. */
  readonly lasting: boolean;
  /** `laid`: down with its parent, which brings it back. `gone`: given up or left alone, until the parent starts anew. */
  state: "up" | "down" | "laid" | "gone" = "up";
  /** Monotonic milliseconds at which its restarts were decided. */
  restarts: readonly number[] = [];
  /** When it is to come up again, monotonic; undefined while nothing is planned. */
  dueAt: number | undefined;
  /** How long its last restart waited. */
  backoffMs = 0;
  readonly #owner: MemberOwner;
  #started: StartedAgent | undefined;
  #early: Departure | undefined;
  #unobserve: (() => void) | undefined;

  constructor(definition: ChildDefinition, lasting: boolean, owner: MemberOwner) {
    this.definition = definition;
    this.lasting = lasting;
    this.#owner = owner;
  }

  get handle(): SupervisedChild["handle"] {
    return this.#agent.handle;
  }

  get life(): StartedAgent["life"] {
    return this.#agent.life;
  }

  departed(departure: Departure): void {
    if (this.#started === undefined) this.#early = departure;
    else this.#owner.departed(this, departure);
  }

  /** Its agent has started; it may have gone down again before anyone had heard that. */
  joined(started: StartedAgent): void {
    this.#started = started;
    this.#unobserve = started.life.standing.onChange((status) => {
      if (status === "running") this.#owner.cameUp(this);
    });
    if (this.#early !== undefined) this.#owner.departed(this, this.#early);
  }

  /** It is to come up in `backoffMs`, or later when a later time is planned already. */
  isDue(at: number, backoffMs: number): void {
    this.dueAt = Math.max(this.dueAt ?? 0, at);
    this.backoffMs = backoffMs;
  }

  /** Its parent starts anew, and with it the counting. */
  forget(): void {
    this.restarts = [];
    this.dueAt = undefined;
    this.backoffMs = 0;
  }

  /** Nobody reports to the supervisor any more. */
  left(): void {
    this.dueAt = undefined;
    this.#unobserve?.();
  }

  get #agent(): StartedAgent {
    if (this.#started === undefined) throw new TypeError(`The child ${this.definition.name} has not started yet`);
    return this.#started;
  }
}
