// Waiting for what happens, not for time: looks again each time the event loop has gone round.

const roundsMax = 20_000;

/** Resolves when the condition holds; rejects when it still does not after many rounds of the event loop. */
export async function eventually(holds: () => boolean, what = "the condition"): Promise<void> {
  for (let round = 0; round < roundsMax; round++) {
    if (holds()) return;
    await oneRound();
  }
  throw new Error(`${what} did not come true`);
}

/** Lets everything that is on its way inside this process arrive. For what must *not* happen; pair it with something that did. */
export async function quiet(): Promise<void> {
  for (let round = 0; round < 50; round++) await oneRound();
}

export function oneRound(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A promise and its resolver. */
export function latch(): { readonly opened: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

const deadlineMs = 10_000;

/** The same for what happens elsewhere, in another process: waits long, and looks often. */
export async function eventuallyAsync(holds: () => boolean | Promise<boolean>, what = "the condition"): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`${what} did not come true`);
    await Bun.sleep(10);
  }
}
