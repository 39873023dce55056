// Who may run beside whom in one agent: an exclusive handler alone, concurrent ones together up to a limit.
// A concurrent handler steps out while it waits for its stream's reader, and is let in again before new messages.

import type { Failure } from "../errors.ts";
import type { Activation } from "./activation.ts";
import type { RunningHandler } from "./ask-cycle.ts";

export class Gate {
  exclusiveHandler: Activation | undefined;
  readonly #readersMax: number;
  readonly #changed: () => void;
  #waitingReaders: Set<RunningHandler> | undefined;
  /** Whether each handler that goes on is inside, or outside to wait for its reader. */
  #running: Map<Activation, "inside" | "outside"> | undefined;
  #returning: Array<{ readonly activation: Activation; readonly resume: () => void }> | undefined;
  #readers = 0;
  #held = true;
  #quiet: Array<() => void> | undefined;

  /** `changed` is called whenever something may run that could not before. It begins held. */
  constructor(readersMax: number, changed: () => void) {
    this.#readersMax = readersMax;
    this.#changed = changed;
  }

  /** The concurrent handlers that wait for the answer of another agent. */
  get waitingReaders(): Set<RunningHandler> {
    return (this.#waitingReaders ??= new Set());
  }

  /** Nothing runs, not even suspended. */
  get idle(): boolean {
    return this.#running === undefined || this.#running.size === 0;
  }

  /** The handlers that run, suspended ones included. */
  get goingOn(): Iterable<Activation> {
    return this.#running?.keys() ?? [];
  }

  /** Nothing new may run whatever it is. */
  get shut(): boolean {
    return this.#held || this.exclusiveHandler !== undefined;
  }

  get someoneReturns(): boolean {
    return this.#returning !== undefined;
  }

  /** No concurrent handler more may run, and all that do wait for an answer but for one, which is about to. */
  get crowded(): boolean {
    return this.#readers >= this.#readersMax && (this.#waitingReaders?.size ?? 0) >= this.#readers - 1;
  }

  /** Resolves when nothing runs but streams. */
  quiet(): Promise<void> {
    return new Promise((resolve) => {
      (this.#quiet ??= []).push(resolve);
      this.#tellIfQuiet();
    });
  }

  admits(exclusive: boolean): boolean {
    if (this.shut) return false;
    return exclusive ? this.#readers <= 0 : this.#readers < this.#readersMax;
  }

  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.#changed();
  }

  /** For handlers that go on after their first synchronous part; others never need to enter. */
  enter(activation: Activation): void {
    (this.#running ??= new Map()).set(activation, "inside");
    if (activation.exclusive) this.exclusiveHandler = activation;
    else this.#readers += 1;
  }

  /** False when it had been expelled: its place was taken back then. */
  leave(activation: Activation): boolean {
    const place = this.#running?.get(activation);
    if (place !== undefined) {
      this.#running?.delete(activation);
      this.#waitingReaders?.delete(activation);
      if (activation.exclusive) this.exclusiveHandler = undefined;
      else if (place === "inside") this.#readers -= 1;
    }
    this.#tellIfQuiet();
    this.#changed();
    return place !== undefined;
  }

  stepOut(activation: Activation): void {
    if (this.#running?.get(activation) !== "inside") return;
    this.#running.set(activation, "outside");
    this.#readers -= 1;
    this.#changed();
  }

  stepIn(activation: Activation): Promise<void> {
    if (this.admits(false)) {
      this.#letIn(activation);
      return Promise.resolve();
    }
    return new Promise((resume) => (this.#returning ??= []).push({ activation, resume }));
  }

  /** Lets those in who wait to return. They were running before anything that is still queued. */
  readmit(): void {
    while (this.#returning !== undefined && this.admits(false)) {
      const next = this.#returning.shift();
      if (this.#returning.length === 0) this.#returning = undefined;
      if (next === undefined) continue;
      this.#letIn(next.activation);
      next.resume();
    }
  }

  /** Ends whatever runs for those who wait for it, and makes room as if it had left. */
  expel(failure: Failure): void {
    const running = this.#running;
    const returning = this.#returning;
    this.#running = undefined;
    this.#returning = undefined;
    this.#waitingReaders = undefined;
    this.exclusiveHandler = undefined;
    this.#readers = 0;
    for (const activation of running?.keys() ?? []) activation.expel(failure);
    for (const { resume } of returning ?? []) resume();
    this.#tellIfQuiet();
  }

  #tellIfQuiet(): void {
    if (this.#quiet === undefined || [...(this.#running?.keys() ?? [])].some(({ envelope }) => envelope.type.kind !== "stream")) return;
    for (const resolve of this.#quiet) resolve();
    this.#quiet = undefined;
  }

  // Who has left meanwhile, or came in by another wait, takes no place.
  #letIn(activation: Activation): void {
    if (this.#running?.get(activation) !== "outside") return;
    this.#running.set(activation, "inside");
    this.#readers += 1;
  }
}
