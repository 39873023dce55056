// When to dial again after a connection was lost: later and later, each time with some chance in it so that the clients of a
// server that restarts do not all come at once.

import type { Clock, Timer } from "../../clock.ts";
import type { ActonError } from "../../errors.ts";
import type { Random } from "../../random.ts";

export interface ReconnectOptions {
  /** Before the first attempt; doubled for each further one. Default 100. */
  readonly backoffMs?: number;
  /** Default 5,000. */
  readonly backoffMsMax?: number;
  /** Attempts in a row before the client gives up. Default: no limit. */
  readonly attempts?: number;
}

export interface ReconnectorOptions extends ReconnectOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly dial: () => Promise<void>;
  readonly giveUp: (error: ActonError) => void;
}

export class Reconnector implements Timer {
  due = 0;
  order = 0;
  place = -1;
  readonly #options: ReconnectorOptions;
  #attempts = 0;
  #stopped = false;

  constructor(options: ReconnectorOptions) {
    this.#options = options;
  }

  /** The connection, or an attempt at one, has failed. Another user's server, or one that does not admit us, will not change its mind. */
  failed(error: ActonError): void {
    // An attempt that was under way may fail after the client was closed.
    if (this.#stopped) return;
    const { clock, random, backoffMs = 100, backoffMsMax = 5000, attempts = Infinity, giveUp } = this.#options;
    if (this.#attempts >= attempts || error.code === "ACCESS_DENIED") {
      giveUp(error);
      return;
    }
    const backoff = Math.min(backoffMs * 2 ** this.#attempts, backoffMsMax);
    this.#attempts += 1;
    clock.arm(this, backoff * (0.5 + random.next() / 2));
  }

  /** The server has answered. A mere connect is no proof: a server may take connections only to drop them. */
  succeeded(): void {
    this.#attempts = 0;
  }

  stop(): void {
    this.#stopped = true;
    this.#options.clock.disarm(this);
  }

  expire(): void {
    this.#options.dial().catch((error: ActonError) => this.failed(error));
  }
}
