// Where one agent stands between its start and its end, and who wants to know. Observers are somebody else's code:
// called outside of the agent's own reckoning, and harmless when they throw.

import { detailOf, stackOf } from "../errors.ts";
import type { AgentStatus } from "./handle.ts";
import type { AgentServices } from "./services.ts";

interface Observer {
  readonly changed?: (status: AgentStatus) => void;
  readonly gone?: () => void;
}

export class Standing {
  status: AgentStatus = "starting";
  readonly #agent: string;
  readonly #services: AgentServices;
  #gone = false;
  #observers: Set<Observer> | undefined;

  constructor(agent: string, services: AgentServices) {
    this.#agent = agent;
    this.#services = services;
  }

  set(status: AgentStatus): void {
    this.status = status;
    this.#gone = false;
    for (const { changed } of [...(this.#observers ?? [])]) if (changed !== undefined) this.#call(changed, status);
  }

  /** It has stopped, and nobody will bring it back. */
  setGone(): void {
    this.#gone = true;
    for (const observer of [...(this.#observers ?? [])]) {
      if (observer.gone === undefined) continue;
      this.#observers?.delete(observer);
      this.#call(observer.gone, undefined);
    }
  }

  /** Calls back at each change. Returns what undoes it. */
  onChange(changed: (status: AgentStatus) => void): () => void {
    return this.#add({ changed });
  }

  /** Calls back once, when it is gone; at once when it is. Returns what undoes it. */
  onGone(gone: () => void): () => void {
    if (!this.#gone) return this.#add({ gone });
    this.#call(gone, undefined);
    return () => {};
  }

  #add(observer: Observer): () => void {
    const observers = (this.#observers ??= new Set());
    observers.add(observer);
    return () => observers.delete(observer);
  }

  #call<Argument>(callback: (argument: Argument) => void, argument: Argument): void {
    try {
      this.#services.activity.within(undefined, callback, argument);
    } catch (error) {
      this.#services.log.error("watcher failed", { agent: this.#agent, error: detailOf(error), stack: stackOf(error) });
    }
  }
}
