// The asking side of a local ask: one promise, one deadline, one outcome.

import type { Clock, Timer } from "../clock.ts";
import { ActonError, type Failure, withRan } from "../errors.ts";
import { isPromiseLike } from "../promise-like.ts";
import { ReplyPort, type ReplySink } from "./reply-port.ts";

export class PendingAsk implements ReplySink, Timer {
  readonly streaming = false;
  readonly port = new ReplyPort(this);
  due = 0;
  order = 0;
  place = -1;
  readonly #clock: Clock;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: ActonError) => void;
  readonly #timeoutMs: number;
  #unlisten: (() => void) | undefined;
  readonly #release: (() => void) | undefined;

  /** `release` is called when the ask has its outcome. */
  constructor(
    clock: Clock,
    timeoutMs: number,
    resolve: (value: unknown) => void,
    reject: (error: ActonError) => void,
    release: (() => void) | undefined,
  ) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#release = release;
    clock.arm(this, timeoutMs);
  }

  // Tells before it tidies up: should telling fail, the deadline still stands.
  resolve(value: unknown): void {
    if (isPromiseLike(value)) throw new TypeError("a reply cannot be a promise: await it first");
    this.#resolve(value);
    this.#settle();
  }

  reject(failure: Failure): void {
    this.#reject(ActonError.from(failure));
    this.#settle();
  }

  item(): undefined {
    return undefined;
  }

  expire(): void {
    this.cancel({ code: "TIMEOUT", message: `no reply within ${this.#timeoutMs} ms` });
  }

  cancel(failure: Failure): void {
    if (!this.port.open) return;
    this.port.cancel();
    this.reject(withRan(failure, this.port.ran));
  }

  cancelOn(signal: AbortSignal): void {
    const abort = (): void => this.cancel({ code: "CANCELLED", message: "the caller cancelled" });
    if (signal.aborted) {
      abort();
      return;
    }
    signal.addEventListener("abort", abort, { once: true });
    this.#unlisten = () => signal.removeEventListener("abort", abort);
  }

  #settle(): void {
    this.#clock.disarm(this);
    this.#unlisten?.();
    this.#release?.();
  }
}
