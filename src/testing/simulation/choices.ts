// The one source of choice of a simulated run: drawn from a seed, or read from a list that an earlier run has made. A
// run is its list, so it can be repeated, and made smaller by making the list smaller; 0 is always the simplest choice.

import { type Random, seededRandom } from "../../random.ts";

export class Choices implements Random {
  /** Every choice so far. */
  readonly made: number[] = [];
  readonly #draw: (at: number, bound: number) => number;

  private constructor(draw: (at: number, bound: number) => number) {
    this.#draw = draw;
  }

  static fromSeed(seed: number): Choices {
    const random = seededRandom(seed);
    // Neighbouring seeds begin alike; the first draws are thrown away.
    for (let i = 0; i < 4; i++) random.next();
    return new Choices((_at, bound) => Math.floor(random.next() * bound));
  }

  /** What the list does not have is 0. */
  static fromList(list: readonly number[]): Choices {
    return new Choices((at, bound) => Math.min(list[at] ?? 0, bound - 1));
  }

  /** A whole number from 0 to `bound` − 1. */
  below(bound: number): number {
    if (bound <= 1) return 0;
    const choice = this.#draw(this.made.length, bound);
    this.made.push(choice);
    return choice;
  }

  /** A whole number from `low` to `high`. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True once in `many` times. */
  once(many: number): boolean {
    return this.below(many) === many - 1;
  }

  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new RangeError("Cannot choose from an empty list");
    return list[this.below(list.length)] as T;
  }

  next(): number {
    return this.below(fineness) / fineness;
  }
}

const fineness = 2 ** 20;
