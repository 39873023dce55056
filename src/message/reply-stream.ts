// The reading side of a local stream: a bounded buffer between an agent that yields and a reader that iterates.
// A full buffer makes the agent wait; leaving the loop cancels the agent's work.

import { after, type Clock } from "../clock.ts";
import { ActonError, type Failure, withRan } from "../errors.ts";
import type { CallOptions } from "./call-options.ts";
import { ReplyPort, type ReplySink } from "./reply-port.ts";

const bufferedMax = 16;

/** An async iterable that can be read once. The value of a handler's `return` is the iterator's return value. */
export interface ReplyStream<Item> extends AsyncGenerator<Item, Item | undefined, void> {}

interface Reader {
  resolve(result: IteratorResult<unknown, unknown>): void;
  reject(error: ActonError): void;
}

export class PendingStream implements ReplySink, ReplyStream<unknown> {
  readonly streaming = true;
  readonly port = new ReplyPort(this);
  readonly #items: unknown[] = [];
  readonly #readers: Reader[] = [];
  readonly #producers: Array<() => void> = [];
  readonly #onWaiting: ((waiting: boolean) => void) | undefined;
  #outcome: { readonly value: unknown } | { readonly failure: Failure } | undefined;
  #release: (() => void) | undefined;

  /** `onWaiting` is told when a reader begins to wait for an item, and when none waits any more. */
  constructor(clock: Clock, options: CallOptions, onWaiting?: (waiting: boolean) => void) {
    this.#onWaiting = onWaiting;
    const { timeoutMs, signal } = options;
    const timer =
      timeoutMs === undefined
        ? undefined
        : after(clock, timeoutMs, () => this.#cancel({ code: "TIMEOUT", message: `the stream did not end within ${timeoutMs} ms` }));
    const abort = (): void => this.#cancel({ code: "CANCELLED", message: "the caller cancelled" });
    signal?.addEventListener("abort", abort, { once: true });
    this.#release = () => {
      if (timer !== undefined) clock.disarm(timer);
      signal?.removeEventListener("abort", abort);
    };
    if (signal?.aborted) abort();
  }

  item(value: unknown): Promise<void> | undefined {
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      reader.resolve({ done: false, value });
      if (this.#readers.length === 0) this.#onWaiting?.(false);
      return undefined;
    }
    this.#items.push(value);
    if (this.#items.length < bufferedMax) return undefined;
    return new Promise((resolve) => this.#producers.push(resolve));
  }

  resolve(value: unknown): void {
    this.#finish({ value });
  }

  reject(failure: Failure): void {
    this.#finish({ failure });
  }

  next(): Promise<IteratorResult<unknown, unknown>> {
    if (this.#items.length > 0) {
      const value = this.#items.shift();
      if (this.#items.length < bufferedMax) this.#resume();
      return Promise.resolve({ done: false, value });
    }
    return new Promise((resolve, reject) => {
      this.#readers.push({ resolve, reject });
      if (this.#outcome !== undefined) this.#tell();
      else if (this.#readers.length === 1) this.#onWaiting?.(true);
    });
  }

  return(): Promise<IteratorResult<unknown, unknown>> {
    this.#items.length = 0;
    if (this.#outcome === undefined) {
      this.port.cancel();
      this.#finish({ value: undefined });
    }
    return Promise.resolve({ done: true, value: undefined });
  }

  async throw(error: unknown): Promise<IteratorResult<unknown, unknown>> {
    await this.return();
    throw error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #cancel(failure: Failure): void {
    if (this.#outcome !== undefined) return;
    this.port.cancel();
    this.#finish({ failure: withRan(failure, this.port.ran) });
  }

  #finish(outcome: { readonly value: unknown } | { readonly failure: Failure }): void {
    this.#outcome = outcome;
    this.#release?.();
    this.#resume();
    if (this.#readers.length > 0) this.#onWaiting?.(false);
    this.#tell();
  }

  // Waiting readers see the outcome once; whoever reads on after it finds the stream done.
  #tell(): void {
    for (let reader = this.#readers.shift(); reader !== undefined; reader = this.#readers.shift()) {
      const outcome = this.#outcome ?? { value: undefined };
      this.#outcome = { value: undefined };
      if ("failure" in outcome) reader.reject(ActonError.from(outcome.failure));
      else reader.resolve({ done: true, value: outcome.value });
    }
  }

  #resume(): void {
    for (const resume of this.#producers.splice(0)) resume();
  }
}
