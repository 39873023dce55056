// What has arrived and waits for its reader, or the readers that wait for what has not arrived: the middle of every
// stream and subscription. It is bounded by whoever puts.

import type { ActonError } from "../../errors.ts";

/** How the items ended. Told once, after the last of them; whoever reads on finds the end. */
export type Outcome<Item> = { readonly value: Item | undefined; readonly error?: undefined } | { readonly error: ActonError };

interface Reader<Item> {
  resolve(result: IteratorResult<Item, Item | undefined>): void;
  reject(error: ActonError): void;
}

export class ItemQueue<Item> {
  readonly #items: Item[] = [];
  readonly #readers: Reader<Item>[] = [];
  #outcome: Outcome<Item> | undefined;

  /** Items that nobody has taken. */
  get size(): number {
    return this.#items.length;
  }

  get ended(): boolean {
    return this.#outcome !== undefined;
  }

  put(item: Item): void {
    const reader = this.#readers.shift();
    if (reader === undefined) this.#items.push(item);
    else reader.resolve({ done: false, value: item });
  }

  take(): Promise<IteratorResult<Item, Item | undefined>> {
    if (this.#items.length > 0) return Promise.resolve({ done: false, value: this.#items.shift() as Item });
    return new Promise((resolve, reject) => {
      this.#readers.push({ resolve, reject });
      this.#tell();
    });
  }

  /** False when it had ended already. */
  end(outcome: Outcome<Item>): boolean {
    if (this.#outcome !== undefined) return false;
    this.#outcome = outcome;
    this.#tell();
    return true;
  }

  clear(): void {
    this.#items.length = 0;
  }

  // Readers wait only while there are no items.
  #tell(): void {
    if (this.#outcome === undefined) return;
    for (let reader = this.#readers.shift(); reader !== undefined; reader = this.#readers.shift()) {
      const outcome = this.#outcome;
      this.#outcome = { value: undefined };
      if (outcome.error !== undefined) reader.reject(outcome.error);
      else reader.resolve({ done: true, value: outcome.value });
    }
  }
}

/** What a generator has beside `next` and `return`. */
export abstract class Items<Item> implements AsyncGenerator<Item, Item | undefined, void> {
  abstract next(): Promise<IteratorResult<Item, Item | undefined>>;
  /** Ends it for its reader; what had arrived is dropped. */
  abstract leave(): void;

  async return(): Promise<IteratorResult<Item, Item | undefined>> {
    this.leave();
    return { done: true, value: undefined };
  }

  async throw(error: unknown): Promise<IteratorResult<Item, Item | undefined>> {
    this.leave();
    throw error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.leave();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
