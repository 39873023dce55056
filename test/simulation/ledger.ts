// What the agents of one server have done, by the number that each message carries: whoever asked can be held against it.

import type { World } from "acton/testing";

export interface Work {
  readonly agent: string;
  readonly begunAt: number;
  readonly signal: AbortSignal;
  readonly connection: number | undefined;
  /** It has returned, thrown, or answered. */
  over: boolean;
  /** It has given an answer. */
  answered: boolean;
  /** Items that it has made, for streams. */
  produced: number;
}

export class Ledger {
  readonly works = new Map<number, Work>();
  readonly #world: World;
  readonly #running = new Map<string, number>();
  readonly #lastOfSender = new Map<string, number>();

  readonly #openOf = new Map<number, Work[]>();
  readonly #inFlightMax: number;

  constructor(world: World, inFlightMax: number) {
    this.#world = world;
    this.#inFlightMax = inFlightMax;
  }

  begin(agent: string, n: number, of: { readonly signal: AbortSignal; readonly peer: { readonly connection: number } | undefined }): Work {
    const world = this.#world;
    if (this.works.has(n)) world.fail(`message ${n} was handled twice`);
    if (of.signal.aborted) world.fail(`${agent} began message ${n} for which nobody waits`);
    const work: Work = {
      agent,
      begunAt: world.now,
      signal: of.signal,
      connection: of.peer?.connection,
      over: false,
      answered: false,
      produced: 0,
    };
    this.works.set(n, work);
    if (of.peer !== undefined) this.inOrder(`connection ${of.peer.connection} at ${agent}`, n);
    if (of.peer !== undefined && agent !== "streams") this.#countOpen(of.peer.connection, work);
    return work;
  }

  /** Counts a handler among those that run, from its first line to its last. */
  enter(agent: string, most: number): () => void {
    const running = (this.#running.get(agent) ?? 0) + 1;
    this.#running.set(agent, running);
    if (running > most) this.#world.fail(`${running} handlers of ${agent} run at once, at most ${most} may`);
    return () => void this.#running.set(agent, (this.#running.get(agent) ?? 0) - 1);
  }

  mustNotRun(agent: string): void {
    if ((this.#running.get(agent) ?? 0) > 0) this.#world.fail(`an exclusive handler runs beside ${agent}`);
  }

  /** What one sender sends to one agent comes in its order. */
  inOrder(sender: string, n: number): void {
    const last = this.#lastOfSender.get(sender) ?? -1;
    if (n <= last) this.#world.fail(`message ${n} of ${sender} came after ${last}`);
    this.#lastOfSender.set(sender, n);
  }

  hasBegun(n: number): boolean {
    return this.works.has(n);
  }

  // Requests of one connection that are with an agent and that somebody waits for.
  #countOpen(connection: number, work: Work): void {
    const open = (this.#openOf.get(connection) ?? []).filter(({ over, signal }) => !over && !signal.aborted);
    open.push(work);
    this.#openOf.set(connection, open);
    if (open.length > this.#inFlightMax)
      this.#world.fail(`${open.length} requests of one connection are in flight, at most ${this.#inFlightMax} may be`);
  }
}
