// The broker of the runtime's thread, for the agents of another one: their broadcasts go out here, and what they want to
// hear goes to them, as far as they keep up.

import type { AgentServices } from "../agent/services.ts";
import type { Broker } from "../broker/broker.ts";
import type { Publication, Subscriber } from "../broker/publication.ts";
import { message, type MessageType } from "../message/message-type.ts";
import type { Speaker } from "./line.ts";
import type { BroadcastPacket } from "./packets.ts";

/** The thread has checked its own; what matters here is the name. */
const unchecked = { "~standard": { version: 1, vendor: "acton", validate: (value: unknown) => ({ value }) } } as const;

export class Topics implements Subscriber {
  readonly #services: AgentServices;
  readonly #broker: Broker;
  readonly #line: Speaker<BroadcastPacket>;
  readonly #agent: string;
  readonly #types = new Map<string, MessageType>();
  readonly #leave = new Map<string, () => void>();
  /** Broadcasts on their way to the thread. */
  #unheard = 0;
  #lost = 0;

  constructor(services: AgentServices, broker: Broker, agent: string, line: Speaker<BroadcastPacket>) {
    this.#services = services;
    this.#broker = broker;
    this.#agent = agent;
    this.#line = line;
  }

  subscribe(type: string): void {
    if (!this.#leave.has(type)) this.#leave.set(type, this.#broker.join(type, this));
  }

  unsubscribe(type: string): void {
    this.#leave.get(type)?.();
    this.#leave.delete(type);
  }

  broadcast({ type, payload, source }: BroadcastPacket): void {
    const known = this.#types.get(type) ?? message(type, unchecked);
    this.#types.set(type, known);
    this.#broker.broadcastFrom(source, known, payload);
  }

  publish({ type, payload, source }: Publication): void {
    if (this.#unheard >= this.#services.limits.subscriberQueueSize) {
      this.#lost += 1;
      return;
    }
    this.#unheard += 1;
    this.#line.send({ kind: "broadcast", type: type.name, payload, source }, (error) => {
      this.#unheard -= 1;
      this.#services.log.warn("broadcast lost: it cannot be copied to another thread", { agent: this.#agent, type: type.name, error });
    });
  }

  heard(notices: number): void {
    this.#unheard -= notices;
    if (this.#lost === 0) return;
    this.#services.log.warn("broadcasts lost: the thread does not keep up", { agent: this.#agent, lost: this.#lost });
    this.#lost = 0;
  }

  flushed(): undefined {
    return undefined;
  }

  end(): void {
    for (const leave of this.#leave.values()) leave();
    this.#leave.clear();
  }
}
