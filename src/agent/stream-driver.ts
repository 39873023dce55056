// Runs what a handler yields: one item at a time, at the reader's pace, until it ends or nobody listens any more.

import type { Activation } from "./activation.ts";

/** A generator, or any other async iterable, that a handler returned. */
export type Items = AsyncIterable<unknown> | Iterable<unknown>;

/** Generators and async iterables are streams; arrays, strings and maps are values. */
export function isItems(value: object): value is Items {
  if (Symbol.asyncIterator in value) return true;
  return Symbol.iterator in value && "next" in value && typeof value.next === "function";
}

/**
 * Resolves when the iterator is finished with. Rejects with what the generator threw.
 * A single reply is the first item; the generator is told to return after it.
 */
export async function driveStream(activation: Activation, items: Items): Promise<void> {
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  const port = activation.envelope.port;
  for (;;) {
    const step = iterator.next();
    const result = "then" in step ? await step : step;
    if (result.done) {
      port?.returned(result.value);
      return;
    }
    if (port?.open) {
      const ready = port.yielded(result.value);
      if (ready !== undefined) await ready;
    }
    if (port === null || !port.open || !port.streaming) {
      await iterator.return?.();
      return;
    }
  }
}
