// An application in its runtime. Reloading exchanges its code and keeps everything else: the listener with its connections
// and subscriptions, and agents by their names, in place. What fails on the way is undone, and the old code goes on.

import type { AnyBlueprint } from "./agent/definition.ts";
import type { AgentHandle } from "./agent/handle.ts";
import { isSamePlace } from "./agent/placement.ts";
import type { ActonApp } from "./app.ts";
import type { Application } from "./application.ts";
import { ActonError, detailOf, quoted, stackOf } from "./errors.ts";
import type { Log } from "./log.ts";

/** An application, and the file that it comes from: what worker threads import. */
export interface Source {
  readonly application: Application;
  readonly module: string | undefined;
}

export class RunningApplication {
  readonly #runtime: ActonApp;
  readonly #log: Log;
  #application: Application;
  #agents = new Map<string, AgentHandle>();
  /** Undefined when what `setup` did cannot be undone. */
  #undoSetup: (() => unknown) | undefined = () => {};

  private constructor(application: Application, runtime: ActonApp, log: Log) {
    this.#application = application;
    this.#runtime = runtime;
    this.#log = log;
  }

  /** Starts and exposes everything, then runs `setup`. The listener is the caller's to start. */
  static async start(application: Application, runtime: ActonApp, log: Log): Promise<RunningApplication> {
    const running = new RunningApplication(application, runtime, log);
    runtime.ipcRegistry().register(...application.publishes);
    const agents = new Map<string, AgentHandle>();
    for (const blueprint of application.agents) agents.set(blueprint.definition.name, await running.#exchange(blueprint, []));
    running.#agents = agents;
    await running.#setUp(application);
    return running;
  }

  /**
   * Takes on the new code: of the agents named in `changed`, or of everything. Agents reload one after the other, new ones
   * start, those that are gone stop last. Rejects with what the first thing that fails does; then the old code goes on.
   */
  async reload({ application, module }: Source, changed?: ReadonlySet<string>): Promise<void> {
    const undo: Array<() => unknown> = [];
    const moduleBefore = this.#runtime.module;
    this.#runtime.module = module;
    try {
      await (changed === undefined ? this.#exchangeAll(application, undo) : this.#exchangeSome(application, changed, undo));
    } catch (error) {
      // First of all: what comes back on a thread is to find the old code there.
      this.#runtime.module = moduleBefore;
      for (const step of undo.reverse()) await this.#guarded(step);
      throw error;
    }
    this.#application = application;
    for (const handle of this.#agents.values()) await handle.succession.settle();
  }

  async #exchangeSome({ agents }: Application, changed: ReadonlySet<string>, undo: Array<() => unknown>): Promise<void> {
    // The map before stays until all is well: what is undone has the handles that it had.
    const handles = new Map(this.#agents);
    for (const blueprint of agents) {
      const { name } = blueprint.definition;
      if (changed.has(name)) handles.set(name, await this.#exchange(blueprint, undo));
    }
    this.#agents = handles;
  }

  async #exchangeAll(application: Application, undo: Array<() => unknown>): Promise<void> {
    const runtime = this.#runtime;
    const setsUp = this.#undoSetup !== undefined;
    checkNames(application);
    await this.#tearDown(undo);
    undo.push(runtime.ipcRegistry().renew());
    runtime.ipcRegistry().register(...application.publishes);
    const agents = new Map<string, AgentHandle>();
    for (const blueprint of application.agents) agents.set(blueprint.definition.name, await this.#exchange(blueprint, undo));
    if (setsUp) await this.#setUp(application);
    else if (application.setup !== undefined) this.#log.warn("setup is not run again: it did not return a function that undoes what it did");
    for (const [name, handle] of this.#agents) {
      if (agents.has(name)) continue;
      runtime.ipcHide(name);
      await handle.stop();
    }
    this.#agents = agents;
  }

  /** The agent of the blueprint's name with its code, be it there already or not. */
  async #exchange(blueprint: AnyBlueprint, undo: Array<() => unknown>): Promise<AgentHandle> {
    const { name } = blueprint.definition;
    const present = this.#agents.get(name);
    const before = this.#application.agents.find(({ definition }) => definition.name === name);
    if (present !== undefined && before !== undefined && !isSamePlace(before.definition, blueprint.definition)) {
      await present.stop();
      undo.push(async () => this.#agents.set(name, await this.#exchange(before, [])));
    }
    if (present?.status === "stopped") this.#runtime.ipcHide(name);
    else if (present !== undefined) {
      undo.push(() => present.succession.revert());
      await present.succession.exchange(blueprint.definition);
      this.#runtime.ipcExpose(name, present);
      return present;
    }
    const handle = await this.#runtime.start(blueprint);
    undo.push(() => handle.stop());
    this.#runtime.ipcExpose(name, handle);
    undo.push(() => this.#runtime.ipcHide(name));
    return handle;
  }

  async #setUp(application: Application): Promise<void> {
    const result = await application.setup?.(this.#runtime);
    if (application.setup !== undefined) this.#undoSetup = typeof result === "function" ? () => result() as unknown : undefined;
  }

  async #tearDown(undo: Array<() => unknown>): Promise<void> {
    const { setup } = this.#application;
    if (setup === undefined || this.#undoSetup === undefined) return;
    await this.#guarded(this.#undoSetup);
    this.#undoSetup = () => {};
    undo.push(() => this.#setUp(this.#application));
  }

  async #guarded(step: () => unknown): Promise<void> {
    try {
      await step();
    } catch (error) {
      this.#log.error("undoing failed", { error: detailOf(error), stack: stackOf(error) });
    }
  }
}

function checkNames({ agents }: Application): void {
  const names = agents.map(({ definition }) => definition.name);
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice !== undefined) throw new ActonError("NAME_TAKEN", `the application has two agents named ${quoted(twice)}`);
}
