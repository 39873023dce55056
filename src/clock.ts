// The one source of time. Every deadline, schedule and timeout is a Timer armed on an injected Clock;
// only SystemClock touches the host's timers, so a ManualClock makes all of them a matter of `advance`.

import { type Timer, TimerWheel } from "./timer-wheel.ts";

export type { Timer } from "./timer-wheel.ts";

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
  /** The same time, for timers that must not keep the process alive. A clock whose timers never do can be without it. */
  readonly background?: Clock;
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
  readonly #wheel = new TimerWheel();
  readonly #keepsAlive: boolean;
  #background: Clock | undefined;
  #wakeAt = Infinity;
  #wake: ReturnType<typeof setTimeout> | undefined;

  /** `keepsAlive`: the process goes on as long as a timer is armed. */
  constructor(keepsAlive = true) {
    this.#keepsAlive = keepsAlive;
  }

  get background(): Clock {
    return (this.#background ??= new SystemClock(false));
  }

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
    const idle = this.#wheel.length === 0;
    this.#wheel.add(timer, due);
    if (timer.due < this.#wakeAt) this.#sleepUntil(timer.due);
    else if (idle && this.#keepsAlive) this.#wake?.ref();
  }

  // A wake-up that finds nothing due is cheaper than re-arming the host's timer at each disarm; it must only
  // not keep the process alive.
  disarm(timer: Timer): void {
    if (timer.place < 0) return;
    this.#wheel.remove(timer);
    if (this.#wheel.length === 0) this.#wake?.unref();
  }

  #sleepUntil(due: number): void {
    const wake = setTimeout(this.#fire, Math.min(Math.max(0, Math.ceil(due - performance.now())), hostDelayMsMax));
    clearTimeout(this.#wake);
    this.#wakeAt = due;
    this.#wake = wake;
    if (!this.#keepsAlive) wake.unref();
  }

  readonly #fire = (): void => {
    this.#wakeAt = Infinity;
    this.#wake = undefined;
    try {
      this.#wheel.expireUntil(performance.now());
    } finally {
      const next = this.#wheel.nextDue;
      if (next < this.#wakeAt) this.#sleepUntil(next);
    }
  };
}

/** Time that moves only when told to: for tests, and for runs that must repeat. */
export class ManualClock implements Clock {
  readonly #wheel = new TimerWheel();
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
    this.#wheel.add(timer, due);
  }

  disarm(timer: Timer): void {
    if (timer.place >= 0) this.#wheel.remove(timer);
  }

  /** How many timers are armed: 0 when nothing waits, which is what a leak check asks. */
  get armed(): number {
    return this.#wheel.length;
  }

  /** Monotonic milliseconds before which no timer is due; Infinity when none is armed. */
  get nextDue(): number {
    return Math.max(this.#monotonic, this.#wheel.nextDue);
  }

  /** Expires, in order of their due time, every timer due within the next `ms`. */
  advance(ms: number): void {
    this.advanceTo(this.#monotonic + Math.max(0, ms));
  }

  /** The same for every timer due until then; time that has passed stays passed. */
  advanceTo(monotonic: number): void {
    const end = Math.min(Math.max(this.#monotonic, monotonic), Number.MAX_VALUE);
    for (let next = this.#wheel.nextDue; next <= end; next = this.#wheel.nextDue) {
      this.#monotonic = Math.max(this.#monotonic, next);
      this.#wheel.expireUntil(this.#monotonic);
    }
    this.#monotonic = end;
  }
}

function checkedDelay(delayMs: number): number {
  if (Number.isNaN(delayMs)) throw new RangeError("Cannot arm a timer with a delay of NaN");
  return Math.max(0, delayMs);
}
