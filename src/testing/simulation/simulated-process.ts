// One process of a simulated world: a MemoryProcess with a clock, a scheduler, chance and a log that the world holds in
// its hand. What it launches and connects runs on those; when it is killed nothing of it happens any more.

import { ActonApp, type LaunchOptions } from "../../app.ts";
import { ManualClock } from "../../clock.ts";
import { type Client, connect } from "../../ipc/client/client.ts";
import type { ConnectOptions } from "../../ipc/client/session.ts";
import type { Log, LogFields, LogLevel } from "../../log.ts";
import type { Random } from "../../random.ts";
import type { Scheduler, Task } from "../../scheduler.ts";
import type { MemoryProcess } from "../memory-machine.ts";

/** The world, as its processes use it. */
export interface ProcessWorld {
  readonly random: Random;
  later(event: { readonly pid: number; readonly what: string } & Task): void;
  forget(pid: number): void;
  logged(pid: number, level: LogLevel, message: string, fields: LogFields): void;
}

export class SimulatedProcess {
  readonly memory: MemoryProcess;
  readonly clock: ManualClock;
  readonly scheduler: Scheduler;
  readonly log: Log;
  readonly #world: ProcessWorld;
  /** What it has launched, and connected. */
  readonly apps: ActonApp[] = [];
  readonly clients: Client[] = [];
  #clientsClosed = false;

  /** Made by `World.process`. */
  constructor(world: ProcessWorld, memory: MemoryProcess, now: number) {
    this.#world = world;
    this.memory = memory;
    this.clock = new ManualClock();
    this.clock.advanceTo(now);
    this.scheduler = this.#scheduler();
    this.log = this.#log({});
  }

  get pid(): number {
    return this.memory.pid;
  }

  get isDead(): boolean {
    return this.memory.isDead;
  }

  /** `ActonApp.launch` in this process. */
  launch(options: LaunchOptions = {}): ActonApp {
    const { clock, scheduler, log } = this;
    const app = ActonApp.launch({ ...this.memory.seams, clock, scheduler, log, random: this.#world.random, ...options });
    this.apps.push(app);
    return app;
  }

  /** The client's `connect` in this process. */
  async connect(path: string, options: ConnectOptions = {}): Promise<Client> {
    const { clock, memory } = this;
    const client = await connect(path, { clock, random: this.#world.random, transport: memory.transport, serverUids: [memory.uid, 0], ...options });
    this.clients.push(client);
    if (this.#clientsClosed) client.close();
    return client;
  }

  /** Those that are still connecting, too, once they have. */
  closeClients(): void {
    this.#clientsClosed = true;
    for (const client of this.clients) client.close();
  }

  kill(): void {
    this.memory.kill();
    this.#world.forget(this.pid);
  }

  // Everything is an event of its own, in whatever order the world chooses: more than the real scheduler would dare.
  #scheduler(): Scheduler {
    const queue =
      (when: string) =>
      (task: Task): void => {
        if (!this.isDead) this.#world.later({ pid: this.pid, what: `${when} ${task.constructor.name}`, run: () => task.run() });
      };
    return { enqueue: queue("task"), atTurnEnd: queue("turn's end"), atLoopEnd: queue("loop's end"), nextTurn: queue("next turn") };
  }

  #log(carried: LogFields): Log {
    const at =
      (level: LogLevel) =>
      (message: string, fields: LogFields = {}): void => {
        if (!this.isDead) this.#world.logged(this.pid, level, message, { ...carried, ...fields });
      };
    return {
      debugOn: false,
      debug: () => {},
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      with: (fields) => this.#log({ ...carried, ...fields }),
    };
  }
}
