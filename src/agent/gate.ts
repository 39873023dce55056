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
  #running: Set<Activation> | undefined;
  #returning: Array<() => void> | undefined;
  #readers = 0;
  #held = true;

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
    (this.#running ??= new Set()).add(activation);
    if (activation.exclusive) this.exclusiveHandler = activation;
    else this.#readers += 1;
  }

  /** False when it had been expelled: its place was taken back then. */
  leave(activation: Activation): boolean {
    const ran = this.#running?.delete(activation) ?? false;
    if (ran) {
      if (activation.exclusive) this.exclusiveHandler = undefined;
      else if (!activation.outside) this.#readers -= 1;
      this.#waitingReaders?.delete(activation);
    }
    this.#changed();
    return ran;
  }

  stepOut(): void {
    this.#readers -= 1;
    this.#changed();
  }

  stepIn(): Promise<void> {
    if (this.admits(false)) {
      this.#readers += 1;
      return Promise.resolve();
    }
    return new Promise((resolve) => (this.#returning ??= []).push(resolve));
  }

  /** Lets those in who wait to return. They were running before anything that is still queued. */
  readmit(): void {
    while (this.#returning !== undefined && this.admits(false)) {
      const resume = this.#returning.shift();
      if (this.#returning.length === 0) this.#returning = undefined;
      this.#readers += 1;
      resume?.();
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
    for (const activation of running ?? []) activation.expel(failure);
    for (const resume of returning ?? []) resume();
  }
}
