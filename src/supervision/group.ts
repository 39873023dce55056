// The children of one agent in the order of their start: those that it supervises, and among them those that it has
// only started. Pure bookkeeping; a name is held by one supervised child at a time.

import type { Strategy } from "../agent/definition.ts";
import type { AgentHandle } from "../agent/handle.ts";
import { ActonError } from "../errors.ts";
import { Member } from "./member.ts";
import type { ChildState } from "./plan.ts";

export class Group {
  readonly #parentName: string;
  #children: Array<Member | AgentHandle> = [];

  constructor(parentName: string) {
    this.#parentName = parentName;
  }

  get members(): Member[] {
    return this.#children.filter((child) => child instanceof Member);
  }

  /** Those that are to come up again. */
  get waiting(): Member[] {
    return this.members.filter(({ dueAt }) => dueAt !== undefined);
  }

  /** As plans see it. */
  get states(): ChildState[] {
    return this.members
      .filter(({ state }) => state !== "gone")
      .map(({ handle, definition: { restart }, restarts }) => ({ id: handle.id, restart, restarts }));
  }

  /** All children, the last started first. */
  reversed(): Array<Member | AgentHandle> {
    return [...this.#children].reverse();
  }

  /** When the next one is to come up: whoever is due first, or in a group that restarts together the first, whom nobody overtakes. */
  nextDue(strategy: Strategy): number | undefined {
    const dues = this.waiting.map(({ dueAt }) => dueAt).filter((at) => at !== undefined);
    return strategy === "oneForOne" && dues.length > 0 ? Math.min(...dues) : dues[0];
  }

  add(child: Member | AgentHandle): void {
    this.#children.push(child);
  }

  remove(child: Member | AgentHandle): void {
    this.#children = this.#children.filter((other) => other !== child);
  }

  has(child: Member | AgentHandle): boolean {
    return this.#children.includes(child);
  }

  find(id: string): Member | undefined {
    return this.members.find(({ handle }) => handle.id === id);
  }

  /** Removes a member, which reports no more. ACTOR_NOT_FOUND when there is none with this id. */
  dismiss(id: string): Member {
    const member = this.find(id);
    if (member === undefined) throw new ActonError("ACTOR_NOT_FOUND", `${this.#parentName} does not supervise ${id}`, { subject: id });
    this.remove(member);
    member.left();
    return member;
  }

  /** The child of the blueprint that has this name. */
  lasting(name: string): Member | undefined {
    return this.members.find(({ lasting, definition }) => lasting && definition.name === name);
  }

  checkName(name: string): void {
    if (this.members.some(({ definition }) => definition.name === name))
      throw new ActonError("NAME_TAKEN", `${this.#parentName} supervises a child named ${name} already`, { subject: name });
  }
}
