// From the first hook to the last: starting, crashing, restarting and stopping one agent. The cell runs messages;
// this decides whether there is anything to run them for. Stopping is bounded: every step races one deadline.

import { after } from "../clock.ts";
import { ActonError, detailOf, type Failure, stackOf } from "../errors.ts";
import type { Recipient } from "../message/recipient.ts";
import type { AgentArgument, BlueprintDefinition, CrashDecision, HookName } from "./blueprint.ts";
import type { Schedule } from "./schedule.ts";
import type { AgentServices, BroadcastTarget } from "./services.ts";

export const agentStopped: Failure = { code: "AGENT_STOPPED", message: "the agent has stopped", ran: "no" };

export type AgentStatus = "starting" | "running" | "draining" | "stopping" | "stopped";

/** The cell, as its life cycle uses it. */
export interface Living extends BroadcastTarget {
  readonly name: string;
  readonly argument: AgentArgument<unknown>;
  model: unknown;
  /** While held no message runs. */
  hold(): void;
  release(): void;
  /** Turns new messages and waiting senders away. */
  closeMailbox(): void;
  /** Runs `drained` once nothing is queued or running. */
  drain(drained: () => void): void;
  /** Ends what runs, for its askers; with `queued`, what waits in the mailbox too. */
  abandon(failure: Failure, queued: boolean): void;
}

export class LifeCycle {
  status: AgentStatus = "starting";
  readonly #cell: Living;
  readonly #definition: BlueprintDefinition;
  readonly #services: AgentServices;
  #children: Recipient[] | undefined;
  #schedules: Set<Schedule> | undefined;
  #watchers: Set<() => void> | undefined;
  #subscriptions: Array<() => void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(cell: Living, definition: BlueprintDefinition, services: AgentServices) {
    this.#cell = cell;
    this.#definition = definition;
    this.#services = services;
  }

  /** Rejects with START_FAILED when the model factory or `beforeStart` fails. */
  async start(): Promise<void> {
    try {
      this.#cell.model = this.#definition.model();
      await this.#hook("beforeStart");
    } catch (error) {
      this.#cell.closeMailbox();
      await this.#end(agentStopped);
      throw new ActonError("START_FAILED", `the agent ${this.#cell.name} did not start: ${detailOf(error)}`, { cause: error });
    }
    if (this.#stopping !== undefined) {
      await this.#stopping;
      throw new ActonError("START_FAILED", `the agent ${this.#cell.name} was stopped while it started`);
    }
    for (const name of this.#definition.subscriptions) {
      const type = this.#definition.handlers.get(name)?.type;
      if (type !== undefined) (this.#subscriptions ??= []).push(this.#services.subscribe(type, this.#cell));
    }
    this.status = "running";
    this.#cell.release();
    await this.#guardedHook("afterStart");
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** A handler threw: decides what becomes of the agent, and does it. */
  crashed(error: unknown): void {
    const decision = this.#decide(error);
    if (decision === "stop") void this.stop();
    else if (decision === "restart" && this.status === "running") void this.#restart();
  }

  /** Rejects with AGENT_STOPPED, and stops the child, when the agent has gone while it was starting. */
  async adopt(child: Recipient): Promise<void> {
    if (this.#isOver()) {
      await child.stop();
      throw ActonError.from(agentStopped);
    }
    (this.#children ??= []).push(child);
    child.watch(() => {
      this.#children = this.#children?.filter((other) => other !== child);
    });
  }

  keep(schedule: Schedule): Schedule {
    if (this.#isOver()) schedule.cancel();
    else (this.#schedules ??= new Set()).add(schedule);
    return schedule;
  }

  drop(schedule: Schedule): void {
    this.#schedules?.delete(schedule);
  }

  watch(stopped: () => void): () => void {
    if (this.status === "stopped") {
      stopped();
      return () => {};
    }
    const watchers = (this.#watchers ??= new Set());
    const watcher = (): void => stopped();
    watchers.add(watcher);
    return () => watchers.delete(watcher);
  }

  async #stop(): Promise<void> {
    const { clock, counters, limits, log } = this.#services;
    this.status = "draining";
    this.#unsubscribe();
    this.#cell.closeMailbox();
    const deadline = Promise.withResolvers<"late">();
    const timer = after(clock, limits.stopTimeoutMs, () => deadline.resolve("late"));
    const within = async (step: Promise<unknown>): Promise<boolean> => (await Promise.race([step, deadline.promise])) !== "late";

    const drained = await within(new Promise<void>((resolve) => this.#cell.drain(resolve)));
    if (!drained) {
      counters.stoppedByForce += 1;
      log.warn("agent stopped by force", { agent: this.#cell.name, afterMs: limits.stopTimeoutMs });
    }
    if (drained) await within(this.#guardedHook("beforeStop"));
    await this.#end(agentStopped, within);
    await within(this.#guardedHook("afterStop"));
    clock.disarm(timer);
    this.#tellWatchers();
  }

  async #end(failure: Failure, within: (step: Promise<void>) => Promise<unknown> = unbounded): Promise<void> {
    this.status = "stopping";
    this.#unsubscribe();
    this.#cell.abandon(failure, true);
    await this.#endChildren(within);
    this.status = "stopped";
  }

  // What a life has started ends with it.
  async #endChildren(within: (step: Promise<void>) => Promise<unknown>): Promise<void> {
    for (const schedule of this.#schedules ?? []) schedule.cancel();
    for (const child of [...(this.#children ?? [])].reverse()) await within(child.stop());
  }

  #isOver(): boolean {
    return this.status === "stopping" || this.status === "stopped";
  }

  // Outside of the agent's own reckoning: a watcher is somebody else's code.
  #tellWatchers(): void {
    const watchers = [...(this.#watchers ?? [])];
    this.#watchers = undefined;
    for (const watcher of watchers) {
      try {
        this.#services.activity.within(undefined, watcher, undefined);
      } catch (error) {
        this.#services.log.error("watcher failed", { agent: this.#cell.name, error: detailOf(error) });
      }
    }
  }

  #unsubscribe(): void {
    for (const cancel of this.#subscriptions ?? []) cancel();
    this.#subscriptions = undefined;
  }

  #decide(error: unknown): CrashDecision {
    const policy = this.#definition.crashPolicy;
    if (typeof policy === "string") return policy;
    try {
      return this.#services.activity.within(undefined, policy, error);
    } catch (policyError) {
      this.#services.log.error("crash policy failed, resuming", { agent: this.#cell.name, error: detailOf(policyError) });
      return "resume";
    }
  }

  // The mailbox is kept; what runs beside the crashed handler belongs to the old model and ends.
  async #restart(): Promise<void> {
    this.#cell.hold();
    this.#cell.abandon({ code: "AGENT_STOPPED", message: "the agent restarted" }, false);
    await this.#endChildren(unbounded);
    try {
      this.#cell.model = this.#definition.model();
      await this.#hook("beforeStart");
    } catch (error) {
      this.#services.log.error("agent did not restart", { agent: this.#cell.name, error: detailOf(error) });
      this.#cell.release();
      this.#cell.abandon(agentStopped, true);
      return this.stop();
    }
    // It may have been stopped meanwhile: then it works off what is queued, or has ended.
    if (this.#isOver()) return;
    this.#cell.release();
    if (this.#stopping === undefined) await this.#guardedHook("afterStart");
  }

  async #hook(name: HookName): Promise<void> {
    const hook = this.#definition.hooks[name];
    // A hook is nobody's handler, whoever it was that made the agent start or stop.
    if (hook !== undefined) await this.#services.activity.within(undefined, hook, this.#cell.argument as never);
  }

  async #guardedHook(name: HookName): Promise<void> {
    try {
      await this.#hook(name);
    } catch (error) {
      this.#services.counters.crashed += 1;
      this.#services.log.error("hook failed", { agent: this.#cell.name, hook: name, error: detailOf(error), stack: stackOf(error) });
    }
  }
}

function unbounded(step: Promise<void>): Promise<void> {
  return step;
}
