import { expect, test } from "bun:test";
import { z } from "zod";
import { agent, type Blueprint } from "../../src/agent/blueprint.ts";
import { AgentCell } from "../../src/agent/cell.ts";
import type { RestartKind } from "../../src/agent/definition.ts";
import type { AgentHandle, AgentStatus } from "../../src/agent/handle.ts";
import { after } from "../../src/clock.ts";
import { message } from "../../src/message/message-type.ts";
import { seededRandom } from "../../src/random.ts";
import { testSystem, turns } from "../support/system.ts";

const Ping = message("Ping", {}).replies(message("Pong", z.int()));
const Wait = message("Wait", {}).replies(message("Waited", z.null()));
const Crash = message("Crash", {});
const CrashLater = message("CrashLater", {});

type Node = AgentHandle<typeof Ping | typeof Wait | typeof Crash | typeof CrashLater>;

const limits = { startTimeoutMs: 500, stopTimeoutMs: 700, askTimeoutMs: 3_000, restartWindowMs: 5_000, restartsMax: 3, backoffMs: 50 };

const followers: Record<AgentStatus, readonly AgentStatus[]> = {
  starting: ["running", "stopping"],
  running: ["restarting", "stopping"],
  restarting: ["running", "stopping"],
  stopping: ["stopped"],
  stopped: ["restarting"],
};

/** Trees of supervised agents whose hooks take their time, hang or fail, and everything that can be done to them at any moment. */
class Family {
  readonly #random;
  readonly #world = testSystem(limits);
  readonly #known: Node[] = [];
  readonly #asks: string[] = [];
  readonly faults: string[] = [];
  /** Hooks do nothing strange. */
  #calm = true;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  async run(steps: number): Promise<void> {
    const { system } = this.#world;
    for (let i = 0; i < 2; i++) await system.start(this.#blueprint(2));
    this.#calm = false;
    for (let i = 0; i < steps; i++) {
      this.#step();
      const pause = this.#pick(0, 0, 1, 2, 3, 8, 8);
      if (pause === 8) await turns(this.#pick(1, 2));
      else for (let tick = 0; tick < pause; tick++) await Promise.resolve();
    }
    await this.#end();
  }

  #blueprint(depth: number): Blueprint<{ count: number }, typeof Ping | typeof Wait | typeof Crash | typeof CrashLater> {
    const name = `n${this.#random.next().toString(36).slice(2, 8)}`;
    const crash = (): never => {
      throw new Error(`${name} crashed`);
    };
    let blueprint = agent(name, () => ({ count: 0 }))
      .mutateOn(Ping, ({ model }) => (model.count += 1))
      .actOn(Wait, () => this.#sleep(300).then(() => null))
      .mutateOn(Crash, crash)
      .actOn(CrashLater, () => this.#sleep(30).then(crash))
      .beforeStart(({ self }) => {
        this.#meet(self);
        return this.#dawdle();
      })
      .afterStart(() => (this.#calm ? undefined : this.#sleep(this.#pick(0, 0, 0, 60))))
      .beforeStop(() => this.#dawdle())
      .afterStop(() => this.#dawdle())
      .supervision({ strategy: this.#pick("oneForOne", "oneForAll", "restForOne"), escalation: this.#pick("notifyParent", "stopSupervisor") });
    if (this.#random.next() < 0.15) blueprint = blueprint.onCrash(this.#pick("resume", "restart", "stop"));
    const children = depth > 0 ? this.#pick(0, 1, 2, 3) : 0;
    for (let i = 0; i < children; i++) blueprint = blueprint.supervise(this.#blueprint(depth - 1), { restart: this.#restartKind() });
    return blueprint;
  }

  #step(): void {
    const one = this.#pick(...this.#known);
    const parent = this.#pick(...this.#known.filter(({ children }) => children.length > 0));
    const child = parent?.children.length ? this.#pick(...parent.children).handle : undefined;
    const dice = this.#random.next();
    if (dice < 0.2) one.trySend(Crash, {});
    else if (dice < 0.26) one.trySend(CrashLater, {});
    else if (dice < 0.34) void one.stop();
    else if (dice < 0.4 && child !== undefined) void parent.unsupervise(child);
    else if (dice < 0.44 && child !== undefined) parent.release(child);
    else if (dice < 0.5) one.supervise(this.#blueprint(1), { restart: this.#restartKind() }).catch(() => {});
    else if (dice < 0.7) this.#ask(one);
    else this.#world.clock.advance(this.#pick(0, 1, 10, 50, 100, 300, 1_000));
  }

  async #end(): Promise<void> {
    const { clock, system, lines } = this.#world;
    let over = false;
    const stopped = system.stopAll().then(() => (over = true));
    for (let i = 0; i < 200 && !over; i++) {
      await turns(2);
      clock.advance(100);
    }
    if (!over) this.faults.push("the end does not come");
    else await stopped;
    for (let i = 0; i < 50; i++) {
      await turns(1);
      clock.advance(200);
    }
    // A child whose first start hangs has never joined: its parent's end is not its own.
    for (const { id, status } of this.#known) if (status !== "stopped" && status !== "starting") this.faults.push(`${id} is ${status}`);
    if (this.#asks.length > 0) this.faults.push(`no outcome of asks of ${this.#asks.join(", ")}`);
    if (clock.armed > 0) this.faults.push(`${clock.armed} timers are left`);
    this.faults.push(...lines.filter(({ message: text }) => text === "watcher failed").map(({ fields }) => String(fields["error"])));
  }

  #meet(node: Node): void {
    if (this.#known.includes(node)) return;
    this.#known.push(node);
    let { status: last, generation } = node;
    if (!(node.recipient instanceof AgentCell)) throw new TypeError("Cannot look into an agent that is not here");
    node.recipient.life.standing.onChange((status) => {
      if (!followers[last].includes(status)) this.faults.push(`${node.id} went from ${last} to ${status}`);
      if (status === "running") generation += 1;
      if (node.generation !== generation) this.faults.push(`${node.id} is ${status} in generation ${node.generation} after ${generation}`);
      last = status;
    });
    node.watch(() => {
      if (node.status !== "stopped") this.faults.push(`${node.id} is gone and ${node.status}`);
    });
  }

  #ask(node: Node): void {
    this.#asks.push(node.id);
    const settled = (): void => void this.#asks.splice(this.#asks.indexOf(node.id), 1);
    (this.#random.next() < 0.5 ? node.ask(Ping, {}) : node.ask(Wait, {})).then(settled, settled);
  }

  async #dawdle(): Promise<void> {
    const dice = this.#calm ? 0 : this.#random.next();
    if (dice >= 0.5) await this.#sleep(this.#pick(0, 200, 200, 2_000));
    if (dice >= 0.87) throw new Error("a hook fails");
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void after(this.#world.clock, this.#random.next() * ms, resolve));
  }

  #restartKind(): RestartKind {
    return this.#pick("permanent", "permanent", "transient", "temporary");
  }

  #pick<const Value>(...of: readonly Value[]): Value {
    return of[Math.floor(this.#random.next() * of.length)] as Value;
  }
}

test("whatever is done to a family and whenever, its lives follow each other in order, every ask has an outcome, and all ends with the system", async () => {
  const faults: string[] = [];
  for (let seed = 1; seed <= 60; seed++) {
    const family = new Family(seed);
    await family.run(60);
    faults.push(...family.faults.map((fault) => `seed ${seed}: ${fault}`));
  }
  expect(faults).toEqual([]);
});
