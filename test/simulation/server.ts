// The servers of one path, over time: starts, rivals, kills, drains, and what must be true of the path meanwhile.

import {
  type ActonApp,
  ActonError,
  type AgentHandle,
  type IpcConfigInput,
  type IpcListener,
  type ListenerStats,
  type Policy,
  type RuntimeConfigInput,
} from "acton";
import type { SimulatedProcess, SystemCall, World } from "acton/testing";
import { Ledger } from "./ledger.ts";
import { NewsOne, NewsTwo, type ServiceOptions, services } from "./services.ts";

export const path = "/tmp/simulated.sock";
/** Longer than any handler waits, and shorter than any request may take. */
export const restMs = 750;
const notOwner = 0o177;
const administrator = { pid: 1, uid: 0, gid: 0 };

export interface ServerSettings {
  readonly listener: IpcConfigInput;
  readonly limits: RuntimeConfigInput;
  readonly readersMax: number;
  readonly hasPolicy: boolean;
}

/** One process that serves, or has served, the path. */
export interface Life {
  readonly number: number;
  readonly process: SimulatedProcess;
  readonly app: ActonApp;
  readonly ledger: Ledger;
  readonly agents: ReadonlyMap<string, AgentHandle>;
  listener: IpcListener | undefined;
  /** The socket's inode; undefined once somebody else has put something in its place. */
  ino: bigint | undefined;
  state: "starting" | "serving" | "stopping" | "over";
  killed: boolean;
  stoppingAt: number;
  /** Its shutdown lost nothing, as it says. */
  complete: boolean;
  /** Resolves when it is killed: what waits inside of it waits for ever. */
  readonly death: PromiseWithResolvers<void>;
  /** What the function that subscribed to NewsOne got, and what the agent did. */
  heardByFunction: number;
  heardByAgent: number;
  broadcasts: number;
  stats: ListenerStats | undefined;
  /** Pushes that were due to each connection since nobody was subscribed, and the figures then. */
  readonly pushes: Map<unknown, number>;
  pushesBefore: number;
}

export class Servers {
  readonly settings: ServerSettings;
  readonly lives: Life[] = [];
  /** The path was taken over from outside: the inode that lies there now must stay. */
  usurper: bigint | undefined;
  /** Answers that agents gave and clients, who had done nothing wrong, never got. */
  readonly unanswered: { readonly life: Life; readonly what: string }[] = [];
  readonly #world: World;
  #checks = 0;

  constructor(world: World, settings: ServerSettings) {
    this.#world = world;
    this.settings = settings;
    world.machine.failing = (call) => this.#entered(call);
  }

  get current(): Life | undefined {
    return this.lives.findLast((life) => life.state === "serving");
  }

  /** A life whose server may still answer, or whose process has died too recently to say. */
  lifeOf(pid: number | undefined): Life | undefined {
    return this.lives.find((life) => life.process.pid === pid);
  }

  /** Starts a server, which must succeed exactly when there is none. `crashAt` kills it at that system call of the takeover. */
  async start(crashAt = Infinity): Promise<void> {
    const world = this.#world;
    // A rival has no need of agents.
    const life = await this.#launch(this.current === undefined);
    const living = this.lives.filter(({ state, killed }) => !killed && (state === "serving" || state === "stopping"));
    const mustFail = living.some(({ state }) => state === "serving");
    const mayFail = living.length > 0 || crashAt !== Infinity || this.usurper !== undefined;
    this.#crash(life, crashAt);
    const listening = life.app.startIpcListener({ ...this.settings.listener, socketPath: path, policy: this.#policy(life) });
    world.machine.failing = (call) => this.#entered(call);
    try {
      life.listener = await listening;
    } catch (error) {
      if (life.killed) return;
      const code = error instanceof ActonError ? error.code : String(error);
      if (!mayFail || (code !== "ADDRESS_IN_USE" && this.usurper === undefined)) world.fail(`a server does not start: ${String(error)}`);
      await this.#end(life);
      return;
    }
    if (life.killed) return;
    const agents = life.agents.size;
    if (mustFail || agents === 0) return mustFail ? world.fail("two servers serve one path") : this.#end(life);
    life.state = "serving";
    life.ino = life.process.memory.files.lstat(path)?.ino;
  }

  /** Its time for answering what it had begun is over. */
  isPastDrain(life: Life | undefined): boolean {
    return life === undefined || this.#world.now >= life.stoppingAt + (this.settings.listener.drainTimeoutMs ?? 0) - 0.001;
  }

  kill(life: Life): void {
    life.killed = true;
    life.state = "over";
    life.process.kill();
    life.death.resolve();
  }

  /** Drains and stops; everything that was begun must have its answer. Resolves with whether all of it was. */
  async stop(life: Life): Promise<void> {
    life.state = "stopping";
    life.stoppingAt = this.#world.now;
    await this.#end(life);
    await this.#world.pause(restMs);
    const { armed } = life.process.clock;
    // Who was refused is let go by himself, or a little later.
    const refused = life.listener?.stats().connectionsRefused ?? 0;
    if (!life.killed && refused === 0 && armed > 0) this.#world.fail(`${armed} timers are left in server ${life.number}`);
  }

  broadcast(life: Life, which: 0 | 1): void {
    const filler = "x".repeat(this.#world.choices.pick([0, 0, 300]));
    life.broadcasts += which === 0 ? 1 : 0;
    const n = this.#world.now;
    life.app.broker().broadcast(which === 0 ? NewsOne : NewsTwo, { n: this.#nextNews(life, which), life: life.number, filler });
    this.#world.note(`broadcast at ${n}`);
  }

  /** Puts something else in the socket's place, as a careless administrator would. */
  usurp(kind: "file" | "socket"): void {
    const { disk } = this.#world.machine;
    const { current } = this;
    if (this.usurper !== undefined || current?.ino === undefined) return;
    current.ino = undefined;
    disk.remove(path, administrator);
    this.usurper = disk.create(path, administrator, { kind, mode: 0o600 }).ino;
  }

  unusurp(): void {
    if (this.usurper === undefined) return;
    this.#world.machine.disk.remove(path, administrator);
    this.usurper = undefined;
  }

  /** What a shutdown that called itself complete has promised. */
  checkPromises(): void {
    for (const { life, what } of this.unanswered) if (life.complete) throw new Error(`server ${life.number} was complete, and lost ${what}`);
  }

  /** What must hold at any time. */
  check(): void {
    for (const life of this.lives) if (life.state !== "over" && !life.killed) this.#checkStats(life);
    // The path changes seldom, and what is wrong with it stays.
    this.#checks += 1;
    if (this.#checks % 4 === 0) this.#checkPath();
  }

  #checkPath(): void {
    const world = this.#world;
    const there = world.machine.disk.find(path, administrator, "no link").inode;
    if (this.usurper !== undefined && there?.ino !== this.usurper) {
      if (there?.kind !== "socket") world.fail("a server removed what was not its own");
      this.usurper = undefined;
    }
    for (const life of this.lives) {
      if (life.state === "serving" && !life.killed && life.ino !== undefined && there?.ino !== life.ino)
        world.fail("the socket of a live server is gone");
    }
  }

  #checkStats(life: Life): void {
    const { listener, stats: before } = life;
    if (listener === undefined) return;
    const world = this.#world;
    const stats = listener.stats();
    life.stats = stats;
    const { maxConnections = 0, inFlightTotalMax = 0 } = this.settings.listener;
    if (stats.activeConnections > maxConnections) world.fail(`${stats.activeConnections} connections, at most ${maxConnections} may be`);
    if (stats.requestsInFlight < 0 || stats.requestsInFlight > inFlightTotalMax) world.fail(`${stats.requestsInFlight} requests are in flight`);
    if (this.settings.hasPolicy) this.#checkPushes(life, stats);
    const pushes = ({ pushesSent, pushesDropped }: ListenerStats): number => pushesSent + pushesDropped;
    if (before?.subscriptions === 0 && stats.subscriptions === 0 && pushes(stats) > pushes(before))
      world.fail("nobody is subscribed, and got a push");
    const places = Math.min(this.settings.listener.inFlightMax ?? Infinity, inFlightTotalMax);
    if (world.isIdle && stats.requestsWaiting > 0 && stats.requestsInFlight < places) {
      world.fail(`${stats.requestsWaiting} requests wait, and only ${stats.requestsInFlight} of ${places} places are taken`);
    }
    if (stats.unfinishedBytes < 0) world.fail(`${stats.unfinishedBytes} unfinished bytes`);
    if (stats.activeConnections === 0) {
      const left = stats.requestsInFlight + stats.streamsOpen + stats.requestsWaiting + stats.subscriptions + stats.unfinishedBytes;
      if (left > 0) world.fail(`without connections ${JSON.stringify(stats)} is left`);
    }
    if (
      before !== undefined &&
      stats.connectionsRefused > before.connectionsRefused &&
      !listener.isClosed &&
      before.activeConnections < maxConnections
    ) {
      world.fail(`a connection was refused beside ${before.activeConnections} others`);
    }
  }

  // It allows everything, and counts the pushes that each connection is due.
  #policy(life: Life): Policy | undefined {
    if (!this.settings.hasPolicy) return undefined;
    return {
      admit: ({ connection }) => ({ identity: connection }),
      authorize(identity, { kind }) {
        if (kind === "push") life.pushes.set(identity, (life.pushes.get(identity) ?? 0) + 1);
        return true;
      },
    };
  }

  #checkPushes(life: Life, { subscriptions, pushesSent, pushesDropped }: ListenerStats): void {
    const done = pushesSent + pushesDropped;
    if (subscriptions === 0) {
      life.pushes.clear();
      life.pushesBefore = done;
    } else if (life.pushes.size === 1) {
      const [due = 0] = life.pushes.values();
      const waiting = due - (done - life.pushesBefore);
      const { pushBufferSize = 0 } = this.settings.listener;
      if (waiting < 0 || waiting > pushBufferSize) this.#world.fail(`${waiting} pushes wait in a buffer of ${pushBufferSize}`);
    }
  }

  async #launch(withAgents: boolean): Promise<Life> {
    const world = this.#world;
    const process = world.process();
    const ledger = new Ledger(world, this.settings.listener.inFlightMax ?? Infinity);
    const app = process.launch({ limits: this.settings.limits });
    const agents = new Map<string, AgentHandle>();
    const life: Life = {
      number: this.lives.length + 1,
      process,
      app,
      ledger,
      agents,
      listener: undefined,
      ino: undefined,
      state: "starting",
      killed: false,
      stoppingAt: Infinity,
      complete: false,
      death: Promise.withResolvers<void>(),
      heardByFunction: 0,
      heardByAgent: 0,
      broadcasts: 0,
      stats: undefined,
      pushes: new Map(),
      pushesBefore: 0,
    };
    this.lives.push(life);
    const options: ServiceOptions = { ledger, readersMax: this.settings.readersMax, heard: () => (life.heardByAgent += 1) };
    for (const blueprint of withAgents ? services(options) : []) {
      const handle = await app.start(blueprint);
      agents.set(blueprint.name, handle);
      app.ipcExpose(blueprint.name, handle);
    }
    app.ipcRegistry().register(NewsOne, NewsTwo);
    return life;
  }

  async #end(life: Life): Promise<void> {
    const result = await life.app.shutdownAll();
    life.state = "over";
    life.complete = result.complete;
    if (!result.complete && !this.isPastDrain(life)) this.#world.fail(`server ${life.number} cut off ${result.lost} before its drain was over`);
    this.#world.note(`server ${life.number} is down: ${JSON.stringify(result)}`);
  }

  #crash(life: Life, at: number): void {
    let calls = 0;
    this.#world.machine.failing = (call, _path, caller) => {
      this.#entered(call);
      if (caller.pid !== life.process.pid) return undefined;
      calls += 1;
      if (calls < at) return undefined;
      this.kill(life);
      return "ESRCH";
    };
  }

  // Looked at on every system call: even for a moment nobody else may be able to connect.
  #entered(call: SystemCall): undefined {
    for (const [name, inode] of this.#world.machine.disk.all()) {
      if (inode.kind === "socket" && inode.uid !== 0 && (inode.mode & notOwner) !== 0) {
        this.#world.fail(`${name} has mode ${inode.mode.toString(8)} at ${call}`);
      }
    }
  }

  readonly #news = new Map<string, number>();

  #nextNews(life: Life, which: number): number {
    const key = `${life.number} ${which}`;
    const n = this.#news.get(key) ?? 0;
    this.#news.set(key, n + 1);
    return n;
  }
}
