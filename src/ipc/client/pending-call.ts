// The asking side of one call: one promise, one deadline, one outcome. A timer itself, so that waiting allocates nothing more.

import type { Timer } from "../../clock.ts";
import { ActonError, type Ran } from "../../errors.ts";
import { errorOf } from "./answer-error.ts";
import { type Body, type Carrier, graceMs, onAbort, type OpenCall } from "./open-call.ts";

export class PendingCall implements OpenCall, Timer {
  id = 0;
  frameEnd = 0;
  due = 0;
  order = 0;
  place = -1;
  readonly #carrier: Carrier;
  readonly #timeoutMs: number;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: ActonError) => void;
  #unlisten: (() => void) | undefined;

  constructor(carrier: Carrier, timeoutMs: number, resolve: (value: unknown) => void, reject: (error: ActonError) => void) {
    this.#carrier = carrier;
    this.#timeoutMs = timeoutMs;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Its frame is on the way: from now on time counts, and the signal. */
  began(signal: AbortSignal | undefined): void {
    this.#carrier.clock.arm(this, this.#timeoutMs + graceMs);
    this.#unlisten = onAbort(signal, () => {
      this.#carrier.cancel(this);
      this.fail(cancelled("unknown"));
    });
  }

  answer(payload: unknown): void {
    this.#settle();
    this.#resolve(payload);
  }

  receive(body: Body): void {
    if (body["success"] === true) this.answer(body["payload"] ?? null);
    else this.fail(errorOf(body));
  }

  fail(error: ActonError): void {
    this.#settle();
    this.#reject(error);
  }

  expire(): void {
    this.fail(new ActonError("TIMEOUT", `no reply within ${this.#timeoutMs} ms`, { afterMs: this.#timeoutMs }));
  }

  #settle(): void {
    const carrier = this.#carrier;
    carrier.forget(this);
    carrier.clock.disarm(this);
    this.#unlisten?.();
  }
}

/** A question to the server itself, whose answer may be all around the payload: it resolves to the whole body. */
export class PendingQuery extends PendingCall {
  override answer(payload: unknown): void {
    super.answer({ success: true, payload });
  }

  override receive(body: Body): void {
    if (body["success"] === true) super.answer(body);
    else super.receive(body);
  }
}

export function cancelled(ran: Ran): ActonError {
  return new ActonError("CANCELLED", "the caller cancelled", { ran });
}
