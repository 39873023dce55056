// Decides what runs next. Agents and connections queue themselves here; one turn runs them in order, then
// flushes the connections that were written to, and gives the event loop back after a millisecond.

import type { Clock } from "./clock.ts";

export interface Task {
  run(): void;
}

export interface Scheduler {
  /** Runs the task in this turn, after what is queued already. */
  enqueue(task: Task): void;
  /** Runs the task once when this turn's queue is empty or its time is up: where connections write. */
  atTurnEnd(task: Task): void;
  /** Runs the task after the event loop has served sockets and timers once. */
  nextTurn(task: Task): void;
}

const turnMsMax = 1;

/** The host's microtasks carry a turn, its immediates separate two. A task that throws is a defect here, not user code: it surfaces. */
export class TurnScheduler implements Scheduler {
  readonly #clock: Clock;
  #queue: Task[] = [];
  #head = 0;
  #endings: Task[] = [];
  #armed = false;
  readonly #turn = (): void => this.#run();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  enqueue(task: Task): void {
    this.#queue.push(task);
    this.#arm();
  }

  atTurnEnd(task: Task): void {
    this.#endings.push(task);
    this.#arm();
  }

  nextTurn(task: Task): void {
    setImmediate(() => this.enqueue(task));
  }

  #arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    queueMicrotask(this.#turn);
  }

  #run(): void {
    const deadline = this.#clock.monotonic() + turnMsMax;
    try {
      while (this.#head < this.#queue.length) {
        const task = this.#queue[this.#head++] as Task;
        task.run();
        if (this.#clock.monotonic() >= deadline) break;
      }
      this.#flush();
    } finally {
      this.#armed = false;
      if (this.#head >= this.#queue.length) {
        this.#queue.length = 0;
        this.#head = 0;
        if (this.#endings.length > 0) this.#arm();
      } else {
        this.#compact();
        this.#armed = true;
        setImmediate(this.#turn);
      }
    }
  }

  #flush(): void {
    const endings = this.#endings;
    if (endings.length === 0) return;
    this.#endings = [];
    for (const task of endings) task.run();
  }

  #compact(): void {
    if (this.#head < 1024) return;
    this.#queue = this.#queue.slice(this.#head);
    this.#head = 0;
  }
}
