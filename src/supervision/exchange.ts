// The children of one agent while its code is exchanged: those of the blueprint follow by their names, in place, and take
// the order of the new code. None that may be needed again ends before it is settled which code goes on.

import type { ChildDefinition } from "../agent/definition.ts";
import type { Living, Within } from "../agent/living.ts";
import { isSamePlace } from "../agent/placement.ts";
import type { Group } from "./group.ts";
import { Member } from "./member.ts";

export class Exchange {
  readonly #parent: Living;
  readonly #group: Group;
  readonly #end: (member: Member) => Promise<void>;

  /** `end` ends a child for good. */
  constructor(parent: Living, group: Group, end: (member: Member) => Promise<void>) {
    this.#parent = parent;
    this.#group = group;
    this.#end = end;
  }

  async finish(within: Within): Promise<void> {
    for (const child of this.#group.reversed()) if (child instanceof Member) await child.life.succession.finish(within);
  }

  resume(): void {
    for (const { life } of this.#group.members) life.succession.resume();
  }

  /** The child that is to come up with this definition; undefined when there is none. An agent does not move: elsewhere it is another one. */
  async memberFor(definition: ChildDefinition): Promise<Member | undefined> {
    const member = this.#group.lasting(definition.name);
    if (member === undefined || this.#parent.bequest === undefined) return member;
    const { blueprint } = definition;
    if (!isSamePlace(blueprint.definition, member.definition.blueprint.definition)) {
      await this.#end(member);
      return undefined;
    }
    member.definition = definition;
    member.life.succession.adopt(blueprint.definition);
    this.#group.remove(member);
    this.#group.add(member);
    return member;
  }

  async settle(): Promise<void> {
    const { children } = this.#parent.definition;
    for (const member of this.#group.members) {
      if (!member.lasting || children.includes(member.definition)) await member.life.succession.settle();
      else await this.#end(member);
    }
  }
}
