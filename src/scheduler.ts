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

/** Is told how turns go, with the readings of the clock that they make anyway. */
export interface TurnWatch {
  /** The first task since the event loop came round is about to run. */
  turnBegins(now: number): void;
  /** Further tasks are about to run before it comes round, after code that is no task. */
  turnGoesOn(): void;
  /** A task has run. */
  read(now: number): void;
  /** All that followed from the tasks of one round has run, unless it waits for something. */
  loopCameRound(): void;
}

/** Resolves when the event loop has served sockets and timers once. */
export function nextTurn(scheduler: Scheduler): Promise<void> {
  return new Promise((resolve) => scheduler.nextTurn({ run: resolve }));
}

const turnMsMax = 1;
// Counts too, not only time: a chain of tiny tasks would go on in microtasks for ever.
const tasksPerTurnMax = 64;
// Tasks that have run stay in the array until then: moving the rest for each would cost more.
const consumedMax = 1024;

/** The host's microtasks carry a turn, its immediates separate two. A task that throws is a defect of ours, not of user code: it surfaces. */
export class TurnScheduler implements Scheduler {
  readonly #clock: Clock;
  readonly #watcher: TurnWatch | undefined;
  #queue: Task[] = [];
  #head = 0;
  #turnEndings: Task[] = [];
  #loopEndings: Task[] = [];
  /** A run of the queue is on its way, by microtask or by immediate. */
  #armed = false;
  /** An immediate will tell when the event loop has come round. */
  #watching = false;
  /** Tasks run since the event loop last came round, until when more may, and whether that has passed. */
  #tasks = 0;
  #deadline = 0;
  #timeIsUp = false;
  readonly #run = (): void => this.#runQueue();
  readonly #loopCameRound = (): void => {
    this.#watching = false;
    this.#tasks = 0;
    this.#timeIsUp = false;
    this.#watcher?.loopCameRound();
    const endings = this.#loopEndings;
    if (endings.length === 0) return;
    this.#loopEndings = [];
    for (const task of endings) task.run();
  };

  constructor(clock: Clock, watcher?: TurnWatch) {
    this.#clock = clock;
    this.#watcher = watcher;
  }

  enqueue(task: Task): void {
    this.#arm();
    this.#queue.push(task);
  }

  atTurnEnd(task: Task): void {
    this.#arm();
    this.#turnEndings.push(task);
  }

  atLoopEnd(task: Task): void {
    this.#watch();
    this.#loopEndings.push(task);
  }

  nextTurn(task: Task): void {
    setImmediate(() => this.enqueue(task));
  }

  // Tasks come from user code's stack, which may be all but spent: a flag says only what has been done.
  #arm(): void {
    if (this.#armed) return;
    if (this.#isSpent()) setImmediate(this.#run);
    else queueMicrotask(this.#run);
    this.#armed = true;
  }

  // Whatever is asked for after this waits until sockets and timers have been served: the watching immediate, which
  // was set first, makes a fresh start.
  #isSpent(): boolean {
    return this.#timeIsUp || this.#tasks >= tasksPerTurnMax;
  }

  #watch(): void {
    if (this.#watching) return;
    setImmediate(this.#loopCameRound);
    this.#watching = true;
  }

  #runQueue(): void {
    if (this.#tasks === 0) {
      const now = this.#clock.monotonic();
      this.#deadline = now + turnMsMax;
      this.#watch();
      this.#watcher?.turnBegins(now);
    } else {
      this.#watcher?.turnGoesOn();
    }
    try {
      while (this.#head < this.#queue.length && !this.#isSpent()) {
        const task = this.#queue[this.#head++] as Task;
        this.#tasks += 1;
        task.run();
        const now = this.#clock.monotonic();
        this.#timeIsUp = now >= this.#deadline;
        this.#watcher?.read(now);
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
      setImmediate(this.#run);
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
