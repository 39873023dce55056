// What is waited for in one life on a thread. Each settles: when the thread says so, or at its end.

import { ActonError } from "../errors.ts";

export class Milestones {
  /** The agent is up there. Rejects with START_FAILED. */
  readonly up = Promise.withResolvers<void>();
  /** The same with its `afterStart` done. */
  readonly started = Promise.withResolvers<void>();
  readonly stopped = Promise.withResolvers<void>();
  readonly #quiet: Array<() => void> = [];

  constructor() {
    // Not everybody waits for it.
    this.started.promise.catch(() => {});
  }

  whenQuiet(): Promise<void> {
    return new Promise((resolve) => this.#quiet.push(resolve));
  }

  /** The answer to the first that waits for it. */
  isQuiet(): void {
    this.#quiet.shift()?.();
  }

  failStart(why: string): void {
    this.up.reject(new ActonError("START_FAILED", why));
  }

  end(why: string): void {
    this.failStart(why);
    this.started.reject(new ActonError("START_FAILED", why));
    this.stopped.resolve();
    for (const resolve of this.#quiet.splice(0)) resolve();
  }
}
