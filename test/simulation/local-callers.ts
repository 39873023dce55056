// Callers inside of a server's process: asks, sends into full mailboxes, streams, subscribers of the broker.

import { ActonError, type AgentHandle, agent, type MessageType } from "acton";
import type { World } from "acton/testing";
import type { Life } from "./server.ts";
import { Alone, Count, NewsOne, Note, pause, Put, Slow } from "./services.ts";

interface Asking {
  readonly n: number;
  readonly at: number;
  readonly timeoutMs: number;
}

export interface LocalLimits {
  readonly mailboxSize: number;
  readonly waitingSendersMax: number;
  readonly sendTimeoutMs: number;
  readonly subscriberQueueSize: number;
}

/** How far an agent's stream may be ahead of its reader: the buffer, and the item on its way into it. */
const streamAheadMax = 17;

export class LocalCallers {
  readonly #world: World;
  readonly #life: Life;
  readonly #limits: LocalLimits;
  readonly #nextN: () => number;
  readonly #asking = new Set<Asking>();
  #bounded: AgentHandle<typeof Put> | undefined;
  #waiting: AgentHandle<typeof Put> | undefined;
  /** Messages in the mailbox of `bounded`, as far as its senders and its handler know. */
  #queued = 0;
  #senders = 0;
  /** Those in the mailbox of `waiting`. */
  #sent = 0;
  #stopped = false;
  #subscription: { readonly lost: number; cancel(): void } | undefined;
  #published = 0;
  #heard = 0;

  constructor(world: World, life: Life, { limits, nextN }: { readonly limits: LocalLimits; readonly nextN: () => number }) {
    this.#world = world;
    this.#life = life;
    this.#limits = limits;
    this.#nextN = nextN;
  }

  async begin(): Promise<void> {
    const { app, ledger } = this.#life;
    const bounded = agent("bounded", () => ({})).mutateOn(Put, async ({ message, clock }) => {
      this.#queued -= 1;
      ledger.inOrder("bounded", message.n);
      await pause(clock, message.ms);
    });
    const waiting = agent("waiting", () => ({})).mutateOn(Put, async ({ message, clock }) => {
      this.#sent -= 1;
      ledger.inOrder("waiting", message.n);
      await pause(clock, message.ms);
    });
    this.#bounded = await app.start(bounded);
    this.#waiting = await app.start(waiting);
    this.#subscription = app.broker().subscribe(NewsOne, async () => {
      await pause(this.#life.process.clock, 5);
      this.#heard += 1;
    });
  }

  /** To be called with each broadcast of NewsOne. */
  published(): void {
    this.#published += 1;
  }

  /** A mailbox takes exactly so many. */
  trySends(): void {
    for (let i = this.#world.choices.pick([2, 1, 6, 24]); i > 0; i--) {
      const taken = this.#bounded?.trySend(Put, { n: this.#nextN(), ms: this.#world.choices.pick([0, 10, 40]) });
      if (taken === undefined || this.#over) return;
      if (taken) this.#queued += 1;
      if (taken && this.#queued > this.#limits.mailboxSize) this.#fail(`${this.#queued} messages are in a mailbox of ${this.#limits.mailboxSize}`);
      if (!taken && this.#queued < this.#limits.mailboxSize) this.#fail(`a mailbox of ${this.#limits.mailboxSize} is full with ${this.#queued}`);
    }
  }

  /** Waits for room for exactly so long, beside at most so many others. */
  async send(): Promise<void> {
    const { waitingSendersMax, sendTimeoutMs } = this.#limits;
    const at = this.#world.now;
    const before = this.#senders;
    const sent = this.#waiting?.send(Put, { n: this.#nextN(), ms: this.#world.choices.pick([5, 50]) });
    this.#senders += 1;
    try {
      await sent;
      this.#sent += 1;
      if (this.#sent > this.#limits.mailboxSize) this.#fail(`${this.#sent} messages were let into a mailbox of ${this.#limits.mailboxSize}`);
      if (this.#world.now > at + sendTimeoutMs) this.#fail(`a send waited ${this.#world.now - at} ms`);
    } catch (error) {
      const waitedMs = this.#world.now - at;
      if (!(error instanceof ActonError)) throw error;
      if (error.code === "TARGET_BUSY" && waitedMs === 0 && before < waitingSendersMax) this.#fail(`a send was refused beside ${before} others`);
      else if (error.code === "TARGET_BUSY" && waitedMs !== 0 && waitedMs !== sendTimeoutMs) this.#fail(`a send gave up after ${waitedMs} ms`);
      else if (error.code !== "TARGET_BUSY" && !this.#over) this.#fail(`a send failed: ${error.message}`);
    } finally {
      this.#senders -= 1;
    }
  }

  async ask(): Promise<void> {
    const { choices } = this.#world;
    const [name, type] = choices.pick<readonly [string, typeof Slow | typeof Alone]>([
      ["slow", Slow],
      ["alone", Alone],
    ]);
    const asking: Asking = { n: this.#nextN(), at: this.#world.now, timeoutMs: choices.pick([200, 30, 0, 1000]) };
    const handle = this.#life.agents.get(name) as AgentHandle<MessageType> | undefined;
    this.#asking.add(asking);
    const { n, at, timeoutMs } = asking;
    try {
      const answer = (await handle?.ask(type as never, { n, ms: choices.between(0, 120) } as never, { timeoutMs })) as
        | { readonly n: number }
        | undefined;
      if (answer !== undefined && answer.n !== n) this.#fail(`ask ${n} got the answer to ${answer.n}`);
      if (this.#world.now > at + timeoutMs) this.#fail(`ask ${n} was answered after ${this.#world.now - at} of ${timeoutMs} ms`);
    } catch (error) {
      if (!(error instanceof ActonError)) throw error;
      const tookMs = this.#world.now - at;
      if (error.code === "TIMEOUT" && Math.abs(tookMs - timeoutMs) > 1e-6) this.#fail(`ask ${n} timed out after ${tookMs} of ${timeoutMs} ms`);
      const busy = error.code === "TARGET_BUSY";
      if (error.code !== "TIMEOUT" && !busy && !this.#over) this.#fail(`ask ${n} failed with ${error.code}`);
      if (busy && this.#life.ledger.hasBegun(n)) this.#fail(`ask ${n} found no room, and ran`);
    }
    this.#asking.delete(asking);
  }

  async stream(): Promise<void> {
    const { choices } = this.#world;
    const n = this.#nextN();
    const handle = this.#life.agents.get("streams") as AgentHandle<MessageType> | undefined;
    const items = choices.pick([40, 5]);
    const stopAt = choices.pick([Infinity, 2]);
    let i = 0;
    try {
      const stream = handle?.stream(Count as never, { n, items, ms: 0, size: 0 } as never) as AsyncIterable<{ readonly i: number }> | undefined;
      for await (const item of stream ?? []) {
        if (item.i !== i) this.#fail(`item ${i} of stream ${n} is ${item.i}`);
        i += 1;
        const ahead = (this.#life.ledger.works.get(n)?.produced ?? 0) - i;
        if (ahead > streamAheadMax) this.#fail(`stream ${n} is ${ahead} items ahead of its reader`);
        if (choices.once(4)) await pause(this.#life.process.clock, 15);
        if (i >= stopAt) return;
      }
      if (i !== items && !this.#over) this.#fail(`stream ${n} ended after ${i} of ${items} items`);
    } catch (error) {
      if (!(error instanceof ActonError)) throw error;
      if (!this.#over && error.code !== "TARGET_BUSY") this.#fail(`stream ${n} failed with ${error.code}`);
    }
  }

  notes(): void {
    const handle = this.#life.agents.get("notes") as AgentHandle<MessageType> | undefined;
    for (let i = this.#world.choices.between(1, 8); i > 0; i--) {
      handle?.send(Note as never, { sender: "local", n: this.#nextN() } as never).catch(() => {});
    }
  }

  check(): void {
    const { now } = this.#world;
    if (this.#life.killed) return;
    for (const { n, at, timeoutMs } of this.#asking)
      if (now > at + timeoutMs) this.#fail(`ask ${n} has had no outcome after ${now - at} of ${timeoutMs} ms`);
    if (this.#senders > this.#limits.waitingSendersMax) this.#fail(`${this.#senders} senders wait, at most ${this.#limits.waitingSendersMax} may`);
    const queued = this.#published - this.#heard - (this.#subscription?.lost ?? 0);
    if (queued < 0 || queued > this.#limits.subscriberQueueSize)
      this.#fail(`${queued} broadcasts wait in a queue of ${this.#limits.subscriberQueueSize}`);
  }

  get #over(): boolean {
    return this.#stopped || this.#life.state === "stopping" || this.#life.state === "over";
  }

  #fail(what: string): void {
    this.#world.fail(`in server ${this.#life.number}: ${what}`);
  }
}
