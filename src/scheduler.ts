// Decides what runs next. Agents and connections queue themselves here; a turn runs them in order and gives the event
// loop back after a millisecond. Connections write when every socket that had something to say has been heard.

import type { Clock } from "./clock.ts";

export interface Task {
  run(): void;
}

export interface Scheduler {
  /** Runs the task in this turn, after what is queued already. */
  enqueue(task: Task): void;
  /** Runs the task once, when this turn's queue is empty or its time is up. */
  atTurnEnd(task: Task): void;
  /** Runs the task once, when the turns of all sockets that were ready together have ended. */
  atLoopEnd(task: Task): void;
  /** Runs the task after the event loop has served sockets and timers once. */
  nextTurn(task: Task): void;
}

const turnMsMax = 1;
// Tasks that have run stay in the array until then: moving the rest for each would cost more.
const consumedMax = 1024;

/** The host's microtasks carry a turn, its immediates separate two. A task that throws is a defect of ours, not of user code: it surfaces. */
export class TurnScheduler implements Scheduler {
  readonly #clock: Clock;
  #queue: Task[] = [];
  #head = 0;
  #turnEndings: Task[] = [];
  #loopEndings: Task[] = [];
  #armed = false;
  readonly #turn = (): void => this.#run();
  readonly #loopEnd = (): void => {
    const endings = this.#loopEndings;
    this.#loopEndings = [];
    for (const task of endings) task.run();
  };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  enqueue(task: Task): void {
    this.#queue.push(task);
    this.#arm();
  }

  atTurnEnd(task: Task): void {
    this.#turnEndings.push(task);
    this.#arm();
  }

  atLoopEnd(task: Task): void {
    if (this.#loopEndings.push(task) === 1) setImmediate(this.#loopEnd);
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
      const endings = this.#turnEndings;
      if (endings.length > 0) {
        this.#turnEndings = [];
        for (const task of endings) task.run();
      }
    } finally {
      this.#settle();
    }
  }

  #settle(): void {
    if (this.#head < this.#queue.length) {
      // Still armed: what comes meanwhile waits in line behind the rest.
      if (this.#head >= consumedMax) this.#compact();
      setImmediate(this.#turn);
      return;
    }
    this.#queue.length = 0;
    this.#head = 0;
    this.#armed = false;
    if (this.#turnEndings.length > 0) this.#arm();
  }

  #compact(): void {
    this.#queue = this.#queue.slice(this.#head);
    this.#head = 0;
  }
}
