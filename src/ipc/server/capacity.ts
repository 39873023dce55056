// A bound shared by many connections: so many requests in flight, so many bytes of unfinished frames.
// Whoever finds it used up waits in line and is called when something has been given back.

/** What the calls of all connections share. */
export interface SharedPlaces {
  /** Requests in flight. */
  readonly inFlight: Capacity;
  /** Bytes of their frames, of open streams', and of messages that are not handled yet. */
  readonly inFlightBytes: Capacity;
}

export class Capacity {
  readonly max: number;
  readonly #reserve: number;
  #used = 0;
  #calling = false;
  readonly #waiting = new Set<() => void>();

  /** The reserve is beyond `max`, for those who have nothing yet. */
  constructor(max: number, reserve = 0) {
    this.max = max;
    this.#reserve = reserve;
  }

  get used(): number {
    return this.#used;
  }

  get exhausted(): boolean {
    return this.#used >= this.max;
  }

  /** The reserve is used up, too. */
  get spent(): boolean {
    return this.#used >= this.max + this.#reserve;
  }

  take(count: number): void {
    this.#used += count;
  }

  /** Each of those that wait is called once, in the order of waiting, as long as there is room. */
  give(count: number): void {
    this.#used -= count;
    if (this.#calling || this.#waiting.size === 0) return;
    this.#calling = true;
    try {
      for (const callback of this.#waiting) {
        if (this.exhausted) return;
        this.#waiting.delete(callback);
        callback();
      }
    } finally {
      this.#calling = false;
    }
  }

  /** Calls back once there is room again; the same callback waits once. */
  whenRoom(callback: () => void): void {
    this.#waiting.add(callback);
  }

  leave(callback: () => void): void {
    this.#waiting.delete(callback);
  }
}
