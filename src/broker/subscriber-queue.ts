// The bounded queue in front of one subscriber. When it is full the newest publication is lost and counted,
// so that one slow subscriber delays nobody else.

import type { Publication } from "./publication.ts";

export class SubscriberQueue {
  /** Publications that found the queue full. */
  lost = 0;
  readonly #lengthMax: number;
  readonly #waiting: Publication[] = [];
  readonly #flushes: Array<{ readonly at: number; readonly resolve: () => void }> = [];
  #added = 0;
  #removed = 0;

  constructor(lengthMax: number) {
    this.#lengthMax = lengthMax;
  }

  get length(): number {
    return this.#waiting.length;
  }

  get first(): Publication | undefined {
    return this.#waiting[0];
  }

  add(publication: Publication): void {
    if (this.#waiting.length >= this.#lengthMax) {
      this.lost += 1;
      return;
    }
    this.#added += 1;
    this.#waiting.push(publication);
  }

  /** Removes the first, once it has arrived. */
  arrived(): void {
    this.#waiting.shift();
    this.#removed += 1;
    while (this.#flushes[0] !== undefined && this.#flushes[0].at <= this.#removed) this.#flushes.shift()?.resolve();
  }

  flushed(): Promise<void> | undefined {
    if (this.#waiting.length === 0) return undefined;
    return new Promise((resolve) => this.#flushes.push({ at: this.#added, resolve }));
  }

  clear(): void {
    this.#removed += this.#waiting.length;
    this.#waiting.length = 0;
    for (const flush of this.#flushes.splice(0)) flush.resolve();
  }
}
