// One fault as a test has put it: which messages it strikes, what it does to them, how many that were so far. The
// mailboxes ask it; what they hold back for it is released when it ends.

import type { Envelope, Peer } from "../message/envelope.ts";
import type { MessageType } from "../message/message-type.ts";
import type { Random } from "../random.ts";

/** Which messages: all for which everything that is given here holds. */
export interface FaultMatch {
  /** Name or id of the agent that the message goes to. */
  readonly agent?: string;
  readonly type?: MessageType;
  /** Whoever is at the other end of the message's connection, or some of what is known of them; "local": no connection. */
  readonly peer?: "local" | Partial<Peer>;
  /** Strikes so many messages, and no further. */
  readonly times?: number;
  /** Strikes a message with this probability, by the runtime's Random. */
  readonly probability?: number;
}

/** A fault that is in force until it ends. */
export interface Fault extends Disposable {
  /** Messages that it has struck. */
  readonly hits: number;
  /** Ends it. What it holds goes on at once. */
  end(): void;
}

export type FaultEffect =
  | { readonly kind: "drop" | "duplicate" | "reorder" | "stall" }
  | { readonly kind: "delay"; readonly ms: number }
  | { readonly kind: "crash"; readonly error: unknown };

export class FaultRule implements Fault {
  readonly effect: FaultEffect;
  /** What goes on when the fault ends. */
  readonly held = new Set<() => void>();
  hits = 0;
  readonly #match: FaultMatch;
  readonly #over = Promise.withResolvers<void>();
  readonly #onEnd: () => void;

  constructor(match: FaultMatch, effect: FaultEffect, onEnd: () => void) {
    const { times = 1, probability = 1 } = match;
    if (!(times >= 1)) throw new RangeError(`Cannot strike ${times} times: at least once`);
    if (!(probability >= 0 && probability <= 1)) throw new RangeError(`Cannot strike with a probability of ${probability}: it is from 0 to 1`);
    if (effect.kind === "delay" && !(effect.ms >= 0)) throw new RangeError(`Cannot delay by ${effect.ms} ms: at least 0`);
    this.#match = match;
    this.effect = effect;
    this.#onEnd = onEnd;
  }

  get ended(): Promise<void> {
    return this.#over.promise;
  }

  end(): void {
    this.#onEnd();
    this.#over.resolve();
    for (const goOn of [...this.held]) goOn();
  }

  [Symbol.dispose](): void {
    this.end();
  }

  /** Counts the message when it is struck. */
  strikes(owner: { readonly name: string; readonly id: string }, envelope: Envelope, random: Random): boolean {
    const { agent, type, peer, times = Infinity, probability = 1 } = this.#match;
    if (this.hits >= times) return false;
    if (agent !== undefined && agent !== owner.name && agent !== owner.id) return false;
    if (type !== undefined && type.name !== envelope.type.name) return false;
    if (peer !== undefined && !isFrom(peer, envelope.origin?.peer)) return false;
    if (probability < 1 && random.next() >= probability) return false;
    this.hits += 1;
    return true;
  }
}

const peerFields = ["connection", "uid", "gid", "pid"] as const satisfies ReadonlyArray<keyof Peer>;

function isFrom(wanted: "local" | Partial<Peer>, peer: Peer | undefined): boolean {
  if (wanted === "local") return peer === undefined;
  return peer !== undefined && peerFields.every((field) => wanted[field] === undefined || wanted[field] === peer[field]);
}
