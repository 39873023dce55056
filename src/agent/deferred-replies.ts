// The answers of one agent that are still open though their handlers have returned: they end when the agent does.

import type { Failure } from "../errors.ts";
import type { ReplyPort } from "../message/reply-port.ts";

const sweptMin = 64;

export class DeferredReplies {
  readonly #ports = new Set<ReplyPort>();
  #sweepAt = sweptMin;

  add(port: ReplyPort): void {
    this.#ports.add(port);
    // A port does not say when it is answered: those that were go when they may be half of all.
    if (this.#ports.size < this.#sweepAt) return;
    for (const each of this.#ports) if (!each.open) this.#ports.delete(each);
    this.#sweepAt = Math.max(sweptMin, 2 * this.#ports.size);
  }

  abandon(failure: Failure): void {
    for (const port of this.#ports) port.abandon(failure);
    this.#ports.clear();
  }
}
