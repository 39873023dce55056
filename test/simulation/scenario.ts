// The project's own scenario, which `bun run simulate` runs: one path, its servers over time, supervised agents in them, and
// every kind of client at once.

import type { Scenario, World } from "acton/testing";
import { HostileCaller, LinkWatch } from "./hostile-caller.ts";
import { LibraryCaller } from "./library-caller.ts";
import { LocalCallers, type LocalLimits } from "./local-callers.ts";
import { OrderedCaller } from "./ordered-caller.ts";
import { type Life, path, restMs, Servers, type ServerSettings } from "./server.ts";
import { SupervisedTree } from "./supervised-tree.ts";
import { WireCaller } from "./wire-caller.ts";
import type { WireClient } from "./wire-client.ts";

const clientsMax = 8;
/** Longer than every time limit of a connection. */
const quietMs = 2600;

export const scenario: Scenario = async (world) => {
  const simulation = new Whole(world);
  await simulation.begin();
  return simulation;
};

export default scenario;

class Whole {
  readonly operations: Readonly<Record<string, () => unknown>>;
  readonly #world: World;
  readonly #servers: Servers;
  readonly #limits: LocalLimits;
  readonly #links: LinkWatch;
  readonly #locals = new Map<Life, LocalCallers>();
  readonly #trees = new Map<Life, SupervisedTree>();
  #wires: WireCaller[] = [];
  #ordered: OrderedCaller[] = [];
  #hostiles: HostileCaller[] = [];
  #libraries: LibraryCaller[] = [];
  #lastN = 0;
  #ending = false;
  #onCheck: (() => void) | undefined;
  readonly #nextN = (): number => (this.#lastN += 1);

  constructor(world: World) {
    this.#world = world;
    const { settings, limits } = settingsOf(world);
    this.#limits = limits;
    this.#servers = new Servers(world, settings);
    this.#links = new LinkWatch(world, this.#servers);
    this.operations = this.#operations();
    for (const message of ["handler failed", "child given up"]) world.expectedErrors.add(message);
  }

  async begin(): Promise<void> {
    await this.#start();
  }

  check(): void {
    this.#servers.check();
    this.#links.check();
    for (const { wire } of [...this.#wires, ...this.#hostiles]) wire.observe();
    for (const wire of this.#wires) wire.checkDrained();
    for (const library of this.#libraries) library.check();
    for (const local of this.#locals.values()) local.check();
    for (const tree of this.#trees.values()) tree.check();
    if (this.#world.isIdle) {
      for (const wire of this.#wires) wire.checkAtRest();
      for (const hostile of this.#hostiles) hostile.checkAtRest();
    }
    this.#onCheck?.();
  }

  /** Everything is let go on, and what is owed must come. */
  async end(): Promise<void> {
    const world = this.#world;
    this.#ending = true;
    this.#servers.unusurp();
    for (const { wire } of [...this.#wires, ...this.#ordered]) if (!wire.reading) wire.setReading(true);
    for (const wire of this.#wires) wire.finish();
    for (const hostile of this.#hostiles) hostile.wire.hangUp();
    await this.#until("every request has its outcome", () => this.#wires.every(({ open, wire }) => open.size === 0 || !wire.isOpen));
    await this.#until("answers without an id have come", () => this.#ordered.every(({ expected, wire }) => expected.length === 0 || !wire.isOpen));
    const { current } = this.#servers;
    if (current !== undefined) {
      // One at a time, so that the last of each type is not lost itself.
      for (const which of [0, 1, 0, 1] as const) {
        this.#broadcast(current, which);
        await this.#until("the push has come", () => world.isIdle);
      }
      for (const wire of this.#wires) wire.checkLosses();
    }
    await world.pause(quietMs);
    const settled = (): boolean => {
      const stats = current?.listener?.stats();
      const reading = this.#libraries.reduce((sum, { streams }) => sum + streams, 0);
      return stats === undefined || (stats.requestsInFlight + stats.requestsWaiting === 0 && stats.streamsOpen <= reading);
    };
    // Who has shut its side may still have a stream that waits for its credit.
    for (const { wire } of [...this.#wires, ...this.#ordered]) if (wire.left && wire.state !== "over") wire.hangUp();
    await this.#until("nothing is in flight", settled);
    for (const { wire } of [...this.#wires, ...this.#ordered]) if (wire.state !== "over") wire.hangUp();
    for (const library of this.#libraries) library.close();
    await this.#until("the server has seen all of them go", () => (current?.listener?.stats().activeConnections ?? 0) === 0);
    if (current === undefined) await this.#start();
    for (const life of this.#servers.lives) if (life.state === "serving") await this.#servers.stop(life);
    await world.pause(restMs);
    for (const each of world.processes) {
      if (each.clock.armed > 0) throw new Error(`${each.clock.armed} timers are left in process ${each.pid}`);
    }
  }

  after(): void {
    this.#servers.checkPromises();
    const left = [...this.#world.machine.disk.all()].map(([name]) => name).filter((name) => name !== "/tmp" && name !== `${path}.lock`);
    if (left.length > 0) throw new Error(`${left.join(", ")} is left`);
  }

  #operations(): Record<string, () => unknown> {
    const { choices } = this.#world;
    const current = (act: (life: Life, local: LocalCallers) => unknown) => (): unknown => {
      const life = this.#servers.current;
      const local = life && this.#locals.get(life);
      return life === undefined || local === undefined ? this.#start() : Promise.race([act(life, local), life.death.promise]);
    };
    const wire = (act: (caller: WireCaller) => void) => (): void => {
      const open = this.#wires.filter(({ wire }) => wire.isOpen);
      if (open.length > 0) act(choices.pick(open));
      else this.#connectWire();
    };
    const library = (act: (caller: LibraryCaller) => unknown) => (): unknown => {
      const open = this.#libraries.filter(({ isClosed }) => !isClosed);
      return open.length > 0 ? act(choices.pick(open)) : this.#connectLibrary();
    };
    const many = (caller: WireCaller, act: () => void): void => {
      for (let i = choices.pick([1, 1, 2, 6]); i > 0; i--) if (caller.wire.isOpen) act();
    };
    return {
      "connect a client": () => this.#connectWire(),
      "connect a subscriber": () => this.#connectWire()?.subscribe(),
      "connect a client without ids": () => this.#connectOrdered(),
      "connect a library": () => this.#connectLibrary(),
      "connect a hostile client": () => this.#connectHostile(),
      "ask echo": wire((caller) => many(caller, () => caller.ask("reply", "echo", "Echo", choices.once(4) ? { size: 2500 } : {}, true))),
      "ask slow": wire((caller) =>
        many(caller, () => caller.ask("reply", "slow", choices.pick(["Slow", "Later"]), { ms: choices.pick([0, 30, 150, 700]) }, false)),
      ),
      "ask alone": wire((caller) =>
        many(caller, () => caller.ask("reply", "alone", choices.pick(["Alone", "Alone", "Slow"]), { ms: choices.pick([0, 20]) }, false)),
      ),
      "ask crasher": wire((caller) =>
        caller.ask("reply", "crasher", choices.pick(["Crash", "Slow", "CrashBeside", "Slow"]), { late: choices.once(2), ms: 30 }, false),
      ),
      "ask relay": wire((caller) =>
        caller.ask("reply", "relay", "Relay", { ms: choices.pick([10, 130]), to: choices.pick(["slow", "alone", "self"]) }, false),
      ),
      "ask for nothing": wire((caller) => caller.ask("reply", "echo", "Silent", {}, true)),
      "ask wrongly": wire((caller) => caller.ask("reply", choices.pick(["nobody", "echo"]), choices.pick(["Nothing", "Slow"]), { ms: "x" }, true)),
      "send a note": wire((caller) => {
        const [kind, type] = choices.pick([
          ["delivery", "Note"],
          ["reply", "Mark"],
        ] as const);
        caller.ask(kind, "notes", type, { sender: `wire ${caller.wire.process.pid}` }, true);
      }),
      stream: wire((caller) => caller.ask("stream", "streams", choices.pick(["Count", "CountAlone", "Burst"]), this.#streamPayload(), false)),
      "send a wrong body": wire((caller) => many(caller, () => caller.sendWrongBody())),
      ping: wire((caller) => many(caller, () => caller.ping())),
      stats: wire((caller) => many(caller, () => caller.stats())),
      cancel: wire((caller) => caller.cancelOne()),
      credit: wire((caller) => many(caller, () => caller.creditOne())),
      "use an id twice": wire((caller) => caller.askTwice()),
      "stop or start reading": wire(({ wire }) => wire.setReading(!wire.reading)),
      "hang up": wire(({ wire }) => (choices.once(3) ? wire.shut() : choices.once(2) ? wire.hangUp() : undefined)),
      "ask without an id": () => (this.#ordered.some(({ wire }) => wire.isOpen) ? this.#askInOrder() : this.#connectOrdered()),
      "library asks": library((caller) => caller.ask()),
      "library streams": library((caller) => caller.stream()),
      "library sends notes": library((caller) => caller.notes()),
      "library subscribes": library((caller) => caller.subscribe()),
      "library closes": library((caller) => (choices.once(3) ? caller.close() : undefined)),
      "hostile goes on": () => this.#hostiles.at(-1)?.more(),
      "try sends": current((_life, local) => local.trySends()),
      send: current((_life, local) => Promise.all(Array.from({ length: choices.pick([1, 1, 3, 8]) }, () => local.send()))),
      "ask inside": current((_life, local) => local.ask()),
      "stream inside": current((_life, local) => local.stream()),
      "notes inside": current((_life, local) => local.notes()),
      "supervised job": current((life) => this.#trees.get(life)?.job()),
      "another supervised job": current((life) => this.#trees.get(life)?.job()),
      "crash again and again": current((life) => (choices.once(3) ? this.#trees.get(life)?.storm() : undefined)),
      broadcast: current((life) => this.#broadcastSome(life)),
      "broadcast more": current((life) => this.#broadcastSome(life)),
      "end a server": () => (choices.once(3) ? this.#endServer() : undefined),
      "end a server that a client is behind": () => (choices.once(4) ? this.#endBehind() : undefined),
      "start a server": () => (choices.once(2) ? this.#start(choices.once(2) ? choices.between(1, 12) : Infinity) : undefined),
      "put something in its place": () => (choices.once(4) ? this.#servers.usurp(choices.pick(["socket", "file"])) : this.#servers.unusurp()),
    };
  }

  #streamPayload(): Record<string, number> {
    const { choices } = this.#world;
    return { items: choices.pick([4, 0, 1, 25]), ms: choices.pick([0, 0, 10]), size: choices.pick([0, 800]) };
  }

  #broadcastSome(life: Life): void {
    for (let i = this.#world.choices.pick([1, 2, 8]); i > 0; i--) this.#broadcast(life, this.#world.choices.pick([0, 1]));
  }

  #broadcast(life: Life, which: 0 | 1): void {
    if (which === 0) this.#locals.get(life)?.published();
    this.#servers.broadcast(life, which);
  }

  async #start(crashAt = Infinity): Promise<void> {
    await this.#servers.start(crashAt);
    const life = this.#servers.current;
    if (life === undefined || this.#locals.has(life)) return;
    const local = new LocalCallers(this.#world, life, { limits: this.#limits, nextN: this.#nextN });
    await local.begin();
    this.#locals.set(life, local);
    const tree = new SupervisedTree(this.#world, life, this.#nextN);
    await tree.begin();
    this.#trees.set(life, tree);
  }

  #endServer(): unknown {
    const { current } = this.#servers;
    if (current === undefined) return this.#start();
    if (this.#world.choices.once(2)) return this.#servers.stop(current);
    return this.#servers.kill(current);
  }

  /** A client reads none of its answers before the server has begun to stop. */
  async #endBehind(): Promise<void> {
    const { choices } = this.#world;
    const open = this.#wires.filter(({ wire }) => wire.isCalm);
    if (open.length === 0) return;
    const caller = choices.pick(open);
    caller.wire.setReading(false);
    for (let i = choices.between(1, 4); i > 0; i--) caller.ask("reply", "echo", "Echo", { size: choices.pick([700, 2500]) }, true);
    await this.#world.pause(50);
    const { current } = this.#servers;
    const stopped = current === undefined ? undefined : this.#servers.stop(current);
    await this.#world.pause(100);
    if (!caller.wire.reading) caller.wire.setReading(true);
    await stopped;
  }

  #askInOrder(): void {
    const caller = this.#world.choices.pick(this.#ordered.filter(({ wire }) => wire.isOpen));
    for (let i = this.#world.choices.between(1, 4); i > 0; i--) caller.send();
  }

  #connectWire(): WireCaller | undefined {
    this.#wires = livingOf(this.#wires);
    if (this.#wires.length >= clientsMax) return undefined;
    const speech = this.#world.choices.pick(["bare json", "bare msgpack", "acton"] as const);
    const caller = new WireCaller(this.#world, this.#servers, { speech, process: this.#world.process(), nextN: this.#nextN });
    this.#wires.push(caller);
    return caller;
  }

  #connectOrdered(): void {
    this.#ordered = livingOf(this.#ordered);
    if (this.#ordered.length >= 2) return;
    this.#ordered.push(new OrderedCaller(this.#world, this.#servers, { process: this.#world.process(), nextN: this.#nextN }));
  }

  #connectHostile(): void {
    this.#hostiles = livingOf(this.#hostiles);
    if (this.#hostiles.length >= 3) return;
    this.#hostiles.push(new HostileCaller(this.#world, this.#servers, { process: this.#world.process(), nextN: this.#nextN }));
  }

  async #connectLibrary(): Promise<void> {
    this.#libraries = this.#libraries.filter(({ isClosed }) => !isClosed);
    if (this.#libraries.length >= 3) return;
    const caller = await LibraryCaller.connect(this.#world, this.#servers, this.#nextN);
    if (caller === undefined) return;
    this.#libraries.push(caller);
    if (this.#ending) caller.close();
  }

  #until(what: string, holds: () => boolean): Promise<void> {
    this.#world.note(`until ${what}`);
    return new Promise((resolve) => {
      const look = (): void => {
        if (!holds()) return;
        this.#onCheck = undefined;
        resolve();
      };
      this.#onCheck = look;
      look();
    });
  }
}

/** The processes of those that are done end. */
function livingOf<T extends { readonly wire: WireClient }>(callers: readonly T[]): T[] {
  for (const { wire } of callers) if (wire.state === "over") wire.process.kill();
  return callers.filter(({ wire }) => wire.state !== "over");
}

function settingsOf(world: World): { readonly settings: ServerSettings; readonly limits: LocalLimits } {
  const { choices } = world;
  const readersMax = choices.between(2, 4);
  const rateLimit = choices.pick([null, null, { requestsPerSecond: 20, burstSize: 4 }]);
  const limits: LocalLimits = {
    mailboxSize: choices.pick([2, 3, 4, 5, 6, 20]),
    waitingSendersMax: choices.between(1, 4),
    sendTimeoutMs: choices.pick([100, 300]),
    subscriberQueueSize: choices.between(2, 6),
  };
  const settings: ServerSettings = {
    readersMax,
    hasPolicy: choices.once(2),
    limits: { ...limits, readersMax, askTimeoutMs: 900, stopTimeoutMs: 1500, streamReaderTimeoutMs: 200, messagesPerTurnMax: choices.between(1, 8) },
    listener: {
      rateLimit,
      maxConnections: choices.between(3, 8),
      connectionTimeoutMs: 1000,
      subscriptionTimeoutMs: choices.pick([0, 1500]),
      maxMessageSize: 16 * 1024,
      frameTimeoutMs: 400,
      pushBufferSize: choices.between(1, 5),
      writeTimeoutMs: 500,
      outgoingSoftBytes: choices.pick([1024, 8192]),
      outgoingHardBytes: 32 * 1024,
      inFlightMax: choices.between(2, 4),
      inFlightTotalMax: choices.between(4, 8),
      streamsMax: choices.between(2, 4),
      requestTimeoutMs: 800,
      drainTimeoutMs: choices.pick([1000, 50]),
      framesPerTurnMax: choices.between(1, 6),
    },
  };
  return { settings, limits };
}
