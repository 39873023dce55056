// Cycles of asks that leave the process and come back: each handler that asks over a socket has an id, sent along with the
// ask; what comes in with the id of a handler that runs here is an ask of that handler, as if it had been made here.
// Nothing is kept, and no id made, for handlers that ask over no socket.

import { askChainMax } from "../ask-chain.ts";
import type { Failure } from "../errors.ts";
import type { MessageType } from "../message/message-type.ts";
import type { Recipient } from "../message/recipient.ts";
import type { Random } from "../random.ts";
import type { Activity, Caller } from "./activity.ts";

/** An ask that came with a chain. */
export interface ChainedAsk {
  /** The handler here that waits for its answer, be it by way of other processes; undefined when none does. */
  readonly asker: Caller | undefined;
  /** Handlers elsewhere stand between the two. */
  readonly roundabout: boolean;
  /** Ids of those elsewhere that wait for it; undefined when none do. */
  readonly elsewhere: readonly string[] | undefined;
}

const sweptMin = 64;

export class AskChains {
  readonly #random: Random;
  readonly #activity: Activity;
  readonly #chains = new WeakMap<Caller, readonly string[]>();
  readonly #handlers = new Map<string, Caller>();
  #sweepAt = sweptMin;

  constructor(random: Random, activity: Activity) {
    this.#random = random;
    this.#activity = activity;
  }

  /** Handlers that have an id, and some that had one. */
  get known(): number {
    return this.#handlers.size;
  }

  /** The chain of what the handler asks: those elsewhere that wait for it, then itself. Of too many the farthest are left out. */
  of(handler: Caller, elsewhere: readonly string[] = []): readonly string[] {
    const known = this.#chains.get(handler);
    if (known !== undefined) return known;
    const id = this.#newId();
    const chain = [...elsewhere, id].slice(-askChainMax);
    this.#chains.set(handler, chain);
    this.#handlers.set(id, handler);
    this.#sweep();
    return chain;
  }

  /** Who of the chain is here, and who elsewhere. Those here that wait for one another know it themselves: the nearest is enough. */
  read(chain: readonly string[]): ChainedAsk {
    const at = chain.findLastIndex((id) => this.#handlers.has(id));
    const nearest = this.#handlers.get(chain[at] ?? "");
    const elsewhere = chain.filter((id) => !this.#handlers.has(id));
    return {
      asker: nearest?.settled === false ? nearest : undefined,
      roundabout: at < chain.length - 1,
      elsewhere: elsewhere.length === 0 ? undefined : elsewhere,
    };
  }

  /** Why the ask would wait for itself; undefined when it would not. */
  cycle({ asker, roundabout }: ChainedAsk, recipient: Recipient, type: MessageType): Failure | undefined {
    if (asker === undefined) return undefined;
    const cycle = this.#activity.within(asker, (asked) => recipient.askCycle(asked), type);
    return cycle === undefined || !roundabout ? cycle : { ...cycle, message: `${cycle.message}, by way of another process` };
  }

  #newId(): string {
    const part = (): string =>
      Math.floor(this.#random.next() * 2 ** 32)
        .toString(16)
        .padStart(8, "0");
    return part() + part();
  }

  // A handler does not say when it has settled: those that have go when they may be half of all.
  #sweep(): void {
    if (this.#handlers.size < this.#sweepAt) return;
    for (const [id, handler] of this.#handlers) if (handler.settled) this.#handlers.delete(id);
    this.#sweepAt = Math.max(sweptMin, 2 * this.#handlers.size);
  }
}
