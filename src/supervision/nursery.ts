// Starts the children of one agent. A child joins the group only while its parent still has the life in which it was
// started, and its name is free; otherwise it ends again.

import { type AnyBlueprint, type ChildDefinition, type StartOptions } from "../agent/definition.ts";
import type { AgentHandle } from "../agent/handle.ts";
import { agentStopped, type Living, type StartContext, type StartedAgent } from "../agent/living.ts";
import type { AgentServices } from "../agent/services.ts";
import { ActonError } from "../errors.ts";
import type { MessageType } from "../message/message-type.ts";
import { AgentSupervised } from "./events.ts";
import type { Group } from "./group.ts";
import { Member, type MemberOwner } from "./member.ts";

export class Nursery {
  readonly #parent: Living;
  readonly #services: AgentServices;
  readonly #group: Group;
  readonly #owner: MemberOwner;

  constructor(parent: Living, services: AgentServices, group: Group, owner: MemberOwner) {
    this.#parent = parent;
    this.#services = services;
    this.#group = group;
    this.#owner = owner;
  }

  /** One that nobody supervises. */
  async start(blueprint: AnyBlueprint, options: StartOptions | undefined): Promise<AgentHandle<MessageType>> {
    const started = await this.#startAgent(blueprint, { ...options }, ({ handle }) => {
      this.#group.add(handle);
      handle.watch(() => this.#group.remove(handle));
    });
    return started.handle;
  }

  async startMember(definition: ChildDefinition, lasting: boolean): Promise<StartedAgent> {
    const { blueprint, name, restart } = definition;
    this.#services.supervisionBegins();
    this.#group.checkName(name);
    const member = new Member(definition, lasting, this.#owner);
    return this.#startAgent(blueprint, { name, guardian: member }, (started) => {
      // Another child may have taken the name meanwhile.
      this.#group.checkName(name);
      this.#group.add(member);
      this.#services.publisherFor(this.#parent.name).broadcast(AgentSupervised, { supervisor: this.#parent.id, agent: started.handle.id, restart });
      member.joined(started);
    });
  }

  /** AGENT_STOPPED when the life of the parent is not the same any more once the child has started: then it does not join. */
  async #startAgent(blueprint: AnyBlueprint, context: StartContext, join: (started: StartedAgent) => void): Promise<StartedAgent> {
    const { life } = this.#parent;
    const { era } = life;
    const started = await this.#services.startAgent(blueprint, { ...context, parent: this.#parent });
    try {
      if (era === undefined || life.era !== era) throw ActonError.from(agentStopped);
      join(started);
    } catch (error) {
      await started.life.end();
      throw error;
    }
    await started.afterStart;
    return started;
  }
}
