// The open calls of one connection, by request id. Each has exactly one outcome: what answers it first.

import { type Clock, type Timer } from "../../clock.ts";
import { ActonError } from "../../errors.ts";

export class PendingCalls {
  readonly #clock: Clock;
  readonly #calls = new Map<string, PendingCall>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#calls.size;
  }

  /** Opens a call that ends with TIMEOUT when nothing has answered it after `timeoutMs`. */
  open(id: string, timeoutMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const expire = (): void => void this.fail(id, new ActonError("TIMEOUT", `no reply within ${timeoutMs} ms`));
      const call = new PendingCall(expire, resolve, reject);
      this.#calls.set(id, call);
      this.#clock.arm(call, timeoutMs + graceMs);
    });
  }

  /** False when no such call is open: a late reply. */
  answer(id: string, value: unknown): boolean {
    return this.#take(id)?.resolve(value) ?? false;
  }

  fail(id: string, error: ActonError): boolean {
    return this.#take(id)?.reject(error) ?? false;
  }

  failAll(error: ActonError): void {
    for (const id of Array.from(this.#calls.keys())) this.fail(id, error);
  }

  #take(id: string): PendingCall | undefined {
    const call = this.#calls.get(id);
    if (call === undefined) return undefined;
    this.#calls.delete(id);
    this.#clock.disarm(call);
    return call;
  }
}

/** The server's own word on a timeout says more (whether the handler ran), so it has this long to arrive. */
const graceMs = 50;

class PendingCall implements Timer {
  due = 0;
  place = -1;
  readonly expire: () => void;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: ActonError) => void;

  constructor(expire: () => void, resolve: (value: unknown) => void, reject: (error: ActonError) => void) {
    this.expire = expire;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  resolve(value: unknown): true {
    this.#resolve(value);
    return true;
  }

  reject(error: ActonError): true {
    this.#reject(error);
    return true;
  }
}
