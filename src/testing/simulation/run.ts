// One run of a scenario: begin, so many events, then peace: faults end, everything is shut down, and nothing may be left.

import type { Choices } from "./choices.ts";
import { World } from "./world.ts";

/** What a scenario has started. */
export interface Simulation {
  /** One of them is begun now and then. What it returns is waited for at the end only; it must not reject. */
  readonly operations: Readonly<Record<string, () => unknown>>;
  /** Looked at after each event; throws when something is not as it must be. */
  check?(): void;
  /** Called after the last event, when connections are no longer disturbed. */
  end?(): unknown;
  /** Called when everything was shut down; throws when something is left. */
  after?(): void;
}

/** Starts what is to be simulated. */
export type Scenario = (world: World) => Simulation | Promise<Simulation>;

export interface RunOptions {
  readonly events: number;
  readonly keepTrace: boolean;
}

export interface Run {
  readonly failure: string | undefined;
  /** Events that were run before it failed or ended, those of the shutdown not counted. */
  readonly events: number;
  readonly hash: string;
  readonly choices: readonly number[];
  /** How many choices had been made when each event began, and when the last had ended. */
  readonly marks: readonly number[];
  readonly trace: readonly string[];
}

/** More than any shutdown takes: beyond it the run goes round in a circle. */
const restEventsMax = 50_000;
/** Time that passes after everything was shut down, for what still waits. */
const restMs = 600_000;

const paces = [2, 4, 1];

export function runScenario(scenario: Scenario, choices: Choices, { events, keepTrace }: RunOptions): Run {
  const world = new World(choices, keepTrace);
  const run = new ScenarioRun(world);
  const done = run.play(scenario, events);
  const { failure, trace } = world;
  return { failure, events: done, hash: trace.hash, choices: choices.made, marks: run.marks, trace: trace.lines };
}

class ScenarioRun {
  readonly #world: World;
  readonly marks: number[] = [];
  readonly #open = new Map<Promise<unknown>, string>();
  #check: () => void = () => {};
  #restEvents = 0;
  /** How much time passes while nothing happens: 1 is none. */
  readonly #pace: number;

  constructor(world: World) {
    this.#world = world;
    this.#pace = world.choices.pick(paces);
  }

  /** Returns how many events there were. */
  play(scenario: Scenario, events: number): number {
    const world = this.#world;
    const simulation = this.#settle("begin", () => scenario(world));
    if (simulation === undefined) return 0;
    this.#check = () => world.attempt("check", () => simulation.check?.());
    const operations = Object.entries(simulation.operations);
    let done = 0;
    while (done < events && world.failure === undefined) {
      done += 1;
      this.marks.push(world.choices.made.length);
      this.#step(operations);
      this.#check();
    }
    this.marks.push(world.choices.made.length);
    if (world.failure === undefined) this.#finish(simulation);
    return done;
  }

  #step(operations: ReadonlyArray<readonly [string, () => unknown]>): void {
    const world = this.#world;
    const roll = world.choices.below(40);
    if (roll === 39) world.disturb();
    else if (roll === 38) this.#jump();
    else if (roll === 37) world.advanceTo(world.now + world.choices.between(0, 20));
    else if (roll > 33) this.#operate(operations);
    else if (!world.isIdle) world.runOne();
    else if (world.choices.below(this.#pace) === 0) this.#operate(operations);
    else this.#jump();
  }

  // Time runs away from those that have something to do only by a little.
  #jump(): void {
    const world = this.#world;
    const due = world.nextDue;
    if (due !== Infinity && (world.isIdle || due - world.now < 50)) world.advanceTo(due);
    else world.advanceTo(world.now + 1);
  }

  #operate(operations: ReadonlyArray<readonly [string, () => unknown]>): void {
    if (operations.length === 0) return;
    const [name, operation] = this.#world.choices.pick(operations);
    this.#world.runNow(name, () => {
      const result = operation();
      if (result instanceof Promise) this.#track(name, result);
    });
  }

  #track(name: string, promise: Promise<unknown>): void {
    this.#open.set(promise, name);
    promise.then(
      () => this.#open.delete(promise),
      (thrown: unknown) => {
        this.#open.delete(promise);
        this.#world.fail(`${name} rejected`, thrown);
      },
    );
  }

  #finish(simulation: Simulation): void {
    const world = this.#world;
    world.heal();
    this.#settle("end", () => simulation.end?.() ?? true);
    for (const each of world.processes) world.runNow(`${each.pid} closes its clients`, () => each.closeClients());
    for (const { pid, apps } of world.processes) for (const app of apps) this.#settle(`${pid} shuts down`, () => app.shutdownAll());
    this.#rest();
    if (world.failure !== undefined) return;
    for (const name of this.#open.values()) world.fail(`${name} never settled`);
    if (world.armed > 0) world.fail(`${world.armed} timers are left`);
    if (world.machine.links.size > 0) world.fail(`${world.machine.links.size} connections are left`);
    world.attempt("after", () => simulation.after?.());
  }

  // What nobody waits for may still be on its way: schedules that end, connections that linger.
  #rest(): void {
    const world = this.#world;
    const end = world.now + restMs;
    while (world.failure === undefined && (!world.isIdle || world.nextDue <= end)) this.#calmStep();
  }

  /** Runs events until the promise has settled; undefined when that failed. */
  #settle<T>(what: string, begin: () => T | Promise<T>): T | undefined {
    const world = this.#world;
    let settled: { readonly value: T } | undefined;
    world.runNow(what, () => {
      const result = begin();
      if (!(result instanceof Promise)) settled = { value: result };
      else {
        result.then(
          (value) => (settled = { value }),
          (thrown: unknown) => world.fail(`${what} rejected`, thrown),
        );
      }
    });
    const isOpen = (): boolean => settled === undefined;
    while (isOpen() && world.failure === undefined) {
      if (world.isIdle && world.nextDue === Infinity) world.fail(`${what} never settled`);
      else this.#calmStep();
    }
    return settled?.value;
  }

  #calmStep(): void {
    const world = this.#world;
    this.#restEvents += 1;
    if (this.#restEvents > restEventsMax) world.fail("it never comes to rest");
    else if (world.isIdle) world.advanceTo(world.nextDue);
    else world.runOne();
    this.#check();
    // Whoever waits for a condition may have been told that it holds.
    world.drain();
  }
}
