// The composition root: one agent system, one registry, one listener in front of them, and the process they live in.
// Everything that the parts must not reach for themselves is chosen here.

import type { Blueprint } from "./agent/blueprint.ts";
import type { AnyBlueprint, StartOptions } from "./agent/definition.ts";
import type { AgentHandle } from "./agent/handle.ts";
import { LagMonitor } from "./agent/lag-monitor.ts";
import type { FaultInjection } from "./agent/services.ts";
import type { Broker } from "./broker/broker.ts";
import { after, type Clock, SystemClock } from "./clock.ts";
import { type IpcConfigInput, resolveIpcConfig, resolveRuntimeConfig, type RuntimeConfigInput } from "./config.ts";
import { ActonError, detailOf, stackOf } from "./errors.ts";
import { type FileSystem, systemFiles } from "./files.ts";
import { type Host, processHost, type SignalName } from "./host.ts";
import { bunTransport } from "./ipc/bun-transport.ts";
import { IpcListener } from "./ipc/server/listener.ts";
import type { Policy } from "./ipc/server/policy.ts";
import type { Release } from "./ipc/server/server-context.ts";
import { TypeRegistry } from "./ipc/server/type-registry.ts";
import type { Transport } from "./ipc/transport.ts";
import { createLog, type Log } from "./log.ts";
import type { MessageType } from "./message/message-type.ts";
import type { PolicyInput } from "./policy-rules.ts";
import { product } from "./product.ts";
import { type Random, systemRandom } from "./random.ts";
import { AgentSystem } from "./runtime/agent-system.ts";
import { Names } from "./runtime/names.ts";
import { type Scheduler, TurnScheduler } from "./scheduler.ts";
import { supervisionEvents } from "./supervision/events.ts";
import { bunThreads } from "./worker/bun-threads.ts";
import { WorkerPlaces } from "./worker/worker-places.ts";

export interface LaunchOptions {
  readonly limits?: RuntimeConfigInput;
  /** Validates local messages too: for tests. */
  readonly validateLocal?: boolean;
  /** What discovery says of the application. */
  readonly application?: Release;
  readonly log?: Log;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly scheduler?: Scheduler;
  readonly transport?: Transport;
  readonly files?: FileSystem;
  readonly host?: Host;
  /** What worker threads import to find the blueprints of their agents: the path of a module whose default export is an application.
   * Unless given it is the module that the process was started with. */
  readonly module?: string | undefined;
  /** What befalls messages on their way: `Faults` of `acton/testing`. */
  readonly faults?: FaultInjection;
}

export interface ListenOptions extends Omit<IpcConfigInput, "policy"> {
  /** Rules for the common cases, as `[policy]` in a file. Where there is a policy in code too, both must allow. */
  readonly policyRules?: PolicyInput | null | undefined;
  readonly policy?: Policy | undefined;
  /** The descriptor of a listening Unix socket that the process was started with, served instead of one at `socketPath`. */
  readonly inheritedSocket?: number | undefined;
}

export interface ShutdownResult {
  /** Everything accepted was answered, and every agent stopped by itself in time. */
  readonly complete: boolean;
  /** Requests and streams that were cut off. */
  readonly lost: number;
}

export class ActonApp implements AsyncDisposable {
  readonly #options: LaunchOptions;
  /** What worker threads import from now on, instead of what they did at the launch. */
  module: string | undefined;
  readonly #clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #log: Log;
  readonly #host: Host;
  readonly #lag: LagMonitor | undefined;
  readonly #system: AgentSystem;
  readonly #names = new Names();
  readonly #types = new TypeRegistry();
  readonly #stopWatchingFaults: () => void;
  #listener: IpcListener | undefined;
  #shutdown: Promise<ShutdownResult> | undefined;

  static #launched = false;

  private constructor(options: LaunchOptions) {
    this.#options = options;
    this.module = options.module;
    this.#clock = options.clock ?? new SystemClock();
    this.#host = options.host ?? processHost(this.#clock);
    this.#log =
      options.log ??
      createLog({ clock: this.#clock, output: this.#host.stderr, level: "info", format: this.#host.stderrIsTerminal ? "pretty" : "json" });
    const limits = resolveRuntimeConfig(options.limits);
    // Without a turn's readings there is nothing to go by; and a clock that was given measures no code, unless told otherwise.
    const watches = options.scheduler === undefined && (options.clock === undefined || options.limits?.lagWarnMs !== undefined);
    this.#lag = watches && limits.lagWarnMs > 0 ? new LagMonitor(this.#clock, this.#log, limits.lagWarnMs) : undefined;
    this.#scheduler = options.scheduler ?? new TurnScheduler(this.#clock, this.#lag);
    const seams = { clock: this.#clock, scheduler: this.#scheduler, log: this.#log, random: options.random ?? systemRandom };
    this.#system = new AgentSystem(seams, {
      limits,
      validateLocal: options.validateLocal ?? false,
      onSupervision: () => this.#types.register(...supervisionEvents),
      faults: options.faults,
      lag: this.#lag,
      elsewhere: new WorkerPlaces(() => ({
        threads: bunThreads(),
        broker: this.#system.broker,
        validateLocal: options.validateLocal ?? false,
        module: () => this.#workerModule(),
      })),
    });
    this.#stopWatchingFaults = this.#host.onFault((thrown) => {
      this.#log.error("uncaught error", { error: detailOf(thrown), stack: stackOf(thrown) });
      // The program goes on. Should it end without having been shut down, its status must not say that all went well.
      this.#host.exitWith(1);
    });
  }

  /** Starts an empty runtime. Reads no file and no environment: what it is given is what it has. */
  static launch(options: LaunchOptions = {}): ActonApp {
    ActonApp.#launched = true;
    return new ActonApp(options);
  }

  /** Whether this process has launched a runtime. */
  static get launched(): boolean {
    return ActonApp.#launched;
  }

  /** The message types that may cross the socket. */
  ipcRegistry(): TypeRegistry {
    return this.#types;
  }

  broker(): Broker {
    return this.#system.broker;
  }

  /** Starts an agent. Rejects with START_FAILED when its model or `beforeStart` fails. */
  start<Model, Handled extends MessageType>(blueprint: Blueprint<Model, Handled>, options?: StartOptions): Promise<AgentHandle<Handled>>;
  start(blueprint: AnyBlueprint, options?: StartOptions): Promise<AgentHandle<MessageType>>;
  start(blueprint: AnyBlueprint, options?: StartOptions): Promise<AgentHandle<MessageType>> {
    return this.#system.start(blueprint, options);
  }

  /** Lets clients reach the agent under the name, and registers what it handles and answers with. NAME_TAKEN when another has the name. */
  ipcExpose<Handled extends MessageType>(name: string, handle: AgentHandle<Handled>): void {
    this.#names.check(name, handle);
    this.#types.register(...handle.recipient.handles);
    this.#names.expose(name, handle);
  }

  /** Takes the name away; the agent runs on. False when nobody had it. */
  ipcHide(name: string): boolean {
    return this.#names.hide(name);
  }

  /** Serves the exposed agents on a Unix socket. Rejects with ADDRESS_IN_USE, PATH_REFUSED or INVALID_CONFIG. */
  async startIpcListener({ policy, policyRules, inheritedSocket, ...config }: ListenOptions = {}): Promise<IpcListener> {
    if (this.#listener?.isClosed === false) throw new ActonError("ADDRESS_IN_USE", `this runtime listens already, at ${this.#listener.path}`);
    if (this.#shutdown !== undefined) throw new ActonError("SHUTTING_DOWN", "the runtime is shutting down");
    this.#listener = new IpcListener({
      config: resolveIpcConfig({ ...config, policy: policyRules }),
      clock: this.#clock,
      scheduler: this.#scheduler,
      log: this.#log,
      host: this.#host,
      files: this.#options.files ?? systemFiles,
      transport: this.#options.transport ?? bunTransport,
      names: this.#names,
      types: this.#types,
      broker: this.#system.broker,
      askChains: this.#system.askChains,
      lag: this.#lag,
      policy,
      inheritedSocket,
      product,
      application: releaseOf(this.#options.application),
    });
    return this.#listener;
  }

  /** Resolves with the first SIGINT, SIGTERM or SIGHUP. The second one then ends the process at once. */
  untilSignal(): Promise<SignalName> {
    return new Promise((resolve) => {
      const stop = this.#host.onSignal(["SIGINT", "SIGTERM", "SIGHUP"], (name) => {
        stop();
        resolve(name);
      });
    });
  }

  /** In order: new work is refused, what runs is answered, agents stop, connections close, the socket goes. */
  shutdownAll(): Promise<ShutdownResult> {
    this.#shutdown ??= this.#shutDown();
    return this.#shutdown;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdownAll();
  }

  #workerModule(): string {
    const module = this.module ?? this.#host.mainPath;
    if (module !== undefined) return module;
    throw new ActonError(
      "START_FAILED",
      "a worker has no module to import: it needs one that says 'export default app({ … })', with the agent in it",
    );
  }

  async #shutDown(): Promise<ShutdownResult> {
    const started = this.#clock.monotonic();
    const drained = await this.#listener?.drain();
    const spent = this.#clock.monotonic() - started;
    const stopped = await this.#stopAgents(this.#listener === undefined ? Infinity : Math.max(0, this.#listener.drainTimeoutMs - spent));
    await this.#listener?.close();
    this.#stopWatchingFaults();
    this.#host.exitWith(0);
    const lost = drained?.lost ?? 0;
    if (lost > 0 || !stopped) this.#log.warn("shut down incomplete", { lost, agentsStopped: stopped });
    return { complete: lost === 0 && stopped, lost };
  }

  // The time for draining bounds the agents' stop too, where clients wait for it.
  async #stopAgents(withinMs: number): Promise<boolean> {
    const stopping = this.#system.stopAll();
    if (withinMs === Infinity) return stopping;
    const late = Promise.withResolvers<boolean>();
    const timer = after(this.#clock, withinMs, () => late.resolve(false));
    const stopped = await Promise.race([stopping, late.promise]);
    this.#clock.disarm(timer);
    return stopped;
  }
}

// Whoever describes an application may say more of it than clients need to know.
function releaseOf({ name, version }: Release = { name: "application", version: "0.0.0" }): Release {
  return { name, version };
}
