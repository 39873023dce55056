// A program with our client, in either format, with and without reconnect: one outcome for each call, by its time.

import { ActonError, type MessageType } from "acton";
import type { Client } from "acton/client";
import type { SimulatedProcess, World } from "acton/testing";
import { path, type Servers } from "./server.ts";
import { Alone, Count, CountAlone, Crash, Echo, Later, NewsOne, Note, Relay, Slow } from "./services.ts";

/** What the client adds to a call's time for the server's own word on it. */
const graceMs = 50;

interface Calling {
  readonly n: number;
  readonly at: number;
  readonly due: number;
}

export class LibraryCaller {
  readonly process: SimulatedProcess;
  readonly client: Client;
  readonly #world: World;
  readonly #servers: Servers;
  readonly #nextN: () => number;
  readonly #open = new Set<Calling>();
  #closed = false;
  /** Those that are read. */
  streams = 0;

  private constructor(
    world: World,
    servers: Servers,
    options: { readonly process: SimulatedProcess; readonly nextN: () => number; readonly client: Client },
  ) {
    this.#world = world;
    this.#servers = servers;
    this.process = options.process;
    this.client = options.client;
    this.#nextN = options.nextN;
  }

  static async connect(world: World, servers: Servers, nextN: () => number): Promise<LibraryCaller | undefined> {
    const process = world.process();
    const format = world.choices.pick(["json", "msgpack"] as const);
    const reconnect = world.choices.pick([false, { backoffMs: 20, backoffMsMax: 200 }]);
    try {
      const client = await process.connect(path, { format, reconnect, keepAliveMs: 400, timeoutMs: 700 });
      return new LibraryCaller(world, servers, { process, nextN, client });
    } catch (error) {
      if (!(error instanceof ActonError) || error.code !== "CONNECTION_CLOSED") world.fail(`connect failed: ${String(error)}`);
      return undefined;
    }
  }

  async ask(): Promise<void> {
    const { choices } = this.#world;
    const n = this.#nextN();
    const [agent, type, payload] = choices.pick<readonly [string, MessageType, object]>([
      ["echo", Echo, { n, size: choices.pick([0, 3000]) }],
      ["slow", Slow, { n, ms: choices.between(0, 100) }],
      ["alone", Alone, { n, ms: choices.between(0, 50) }],
      ["slow", Later, { n, ms: choices.between(0, 100) }],
      ["crasher", Crash, { n, late: choices.once(2) }],
      ["relay", Relay, { n, ms: choices.between(0, 130), to: choices.pick(["slow", "alone", "self"]) }],
    ]);
    const timeoutMs = choices.pick([700, 60, 300]);
    const abort = new AbortController();
    const calling: Calling = { n, at: this.#world.now, due: this.#world.now + timeoutMs + graceMs };
    this.#open.add(calling);
    const asked = this.client.ask(agent, type.name, payload, { timeoutMs, signal: abort.signal });
    const aborting = choices.once(6);
    if (aborting) abort.abort();
    try {
      const answer = (await asked) as { readonly n: number };
      if (answer.n !== n) this.#fail(`${type.name} ${n} got the answer to ${answer.n}`);
      if (this.#work(n)?.answered !== true) this.#fail(`${type.name} ${n} got an answer that nobody gave`);
    } catch (error) {
      this.#failedWith(error, calling, { aborting, timeoutMs, type: type.name });
    }
    this.#open.delete(calling);
  }

  async stream(): Promise<void> {
    const { choices } = this.#world;
    const n = this.#nextN();
    const items = choices.pick([5, 0, 30]);
    const type = choices.pick([Count, CountAlone]);
    const payload = { n, items, ms: choices.pick([0, 10]), size: choices.pick([0, 500]) };
    const stopAt = choices.pick([Infinity, 3]);
    let i = 0;
    this.streams += 1;
    try {
      for await (const item of this.client.stream("streams", type, payload, { window: choices.pick([64, 2]) })) {
        if (item.i !== i) this.#fail(`item ${i} of stream ${n} is ${item.i}`);
        i += 1;
        if (i >= stopAt) return;
      }
      if (i !== items) this.#fail(`stream ${n} ended after ${i} of ${items} items`);
    } catch (error) {
      if (!(error instanceof ActonError)) throw error;
      if (error.message.startsWith("the stream is broken")) this.#fail(`stream ${n}: ${error.message}`);
    } finally {
      this.streams -= 1;
    }
  }

  /** Notes without waiting for one another: they must arrive in this order. */
  notes(): void {
    const sender = `client ${this.process.pid}`;
    for (let i = this.#world.choices.between(1, 4); i > 0; i--) {
      this.client.send("notes", Note, { sender, n: this.#nextN() }).catch((error: unknown) => {
        if (!(error instanceof ActonError)) this.#fail(String(error));
      });
    }
  }

  async subscribe(): Promise<void> {
    let last: { readonly n: number; readonly seq: number; readonly life: number } | undefined;
    try {
      for await (const { payload, seq, dropped } of this.client.subscribe(NewsOne)) {
        const { n, life } = payload;
        if (last !== undefined && life === last.life) {
          const lost = n - last.n - 1;
          if (lost < 0) this.#fail(`news ${n} came after ${last.n}`);
          if (dropped > lost || (seq - last.seq === n - last.n && dropped !== lost))
            this.#fail(`${lost} pushes are missing, and ${dropped} were told`);
        }
        last = { n, seq, life };
      }
    } catch (error) {
      if (!(error instanceof ActonError)) throw error;
    }
  }

  close(): void {
    this.#closed = true;
    this.client.close();
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  check(): void {
    const { now } = this.#world;
    for (const { n, at, due } of this.#open) if (now > due) this.#fail(`call ${n} has had no outcome after ${now - at} ms`);
  }

  #work(n: number) {
    return this.#servers.lives.map(({ ledger }) => ledger.works.get(n)).find((work) => work !== undefined);
  }

  #failedWith(error: unknown, { n, at }: Calling, how: { readonly aborting: boolean; readonly timeoutMs: number; readonly type: string }): void {
    const { now } = this.#world;
    if (!(error instanceof ActonError)) return this.#fail(`${how.type} ${n} failed: ${String(error)}`);
    const { code, details } = error;
    const ran = (details as { readonly ran?: string } | undefined)?.ran;
    const begun = this.#work(n) !== undefined;
    if (begun && (ran === "no" || ["TARGET_BUSY", "RATE_LIMITED", "SHUTTING_DOWN"].includes(code)))
      this.#fail(`${how.type} ${n} failed with ${code}, but ran`);
    if (code === "CANCELLED" && !how.aborting) this.#fail(`${how.type} ${n} was cancelled by nobody`);
    if (how.aborting && now !== at) this.#fail(`${how.type} ${n} was cancelled ${now - at} ms too late`);
    if (code === "TIMEOUT" && now < at + how.timeoutMs && how.type !== "Relay")
      this.#fail(`${how.type} ${n} timed out after ${now - at} of ${how.timeoutMs} ms`);
    if (code === "HANDLER_FAILED" && how.type !== "Crash") this.#fail(`${how.type} ${n} failed: ${error.message}`);
    if (code === "ASK_CYCLE" && how.type !== "Relay") this.#fail(`${how.type} ${n}: ${error.message}`);
    if (code === "NO_REPLY" || code === "UNHANDLED" || code === "ACTOR_NOT_FOUND" || code === "PROTOCOL_ERROR")
      this.#fail(`${how.type} ${n} failed with ${code}`);
  }

  #fail(what: string): void {
    this.#world.fail(`client ${this.process.pid}: ${what}`);
  }
}
