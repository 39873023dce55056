// Asks a thread again and again whether its event loop still comes round, and how large its heap is. It counts questions
// rather than time, so that a machine that was asleep does not make a thread look stuck.

import type { Clock, Timer } from "../clock.ts";
import type { Marks } from "./marks.ts";

const looksPerStuck = 4;
/** How often the heap is looked at where nothing else is watched, in milliseconds. */
const heapLookMs = 1000;

export interface ThreadLimits {
  readonly stuckMs: number;
  readonly heapBytesMax: number;
}

export class StuckWatch implements Timer {
  due = 0;
  order = 0;
  place = -1;
  readonly #clock: Clock;
  readonly #marks: Marks;
  readonly #limits: ThreadLimits;
  readonly #ping: (count: number) => void;
  readonly #over: (why: string) => void;
  #pings = 0;
  #silentLooks = 0;

  /** `over` is called once, with what the thread did. */
  constructor(clock: Clock, marks: Marks, limits: ThreadLimits, ping: (count: number) => void, over: (why: string) => void) {
    // A thread that nobody waits for keeps no process alive.
    this.#clock = clock.background ?? clock;
    this.#marks = marks;
    this.#limits = limits;
    this.#ping = ping;
    this.#over = over;
  }

  begin(): void {
    if (this.#limits.stuckMs === Infinity && this.#limits.heapBytesMax === Infinity) return;
    this.#ask();
    this.#arm();
  }

  end(): void {
    this.#clock.disarm(this);
  }

  expire(): void {
    const { ping, heapBytes } = this.#marks.pong;
    const { stuckMs, heapBytesMax } = this.#limits;
    if (heapBytes > heapBytesMax) return this.#over(`its heap has ${heapBytes} bytes, more than ${heapBytesMax}`);
    if (ping === this.#pings) this.#ask();
    else this.#silentLooks += 1;
    if (this.#silentLooks >= looksPerStuck && stuckMs !== Infinity) return this.#over(`it held its thread for ${stuckMs} ms`);
    this.#arm();
  }

  #ask(): void {
    this.#silentLooks = 0;
    this.#pings += 1;
    this.#ping(this.#pings);
  }

  #arm(): void {
    this.#clock.arm(this, this.#limits.stuckMs === Infinity ? heapLookMs : this.#limits.stuckMs / looksPerStuck);
  }
}
