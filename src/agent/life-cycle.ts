// From the first hook to the last: starting, crashing, restarting and stopping one agent. The cell runs messages; this
// decides whether there is anything to run them for. An agent restarts in place, so that handles, names and
// subscriptions follow. Every way down is bounded: its steps race one deadline.

import { Ascent, startFailed, upInTime } from "./ascent.ts";
import { Belongings } from "./belongings.ts";
import { bounded } from "./bounded.ts";
import { decideCrash } from "./crash-policy.ts";
import type { HookName } from "./definition.ts";
import { runHookGuarded } from "./hooks.ts";
import { agentStopped, type Departure, type Guardian, type Household, type Living, type SupervisedLife, type Within } from "./living.ts";
import type { AgentServices } from "./services.ts";
import { Standing } from "./standing.ts";
import { comeBack, Succession } from "./succession.ts";

const notFalling = Promise.resolve();

export class LifeCycle implements SupervisedLife {
  readonly standing: Standing;
  generation = 0;
  era: number | undefined;
  guardian: Guardian | undefined;
  readonly #cell: Living;
  readonly #services: AgentServices;
  readonly #ascent = new Ascent();
  #household: Household | undefined;
  #belongings: Belongings | undefined;
  #succession: Succession | undefined;
  /** The way down between two lives: whoever brings it back or stops it waits for that. */
  #falling: Promise<void> = notFalling;
  #stopping: Promise<void> | undefined;
  /** What a stop that a crash began is told as. */
  #crash: Departure | undefined;
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

  get family(): Household {
    return (this.#household ??= this.#services.householdOf(this.#cell));
  }

  get succession(): Succession {
    return (this.#succession ??= new Succession(this.#cell, this.#services));
  }

  /** Resolves when it is up. Rejects with START_FAILED when the model factory, `beforeStart` or a child of the blueprint fails. */
  async start(): Promise<{ readonly afterStart: Promise<void> }> {
    let up;
    try {
      up = await this.#rise(this.#ascent.begin());
    } catch (error) {
      await this.#fallBack();
      this.#laidDown = true;
      await this.end();
      throw error;
    }
    if (up !== undefined) return up;
    await this.end();
    throw startFailed(this.#cell, "was stopped while it started");
  }

  raise(): Promise<void> {
    return this.standing.status === "running" ? Promise.resolve() : (this.#ascent.raising ??= this.#raise());
  }

  lower(): Promise<void> {
    this.#ascent.dissuade();
    if (this.#stopping !== undefined) return this.#stopping;
    if (this.standing.status === "running") this.#falling = this.#lower();
    return this.#ascent.underway ? this.#fallBack() : this.#falling;
  }

  stop(): Promise<void> {
    return (this.#stopping ??= this.#stop());
  }

  async end(): Promise<void> {
    const waited = this.standing.status === "stopped" && this.guardian !== undefined;
    this.guardian = undefined;
    this.#ascent.dissuade();
    if (waited) this.standing.setGone();
    await this.stop();
  }

  release(): void {
    const { status } = this.standing;
    const waits = this.guardian !== undefined && (status === "restarting" || status === "stopped");
    this.guardian = undefined;
    this.#ascent.dissuade();
    if (waits) void comeBack(this.#cell, this.#services.log);
  }

  /** A handler threw: decides what becomes of the agent, and does it. */
  crashed(error: unknown, decision = decideCrash(this.#cell, error, this.#services)): void {
    if (decision === "restart") void this.#fail(error);
    if (decision !== "stop" || this.#stopping !== undefined) return;
    this.#crash = { kind: "crashed", error };
    void this.stop();
  }

  giveUp(error: unknown): void {
    if (this.guardian === undefined) void this.#cell.stop();
    else if (this.#ascent.underway) this.#ascent.spoil(error);
    else void this.#fail(error);
  }

  async #raise(): Promise<void> {
    const ascent = this.#ascent;
    const attempt = ascent.begin();
    if (this.standing.status === "stopping" && !ascent.underway) await this.#stopping;
    if (!ascent.isCurrent(attempt)) return;
    if (this.standing.status === "stopped") this.#reopen();
    ascent.underway = true;
    await this.#falling;
    if (!ascent.isCurrent(attempt)) return;
    try {
      await upInTime(this.#cell, this.#services, this.#rise(attempt));
    } catch (error) {
      if (!ascent.isCurrent(attempt)) return;
      await this.#fallBack();
      throw error;
    }
  }

  /** Undefined when it was stopped or laid down meanwhile. */
  async #rise(attempt: number): Promise<{ readonly afterStart: Promise<void> } | undefined> {
    this.era = attempt;
    this.#laidDown = false;
    await this.#ascent.climb(attempt, { cell: this.#cell, services: this.#services, life: this });
    if (!this.#ascent.arrive(attempt)) return undefined;
    this.#falling = notFalling;
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
    this.#ascent.underway = guardian === undefined;
    await (this.#falling = this.#fall((within) => this.#fallOfChildren(within)));
    // Not when it was stopped by force meanwhile, or somebody stops it or brings it back already.
    if (guardian === undefined && this.#ascent.underway) return comeBack(this.#cell, this.#services.log);
    if ((this.#stopping ?? this.#ascent.raising) === undefined && this.guardian === guardian) guardian?.departed({ kind: "crashed", error });
  }

  async #lower(): Promise<void> {
    await this.#fall(async (within) => {
      await within(this.#hook("beforeStop"));
      await this.#fallOfChildren(within);
      await within(this.#hook("afterStop"));
    });
    this.#laidDown = true;
  }

  /** Calls the way up off. */
  #fallBack(): Promise<void> {
    this.#ascent.callOff();
    this.#belongings?.endSchedules();
    return (this.#falling = this.#goDown(async (within) => {
      await this.#fallOfChildren(within);
      if (this.#stopping === undefined) return;
      // Whoever has stopped it meanwhile waits for what is queued, and nobody will work that off.
      this.#cell.abandon(agentStopped, true);
      this.#cell.release();
    }));
  }

  // The mailbox is kept; what runs belongs to the old model and ends.
  async #fall(further: (within: Within) => Promise<void>): Promise<void> {
    this.standing.set("restarting");
    this.#cell.hold();
    this.#cell.abandon({ code: "AGENT_STOPPED", message: "the agent restarted" }, false);
    this.#belongings?.endSchedules();
    await this.#goDown(further);
  }

  async #fallOfChildren(within: Within): Promise<void> {
    this.era = undefined;
    await this.#household?.fall(within);
  }

  async #stop(): Promise<void> {
    const { counters, limits, log } = this.#services;
    // Down between two lives, nothing will work off what is queued.
    const down = this.standing.status !== "running" && !this.#ascent.underway;
    this.standing.set("stopping");
    this.#belongings?.unsubscribe();
    this.#cell.closeMailbox();
    await this.#goDown(async (within) => {
      const drained = await within(down ? this.#falling : new Promise<void>((resolve) => this.#cell.drain(resolve)));
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
    else if (this.#ascent.raising === undefined) this.guardian.departed(this.#crash ?? { kind: "stopped" });
  }

  async #end(within: Within): Promise<void> {
    if (this.#ascent.underway) this.#ascent.callOff();
    this.era = undefined;
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
}
