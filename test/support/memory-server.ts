// A server on a machine in memory with the usual agents, and clients of whichever user a test wants.

import { ActonApp, type IpcListener, type ListenOptions, ManualClock } from "acton";
import { type Client, connect } from "acton/client";
import { MemoryMachine, type MemoryProcess, type ProcessOptions } from "acton/testing";
import { silentLog } from "../../src/log.ts";
import { oneRound } from "./conditions.ts";
import { Price, Seen, testAgents, Text } from "./test-services.ts";

export class MemoryServer implements AsyncDisposable {
  static readonly path = "/tmp/test.sock";
  readonly machine: MemoryMachine;
  readonly process: MemoryProcess;
  readonly clock = new ManualClock();
  readonly seen = new Seen();
  readonly runtime: ActonApp;
  #listener: IpcListener | undefined;

  private constructor(machine: MemoryMachine, owner: MemoryProcess) {
    this.machine = machine;
    this.process = owner;
    this.runtime = ActonApp.launch({ ...owner.seams, clock: this.clock, log: silentLog });
  }

  static async start(options: ListenOptions, machine = new MemoryMachine(), owner = machine.process()): Promise<MemoryServer> {
    const server = new MemoryServer(machine, owner);
    for (const blueprint of testAgents(server.seen)) server.runtime.ipcExpose(blueprint.name, await server.runtime.start(blueprint));
    server.runtime.ipcRegistry().register(Price);
    server.runtime.ipcRegistry().register(Text);
    server.#listener = await server.runtime.startIpcListener({ socketPath: MemoryServer.path, ...options });
    return server;
  }

  get listener(): IpcListener {
    if (this.#listener === undefined) throw new Error("the server has not started");
    return this.#listener;
  }

  /** A connection of a process of this user. */
  connect(user: ProcessOptions): Promise<Client> {
    const { transport } = this.machine.process(user);
    return connect(MemoryServer.path, { transport, clock: this.clock, keepAliveMs: 0 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    let done = false;
    const down = this.runtime.shutdownAll().then(() => (done = true));
    while (!done) {
      this.clock.advance(60_000);
      await oneRound();
    }
    await down;
  }
}
