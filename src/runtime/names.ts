// The names under which agents can be reached from outside. A name has one holder.

import type { AgentHandle } from "../agent/handle.ts";
import { ActonError } from "../errors.ts";

const nameBytesMax = 256;

export class Names {
  readonly #holders = new Map<string, AgentHandle>();

  /** Throws NAME_TAKEN, naming the holder, when the name belongs to another agent. */
  expose(name: string, handle: AgentHandle): void {
    this.check(name, handle);
    this.#holders.set(name, handle);
  }

  /** Throws as `expose` would, and changes nothing. */
  check(name: string, handle: AgentHandle): void {
    if (name.length === 0 || Buffer.byteLength(name) > nameBytesMax)
      throw new TypeError(`Cannot expose an agent as ${JSON.stringify(name)}: a name has 1 to ${nameBytesMax} bytes`);
    const holder = this.#holders.get(name);
    if (holder !== undefined && holder.id !== handle.id) {
      throw new ActonError("NAME_TAKEN", `cannot expose ${handle.id} as ${JSON.stringify(name)}: the name belongs to ${holder.id}`);
    }
  }

  /** False when nobody had the name. */
  hide(name: string): boolean {
    return this.#holders.delete(name);
  }

  find(name: string): AgentHandle | undefined {
    return this.#holders.get(name);
  }

  entries(): IterableIterator<[string, AgentHandle]> {
    return this.#holders.entries();
  }
}
