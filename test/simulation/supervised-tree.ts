// Supervised agents of one server, and a model of what their supervisors owe: who comes back, in which order, how often
// and not too soon; that handles and mailboxes follow; that what was given up stays down.

import {
  ActonError,
  AgentRestarted,
  type AgentHandle,
  agent,
  type Blueprint,
  type Clock,
  message,
  type RestartKind,
  type Strategy,
  SupervisionEscalated,
} from "acton";
import type { World } from "acton/testing";
import { z } from "zod";
import type { Life } from "./server.ts";
import { pause } from "./services.ts";

const Done = message("Done", { n: z.int() });
const Job = message("Job", { n: z.int(), ms: z.int(), fate: z.enum(["work", "crash", "quit"]) }).replies(Done);

const intensity = { restartsMax: 3, restartWindowMs: 2_000, backoffMs: 40, backoffMaxMs: 200 };
const memberNames = ["a", "b", "c"] as const;
const planned = "crashed as planned";

type Member = AgentHandle<typeof Job>;

/** One supervised child, as the model sees it. */
interface Child {
  readonly name: string;
  readonly restart: RestartKind;
  readonly handle: Member;
  /** When it went down by itself and was to come back. Kept for children that are restarted alone. */
  readonly falls: number[];
  generation: number;
  /** It must not come back any more. */
  mustStayDown: boolean;
  givenUp: boolean;
  /** The last job that it has begun, of those sent in order. */
  lastN: number;
}

export class SupervisedTree {
  readonly #world: World;
  readonly #life: Life;
  readonly #nextN: () => number;
  readonly #groups: Group[] = [];

  constructor(world: World, life: Life, nextN: () => number) {
    this.#world = world;
    this.#life = life;
    this.#nextN = nextN;
  }

  async begin(): Promise<void> {
    for (const strategy of ["oneForOne", "oneForAll", "restForOne"] as const) {
      const group = new Group(this.#world, this.#life, strategy);
      await group.begin();
      this.#groups.push(group);
    }
  }

  /** A job for one of them, which may be its end: whoever asked has one outcome, in time. */
  async job(): Promise<void> {
    const { choices } = this.#world;
    const child = choices.pick(choices.pick(this.#groups).children);
    await this.#give(child, choices.pick(["crash", "work", "crash", "work", "quit"] as const), choices.pick([0, 0, 15]));
  }

  /** Crashes one of them as soon as it is up again. */
  async storm(): Promise<void> {
    const { choices } = this.#world;
    const child = choices.pick(choices.pick(this.#groups).children);
    for (let i = intensity.restartsMax + 2; i > 0; i--) await this.#give(child, "crash", 0);
  }

  async #give(child: Child, fate: "crash" | "work" | "quit", ms: number): Promise<void> {
    const n = this.#nextN();
    const at = this.#world.now;
    const timeoutMs = 700;
    try {
      const answer = await child.handle.ask(Job, { n, ms, fate }, { timeoutMs });
      if (answer.n !== n) this.#fail(`job ${n} got the answer to ${answer.n}`);
      if (fate === "crash") this.#fail(`job ${n} was to crash, and was answered`);
    } catch (error) {
      if (!(error instanceof ActonError)) throw error;
      const tookMs = this.#world.now - at;
      if (error.code === "TIMEOUT" && tookMs !== timeoutMs) this.#fail(`job ${n} timed out after ${tookMs} ms`);
      const own = error.code === "HANDLER_FAILED" ? fate === "crash" : ["TIMEOUT", "AGENT_STOPPED", "TARGET_BUSY"].includes(error.code);
      if (!own) this.#fail(`job ${n} failed with ${error.code}: ${error.message}`);
      const { status } = child.handle;
      if (error.code === "AGENT_STOPPED" && error.ran === "no" && (status === "running" || status === "restarting"))
        this.#fail(`job ${n} was queued for ${child.name}, and lost though it is ${status}`);
    }
    if (this.#world.now > at + timeoutMs) this.#fail(`job ${n} had its outcome after ${this.#world.now - at} ms`);
  }

  check(): void {
    if (!this.#life.killed) for (const group of this.#groups) group.check();
  }

  #fail(what: string): void {
    this.#world.fail(`in server ${this.#life.number}: ${what}`);
  }
}

class Group {
  readonly #world: World;
  readonly #life: Life;
  readonly #strategy: Strategy;
  children: readonly Child[] = [];

  constructor(world: World, life: Life, strategy: Strategy) {
    this.#world = world;
    this.#life = life;
    this.#strategy = strategy;
  }

  async begin(): Promise<void> {
    const { app, process } = this.#life;
    const kinds = memberNames.map(() => this.#world.choices.pick<RestartKind>(["permanent", "permanent", "transient"]));
    const broker = app.broker();
    broker.subscribe(AgentRestarted, ({ agent: id, generation }) => this.#find(id, (child) => this.#rose(child, generation)));
    broker.subscribe(SupervisionEscalated, ({ agent: id, restarts }) => this.#find(id, (child) => this.#givenUp(child, restarts)));
    const blueprints = memberNames.map((name) => this.#member(name, process.clock));
    const parent = blueprints.reduce(
      (all, blueprint, place) => all.supervise(blueprint, { restart: kinds[place] ?? "permanent" }),
      agent(`${this.#strategy} parent`, () => ({})).supervision({ strategy: this.#strategy, ...intensity }),
    );
    const handle = await app.start(parent);
    this.children = handle.children.map(({ handle: child, restart }) => {
      return { name: child.name, restart, handle: child, falls: [], generation: 1, mustStayDown: false, givenUp: false, lastN: 0 };
    });
  }

  check(): void {
    for (const { handle, givenUp, name } of this.children) {
      if (givenUp && handle.status === "running") this.#fail(`${name} runs, though it was given up`);
    }
  }

  #member(name: string, clock: Clock): Blueprint<object, typeof Job> {
    return agent(name, () => ({}))
      .mutateOn(Job, async ({ message: { n, ms, fate }, self }) => {
        const child = this.#named(name);
        if (child !== undefined && n <= child.lastN) this.#fail(`${name} got job ${n} after ${child.lastN}`);
        if (child !== undefined) child.lastN = n;
        if (ms > 0) await pause(clock, ms);
        // Once it stops, a crash costs its asker and changes nothing more.
        if (fate === "crash" && self.status === "running") this.#fell(child, "crashed");
        if (fate === "crash") throw new Error(planned);
        if (fate === "quit") void self.stop();
        return { n };
      })
      .beforeStart(() => this.#comesUp(name))
      .afterStop(async () => {
        // Those who come up together have to wait for it.
        if (this.#strategy !== "oneForOne" && !this.#over) await pause(clock, this.#world.choices.pick([0, 60]));
        this.#fell(this.#named(name), "stopped");
      });
  }

  // Whoever comes up again does so when all that had to go down are down, and after those that started earlier.
  #comesUp(name: string): void {
    const place = this.children.findIndex((child) => child.name === name);
    const child = this.children[place];
    if (child === undefined || this.#over) return;
    if (child.mustStayDown) this.#fail(`${name} comes back, and should not`);
    if (this.#strategy === "oneForOne") return this.#comesUpAlone(child);
    const wrong = this.children.find((other, at) => {
      if (at === place || other.givenUp || other.handle.status === "stopped" || other.handle.status === "stopping") return false;
      return at > place ? other.handle.status === "running" : this.#strategy === "oneForAll" && other.handle.status !== "running";
    });
    if (wrong !== undefined) this.#fail(`${name} comes up while ${wrong.name} is ${wrong.handle.status}`);
  }

  #comesUpAlone({ name, falls }: Child): void {
    const last = falls.at(-1) ?? -Infinity;
    const waited = this.#world.now - last;
    const least = Math.min(intensity.backoffMs * 2 ** (recentBefore(falls, last) - 1), intensity.backoffMaxMs) / 2;
    if (waited < least) this.#fail(`${name} comes back after ${waited} ms, at least ${least} should pass`);
    if (waited > 2 * least) this.#fail(`${name} comes back after ${waited} ms, at most ${2 * least} should pass`);
  }

  #fell(child: Child | undefined, how: "crashed" | "stopped"): void {
    if (child === undefined || this.#over || this.#strategy !== "oneForOne" || child.mustStayDown) return;
    const { now } = this.#world;
    const recent = recentBefore(child.falls, now);
    child.mustStayDown = recent >= intensity.restartsMax || (how === "stopped" && child.restart === "transient");
    child.falls.push(now);
  }

  #rose(child: Child, generation: number): void {
    // Its queue is short: some of the news may have been lost, but none comes twice or late.
    if (generation <= child.generation) this.#fail(`${child.name} has the generation ${generation} after ${child.generation}`);
    child.generation = generation;
  }

  #givenUp(child: Child, restarts: number): void {
    child.givenUp = true;
    if (restarts !== intensity.restartsMax) this.#fail(`${child.name} was given up after ${restarts} restarts`);
    if (this.#strategy === "oneForOne" && !child.mustStayDown) this.#fail(`${child.name} was given up too early`);
  }

  #find(id: string, act: (child: Child) => void): void {
    const child = this.children.find(({ handle }) => handle.id === id);
    if (child !== undefined && !this.#over) act(child);
  }

  #named(name: string): Child | undefined {
    return this.children.find((child) => child.name === name);
  }

  get #over(): boolean {
    return this.#life.killed || this.#life.state === "stopping" || this.#life.state === "over";
  }

  #fail(what: string): void {
    this.#world.fail(`in server ${this.#life.number}, ${this.#strategy}: ${what}`);
  }
}

/** Those of the falls that still count at a time. */
function recentBefore(falls: readonly number[], at: number): number {
  return falls.filter((fall) => at - fall < intensity.restartWindowMs).length;
}
