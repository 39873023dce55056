// Agents of the runtime's thread that another thread may send to, because one of its agents was sent something by them.

import { Receiver } from "../agent/receiver.ts";
import type { RecipientRef } from "../agent/ref.ts";
import type { AgentName } from "./packets.ts";

interface Lent {
  readonly agent: Receiver;
  readonly unwatch: () => void;
}

export class LentAgents {
  readonly #lent = new Map<string, Lent>();
  readonly #gone: (id: string) => void;

  /** `gone` is told when one of them is. */
  constructor(gone: (id: string) => void) {
    this.#gone = gone;
  }

  lend({ recipient }: RecipientRef): AgentName {
    const { id, name } = recipient;
    if (this.#lent.has(id) || !(recipient instanceof Receiver)) return { id, name };
    let gone = false;
    const unwatch = recipient.watch(() => {
      gone = true;
      if (this.#lent.delete(id)) this.#gone(id);
    });
    if (!gone) this.#lent.set(id, { agent: recipient, unwatch });
    return { id, name, gone };
  }

  find(id: string): Receiver | undefined {
    return this.#lent.get(id)?.agent;
  }

  end(): void {
    for (const { unwatch } of this.#lent.values()) unwatch();
    this.#lent.clear();
  }
}
