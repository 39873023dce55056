// The one source of time. Every deadline, schedule and timeout is a Timer armed on an injected Clock;
// only SystemClock touches the host's timers, so a ManualClock makes all of them a matter of `advance`.

/** Embedded in the object that waits, so arming a deadline allocates nothing. Made with `due: 0, order: 0, place: -1`. */
export interface Timer {
  /** Monotonic milliseconds at which it expires; meaningful while armed. */
  due: number;
  /** Among timers with the same due time, the first armed expires first. Owned by the clock. */
  order: number;
  /** Index in the clock's queue; -1 while not armed. Owned by the clock. */
  place: number;
  expire(): void;
}

export interface Clock {
  /** Wall-clock time, Unix milliseconds. */
  now(): number;
  /** Milliseconds that never go back, from an arbitrary start. */
  monotonic(): number;
  /** (Re)arms the timer. A negative delay is 0, an infinite one never comes; NaN is a RangeError. */
  arm(timer: Timer, delayMs: number): void;
  /** The same for a monotonic time that is known already: spares a reading of the clock. */
  armAt(timer: Timer, due: number): void;
  /** Does nothing when the timer is not armed. */
  disarm(timer: Timer): void;
}

/** A timer from a function, for places that are not hot. */
export function after(clock: Clock, delayMs: number, expire: () => void): Timer {
  const timer: Timer = { due: 0, order: 0, place: -1, expire };
  clock.arm(timer, delayMs);
  return timer;
}

// What the host's timers take. A wake-up on the way to something later finds nothing due and sleeps on.
const hostDelayMsMax = 2 ** 31 - 1;

export class SystemClock implements Clock {
  readonly #queue = new TimerQueue();
  #wakeAt = Infinity;
  #wake: ReturnType<typeof setTimeout> | undefined;

  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }

  arm(timer: Timer, delayMs: number): void {
    this.armAt(timer, performance.now() + checkedDelay(delayMs));
  }

  armAt(timer: Timer, due: number): void {
    const idle = this.#queue.first === undefined;
    this.#queue.add(timer, due);
    if (timer.due < this.#wakeAt) this.#sleepUntil(timer.due);
    else if (idle) this.#wake?.ref();
  }

  // A wake-up that finds nothing due is cheaper than re-arming the host's timer at each disarm; it must only
  // not keep the process alive.
  disarm(timer: Timer): void {
    if (timer.place < 0) return;
    this.#queue.remove(timer);
    if (this.#queue.first === undefined) this.#wake?.unref();
  }

  #sleepUntil(due: number): void {
    clearTimeout(this.#wake);
    this.#wakeAt = due;
    this.#wake = setTimeout(this.#fire, Math.min(Math.max(0, Math.ceil(due - performance.now())), hostDelayMsMax));
  }

  readonly #fire = (): void => {
    this.#wakeAt = Infinity;
    this.#wake = undefined;
    try {
      this.#queue.expireUntil(performance.now());
    } finally {
      const next = this.#queue.first;
      if (next !== undefined && next.due < this.#wakeAt) this.#sleepUntil(next.due);
    }
  };
}

/** Time that moves only when told to: for tests, and for runs that must repeat. */
export class ManualClock implements Clock {
  readonly #queue = new TimerQueue();
  #monotonic = 0;
  #wallStart: number;

  constructor(wallStart = 1_700_000_000_000) {
    this.#wallStart = wallStart;
  }

  now(): number {
    return this.#wallStart + Math.floor(this.#monotonic);
  }

  monotonic(): number {
    return this.#monotonic;
  }

  arm(timer: Timer, delayMs: number): void {
    this.armAt(timer, this.#monotonic + checkedDelay(delayMs));
  }

  armAt(timer: Timer, due: number): void {
    this.#queue.add(timer, due);
  }

  disarm(timer: Timer): void {
    if (timer.place >= 0) this.#queue.remove(timer);
  }

  /** How many timers are armed: 0 when nothing waits, which is what a leak check asks. */
  get armed(): number {
    return this.#queue.length;
  }

  /** Monotonic milliseconds at which the next timer is due; Infinity when none is armed. */
  get nextDue(): number {
    return this.#queue.first?.due ?? Infinity;
  }

  /** Expires, in order of their due time, every timer due within the next `ms`. */
  advance(ms: number): void {
    this.advanceTo(this.#monotonic + Math.max(0, ms));
  }

  /** The same for every timer due until then; time that has passed stays passed. */
  advanceTo(monotonic: number): void {
    const end = Math.max(this.#monotonic, monotonic);
    for (let next = this.#queue.first; next !== undefined && next.due <= end; next = this.#queue.first) {
      this.#monotonic = Math.max(this.#monotonic, next.due);
      this.#queue.expireUntil(this.#monotonic);
    }
    this.#monotonic = end;
  }
}

function checkedDelay(delayMs: number): number {
  if (Number.isNaN(delayMs)) throw new RangeError("Cannot arm a timer with a delay of NaN");
  return Math.max(0, delayMs);
}

// A binary heap by due time. Deadlines mostly arrive in rising order and leave before they are due,
// so an insertion is one comparison and a removal a short sift.
class TimerQueue {
  readonly #heap: Timer[] = [];
  #lastOrder = 0;

  get first(): Timer | undefined {
    return this.#heap[0];
  }

  get length(): number {
    return this.#heap.length;
  }

  add(timer: Timer, due: number): void {
    if (timer.place >= 0) this.remove(timer);
    timer.due = due;
    timer.order = this.#lastOrder += 1;
    this.#rise(timer, this.#heap.length);
  }

  remove(timer: Timer): void {
    const heap = this.#heap;
    const place = timer.place;
    const last = heap.pop();
    timer.place = -1;
    if (last === undefined || last === timer) return;
    const parent = heap[(place - 1) >> 1];
    if (place > 0 && parent !== undefined && isBefore(last, parent)) this.#rise(last, place);
    else this.#sink(last, place);
  }

  expireUntil(now: number): void {
    // Only what was due at the start: a timer that re-arms itself with no delay waits for the next call.
    for (let budget = this.#heap.length; budget > 0; budget--) {
      const timer = this.#heap[0];
      if (timer === undefined || timer.due > now) return;
      this.remove(timer);
      timer.expire();
    }
  }

  #rise(timer: Timer, place: number): void {
    const heap = this.#heap;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = heap[above] as Timer;
      if (!isBefore(timer, parent)) break;
      heap[place] = parent;
      parent.place = place;
      place = above;
    }
    heap[place] = timer;
    timer.place = place;
  }

  #sink(timer: Timer, place: number): void {
    const heap = this.#heap;
    const length = heap.length;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= length) break;
      const right = heap[below + 1];
      if (right !== undefined && isBefore(right, heap[below] as Timer)) below += 1;
      const child = heap[below] as Timer;
      if (isBefore(timer, child)) break;
      heap[place] = child;
      child.place = place;
      place = below;
    }
    heap[place] = timer;
    timer.place = place;
  }
}

function isBefore(one: Timer, other: Timer): boolean {
  return one.due < other.due || (one.due === other.due && one.order < other.order);
}
