// A simulated world: one machine, its processes, one time, and everything that may happen next. Nothing in it waits for
// the real event loop: an event is run, then every microtask that came of it, then the next is chosen.

import { drainMicrotasks } from "bun:jsc";
import { after, ManualClock } from "../../clock.ts";
import { detailOf, stackOf } from "../../errors.ts";
import type { LogFields, LogLevel } from "../../log.ts";
import type { Task } from "../../scheduler.ts";
import { MemoryMachine, type ProcessOptions } from "../memory-machine.ts";
import type { End, Link } from "../memory-network.ts";
import type { Choices } from "./choices.ts";
import { type ProcessWorld, SimulatedProcess } from "./simulated-process.ts";
import { Trace } from "./trace.ts";

/** Something that may happen now. */
interface Event extends Task {
  readonly pid: number;
  readonly what: string;
}

/** The user whom processes run as unless told otherwise. */
const uidDefault = 1000;
const bufferSizes = [64 * 1024, 512, 2048, 8192, 212_992];
/** One piece of so many is a crumb: in some runs every other. */
const crumbsOneIn = [8, 2, 8];
const stalledMax = 4;

export class World implements ProcessWorld {
  readonly choices: Choices;
  readonly machine: MemoryMachine;
  /** Messages of the log's error lines that are no fault of the run. */
  readonly expectedErrors = new Set<string>();
  readonly #trace: Trace;
  readonly #crumbsOneIn: number;
  readonly #clock = new ManualClock();
  readonly #ready: Event[] = [];
  readonly #processes = new Set<SimulatedProcess>();
  readonly #stalled: Array<{ readonly link: Link; readonly end: End }> = [];
  #failure: string | undefined;
  #now = 0;

  constructor(choices: Choices, keepTrace: boolean) {
    this.choices = choices;
    this.#trace = new Trace(keepTrace);
    this.#crumbsOneIn = choices.pick(crumbsOneIn);
    this.machine = new MemoryMachine({
      clock: this.#clock,
      bufferBytes: choices.pick(bufferSizes),
      traffic: { later: (event) => this.later(event), piece: (bytes) => this.#piece(bytes) },
    });
  }

  /** Chance, for whoever needs it. Everything that varies in a run must come from here. */
  get random(): Choices {
    return this.choices;
  }

  /** Milliseconds since the run began. */
  get now(): number {
    return this.#now;
  }

  /** What went wrong first. */
  get failure(): string | undefined {
    return this.#failure;
  }

  get trace(): Trace {
    return this.#trace;
  }

  /** Nothing may happen before time passes. */
  get isIdle(): boolean {
    return this.#ready.length === 0;
  }

  /** Timers of living processes. */
  get armed(): number {
    let armed = this.#clock.armed;
    for (const { clock } of this.#processes) armed += clock.armed;
    return armed;
  }

  get processes(): readonly SimulatedProcess[] {
    return [...this.#processes];
  }

  process(options: ProcessOptions = {}): SimulatedProcess {
    const process = new SimulatedProcess(this, this.machine.process({ uid: uidDefault, ...options }), this.now);
    this.#processes.add(process);
    return process;
  }

  /** Resolves when so much time has passed. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => void after(this.#clock, ms, resolve));
  }

  /** Writes a line into the run's trace. */
  note(line: string): void {
    this.#trace.add(line);
  }

  /** Ends the run: this is not as it must be. Only the first call counts. */
  fail(what: string, thrown?: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = thrown === undefined ? what : `${what}: ${detailOf(thrown)}`;
    this.note(`FAILED: ${this.#failure}`);
    if (thrown !== undefined) this.note(stackOf(thrown) ?? "");
  }

  /** Runs user code that must not throw. */
  attempt(what: string, act: () => void): void {
    try {
      act();
    } catch (thrown) {
      this.fail(what, thrown);
    }
  }

  later(event: Event): void {
    this.#ready.push(event);
  }

  forget(pid: number): void {
    for (const each of this.#processes) if (each.pid === pid) this.#processes.delete(each);
    const rest = this.#ready.filter((event) => event.pid !== pid);
    this.#ready.length = 0;
    this.#ready.push(...rest);
    this.note(`${pid} is dead`);
  }

  logged(pid: number, level: LogLevel, message: string, fields: LogFields): void {
    this.note(`${pid} log ${level} ${message}`);
    if (level === "error" && !this.expectedErrors.has(message)) this.fail(`log: ${message} ${JSON.stringify(fields)}`);
  }

  /** Runs one of the events that may happen now, and what comes of it. */
  runOne(): void {
    const [event] = this.#ready.splice(this.choices.below(this.#ready.length), 1);
    if (event === undefined) return;
    this.note(`${this.now} ${event.pid} ${event.what}`);
    this.attempt(`uncaught in ${event.what}`, () => event.run());
    drainMicrotasks();
  }

  /** Runs what `act` does, and what comes of it. */
  runNow(what: string, act: () => void): void {
    this.note(`${this.now} ${what}`);
    this.attempt(`uncaught in ${what}`, act);
    drainMicrotasks();
  }

  /** Runs every microtask that waits. */
  drain(): void {
    drainMicrotasks();
  }

  /** When the next timer is due; Infinity when there is none. */
  get nextDue(): number {
    let next = this.#clock.nextDue;
    for (const { clock } of this.#processes) next = Math.min(next, clock.nextDue);
    return next;
  }

  /** Lets time pass, and expires what is due on the way. */
  advanceTo(time: number): void {
    for (let due = this.nextDue; due <= time; due = this.nextDue) {
      this.#now = due;
      const [early, dueNow] = [[] as ManualClock[], [] as ManualClock[]];
      for (const clock of this.#clocks()) (clock.nextDue > due ? early : dueNow).push(clock);
      for (const clock of early) clock.advanceTo(due);
      for (const clock of dueNow) {
        this.note(`${due} timer`);
        this.attempt("uncaught in a timer", () => clock.advanceTo(due));
        drainMicrotasks();
      }
    }
    this.#now = time;
    for (const clock of this.#clocks()) clock.advanceTo(time);
  }

  /** Does something unkind to a connection, or undoes it. */
  disturb(): void {
    const links = [...this.machine.links];
    if (this.#stalled.length > 0 && (this.#stalled.length >= stalledMax || this.choices.once(2))) return this.#resumeOne();
    if (links.length === 0) return;
    const link = this.choices.pick(links);
    const end: End = this.choices.pick(["client", "server"]);
    const kind = this.choices.pick(["stall", "slow", "stall", "reset"] as const);
    this.note(`${this.now} ${kind} ${end} ${link.socket("client").pid}`);
    if (kind === "reset") link.reset();
    else if (kind === "slow") link.delayMs = this.choices.pick([0, 1, 20, 300]);
    else {
      link.stall(end);
      this.#stalled.push({ link, end });
    }
  }

  /** Undoes every disturbance. */
  heal(): void {
    this.note(`${this.now} healed`);
    while (this.#stalled.length > 0) this.#resumeOne();
    for (const link of this.machine.links) link.delayMs = 0;
    this.machine.failing = () => undefined;
  }

  #resumeOne(): void {
    const [resumed] = this.#stalled.splice(this.choices.below(this.#stalled.length), 1);
    resumed?.link.resume(resumed.end);
  }

  // The world's own is last: what waits for it may look at any process, and all of them must know what time it is.
  #clocks(): ManualClock[] {
    const clocks: ManualClock[] = [];
    for (const { clock } of this.#processes) clocks.push(clock);
    clocks.push(this.#clock);
    return clocks;
  }

  // Mostly whole; sometimes a few bytes, so that every length of a header and a body is cut somewhere.
  #piece(bytes: number): number {
    switch (this.choices.below(this.#crumbsOneIn)) {
      case 1:
        return this.choices.between(1, Math.min(8, bytes));
      case 2:
        return this.choices.between(1, bytes);
      default:
        return bytes;
    }
  }
}
