// From the first hook to the last: starting, crashing, restarting and stopping one agent. The cell runs messages; this
// decides whether there is anything to run them for. An agent restarts in place, so that handles, names and
// subscriptions follow. Every way down is bounded: its steps race one deadline.

import { ActonError, detailOf } from "../errors.ts";
import { Belongings } from "./belongings.ts";
import { bounded } from "./bounded.ts";
import { decideCrash } from "./crash-policy.ts";
import type { HookName } from "./definition.ts";
import { runHook, runHookGuarded } from "./hooks.ts";
import { agentStopped, type Departure, type Guardian, type Household, type Living, type SupervisedLife, type Within } from "./living.ts";
import type { AgentServices } from "./services.ts";
import { Standing } from "./standing.ts";

export class LifeCycle implements SupervisedLife {
  readonly standing: Standing;
  generation = 0;
  guardian: Guardian | undefined;
  readonly #cell: Living;
  readonly #services: AgentServices;
  #household: Household | undefined;
  #belongings: Belongings | undefined;
  /** The way down between two lives: whoever brings it back waits for that. */
  #falling: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  /** What a stop that a crash began is told as. */
  #crash: Departure | undefined;
  /** It is coming up, or about to: a stop waits for that, and then works off what is queued. */
  #rising = false;
  /** Counts the attempts to come up: what an earlier one still waits for does not matter any more. */
  #attempt = 0;
  /** The stop hooks have run for this life. */
  #laidDown = false;

  constructor(cell: Living, services: AgentServices) {
    this.#cell = cell;
    this.#services = services;
    this.standing = new Standing(cell.name, services);
  }

  /** Made when it is first asked for, as is the family: most agents own nothing and have no children. */
  get belongings(): Belongings {
    return (this.#belongings ??= new Belongings());
  }

  get over(): boolean {
    return this.#belongings?.closed ?? false;
  }

  get family(): Household {
    return (this.#household ??= this.#services.householdOf(this.#cell));
  }

  /** Rejects with START_FAILED when the model factory, `beforeStart` or a child of the blueprint fails. */
  async start(): Promise<void> {
    let up;
    try {
      up = await this.#rise();
    } catch (error) {
      await this.#giveUpRising();
      this.#laidDown = true;
      await this.end();
      throw error;
    }
    await up?.afterStart;
    if (up !== undefined) return;
    await this.#stopping;
    throw this.#startFailed("was stopped while it started");
  }

  async raise(): Promise<void> {
    const { guardian } = this;
    await this.#falling;
    if (!this.#rising) await this.#stopping;
    // It was let go meanwhile.
    if (this.guardian !== guardian) return;
    if (this.standing.status === "stopped") this.#reopen();
    const { startTimeoutMs } = this.#services.limits;
    try {
      const up = await bounded(this.#services.clock, startTimeoutMs, (within) => within(this.#rise()));
      if (!up) throw this.#startFailed(`was not up within ${startTimeoutMs} ms`);
    } catch (error) {
      await this.#giveUpRising();
      throw error;
    }
  }

  lower(): Promise<void> {
    if (this.#stopping !== undefined) return this.#stopping;
    if (this.standing.status === "running") this.#falling = this.#lower();
    else if (this.#rising) this.#falling = this.#giveUpRising();
    return this.#falling ?? Promise.resolve();
  }

  stop(): Promise<void> {
    return (this.#stopping ??= this.#stop());
  }

  async end(): Promise<void> {
    const waited = this.standing.status === "stopped" && this.guardian !== undefined;
    this.guardian = undefined;
    await this.stop();
    if (waited) this.standing.setGone();
  }

  release(): void {
    this.guardian = undefined;
    if (this.standing.status === "restarting") void this.#restart();
    if (this.standing.status === "stopped") this.standing.setGone();
  }

  /** A handler threw: decides what becomes of the agent, and does it. */
  crashed(error: unknown): void {
    const decision = decideCrash(this.#cell, error, this.#services);
    if (decision === "restart") void this.#fail(error);
    if (decision !== "stop" || this.#stopping !== undefined) return;
    this.#crash = { kind: "crashed", error };
    void this.stop();
  }

  giveUp(error: unknown): void {
    if (this.guardian === undefined) void this.stop();
    else void this.#fail(error);
  }

  /** Undefined when it was stopped or laid down meanwhile. */
  async #rise(): Promise<{ readonly afterStart: Promise<void> } | undefined> {
    const attempt = (this.#attempt += 1);
    const { definition } = this.#cell;
    this.#rising = true;
    this.#laidDown = false;
    try {
      this.#cell.model = definition.model();
      await runHook(this.#cell, "beforeStart", this.#services);
      if (this.#attempt !== attempt) return undefined;
      if (definition.subscriptions.size > 0) this.belongings.subscribe(definition, this.#cell, this.#services);
      if (definition.children.length > 0) await this.family.rise();
    } catch (error) {
      this.#rising = false;
      throw this.#startFailed(`did not start: ${detailOf(error)}`, error);
    }
    if (this.#attempt !== attempt) return undefined;
    this.#rising = false;
    this.#falling = undefined;
    this.#cell.release();
    // Stopped meanwhile, it still works off what is queued.
    if (this.#stopping !== undefined) return undefined;
    this.generation += 1;
    this.standing.set("running");
    return { afterStart: this.#hook("afterStart") };
  }

  async #fail(error: unknown): Promise<void> {
    if (this.standing.status !== "running") return;
    const { guardian } = this;
    this.#rising = guardian === undefined;
    await (this.#falling = this.#fall(async (within) => this.#household?.fall(within)));
    if (guardian === undefined) return this.#restart();
    if (this.#stopping === undefined && this.guardian === guardian) guardian.departed({ kind: "crashed", error });
  }

  // Alone, it has nobody who would try again.
  async #restart(): Promise<void> {
    try {
      await this.raise();
    } catch (error) {
      this.#services.log.error("agent did not restart", { agent: this.#cell.name, error: detailOf(error) });
      await this.stop();
    }
  }

  async #lower(): Promise<void> {
    await this.#fall(async (within) => {
      await within(this.#hook("beforeStop"));
      await this.#household?.fall(within);
      await within(this.#hook("afterStop"));
    });
    this.#laidDown = true;
  }

  async #giveUpRising(): Promise<void> {
    this.#attempt += 1;
    this.#rising = false;
    await this.#goDown(async (within) => this.#household?.fall(within));
    if (this.#stopping === undefined) return;
    // Whoever has stopped it meanwhile waits for what is queued, and nobody will work that off.
    this.#cell.abandon(agentStopped, true);
    this.#cell.release();
  }

  // The mailbox is kept; what runs belongs to the old model and ends.
  async #fall(further: (within: Within) => Promise<void>): Promise<void> {
    this.standing.set("restarting");
    this.#cell.hold();
    this.#cell.abandon({ code: "AGENT_STOPPED", message: "the agent restarted" }, false);
    this.#belongings?.endSchedules();
    await this.#goDown(further);
  }

  async #stop(): Promise<void> {
    const { counters, limits, log } = this.#services;
    // Down between two lives, nothing will work off what is queued.
    const down = this.standing.status !== "running" && !this.#rising;
    this.standing.set("stopping");
    this.#belongings?.unsubscribe();
    this.#cell.closeMailbox();
    await this.#goDown(async (within) => {
      const drained = down || (await within(new Promise<void>((resolve) => this.#cell.drain(resolve))));
      if (!drained) {
        counters.stoppedByForce += 1;
        log.warn("agent stopped by force", { agent: this.#cell.name, afterMs: limits.stopTimeoutMs });
      }
      if (drained && !this.#laidDown) await within(this.#hook("beforeStop"));
      await this.#end(within);
      if (!this.#laidDown) await within(this.#hook("afterStop"));
    });
    this.standing.set("stopped");
    if (this.guardian === undefined) this.standing.setGone();
    else this.guardian.departed(this.#crash ?? { kind: "stopped" });
  }

  async #end(within: Within): Promise<void> {
    this.#attempt += 1;
    this.#rising = false;
    this.belongings.close();
    this.#cell.abandon(agentStopped, true);
    await this.#household?.end(within);
  }

  #reopen(): void {
    this.#stopping = undefined;
    this.#crash = undefined;
    this.belongings.open();
    this.#cell.hold();
    this.#cell.openMailbox();
    this.standing.set("restarting");
  }

  #goDown(steps: (within: Within) => Promise<void>): Promise<void> {
    return bounded(this.#services.clock, this.#services.limits.stopTimeoutMs, steps);
  }

  #hook(name: HookName): Promise<void> {
    return runHookGuarded(this.#cell, name, this.#services);
  }

  #startFailed(why: string, cause?: unknown): ActonError {
    return new ActonError("START_FAILED", `the agent ${this.#cell.name} ${why}`, { cause });
  }
}
