// Refs to agents of the thread that started this one, by their id: of those that have sent something here, until they are gone.

import { type CallerServices, RecipientRef } from "../agent/ref.ts";
import type { AgentRef } from "../message/agent-ref.ts";
import type { MessageType } from "../message/message-type.ts";
import { BorrowedAgent, type BorrowerServices } from "./borrowed-agent.ts";
import type { OutgoingCalls } from "./outgoing-calls.ts";
import type { AgentName } from "./packets.ts";

export class BorrowedAgents {
  readonly #calls: OutgoingCalls;
  readonly #services: BorrowerServices & CallerServices;
  readonly #borrowed = new Map<string, { readonly agent: BorrowedAgent; readonly ref: AgentRef<MessageType> }>();

  constructor(calls: OutgoingCalls, services: BorrowerServices & CallerServices) {
    this.#calls = calls;
    this.#services = services;
  }

  refTo(name: AgentName): AgentRef<MessageType> {
    const known = this.#borrowed.get(name.id);
    if (known !== undefined) return known.ref;
    const agent = new BorrowedAgent(name, this.#calls, this.#services);
    const ref = new RecipientRef<MessageType>(agent, this.#services);
    if (name.gone === true) agent.gone();
    else this.#borrowed.set(name.id, { agent, ref });
    return ref;
  }

  taken(id: string, calls: number): void {
    this.#borrowed.get(id)?.agent.taken(calls);
  }

  gone(id: string): void {
    this.#borrowed.get(id)?.agent.gone();
    this.#borrowed.delete(id);
  }
}
