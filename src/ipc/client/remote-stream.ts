// The reading side of a stream from the server. The server sends a window of items ahead, and more as they are read, so that
// a slow reader costs a bounded buffer and delays no other call. Leaving the loop cancels the agent's work.

import type { Clock, Timer } from "../../clock.ts";
import { ActonError, type Ran } from "../../errors.ts";
import { errorOf } from "./answer-error.ts";
import { ItemQueue, Items, type Outcome } from "./item-queue.ts";
import { type Body, type Carrier, graceMs, onAbort, type OpenCall } from "./open-call.ts";
import { cancelled } from "./pending-call.ts";

export interface RemoteStreamOptions {
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly window: number;
}

export class RemoteStream extends Items<unknown> implements OpenCall, Timer {
  id = 0;
  frameEnd = 0;
  due = 0;
  order = 0;
  place = -1;
  readonly #clock: Clock;
  readonly #options: RemoteStreamOptions;
  readonly #queue = new ItemQueue<unknown>();
  #carrier: Carrier | undefined;
  /** Items that have arrived, and how many of them the server was given credit for. */
  #received = 0;
  #granted = 0;
  #unlisten: (() => void) | undefined;

  constructor(clock: Clock, options: RemoteStreamOptions) {
    super();
    this.#clock = clock;
    this.#options = options;
  }

  /** Who has sent items runs. */
  get #ran(): Ran {
    return this.#received > 0 ? "yes" : "unknown";
  }

  /** Its frame is on the way: from now on time counts, and the signal. */
  began(carrier: Carrier): void {
    const { timeoutMs, signal } = this.#options;
    this.#carrier = carrier;
    if (timeoutMs !== undefined) this.#clock.arm(this, timeoutMs + graceMs);
    this.#unlisten = onAbort(signal, () => this.#abandon(cancelled(this.#ran)));
  }

  // A response in place of a stream frame is its end too: servers refuse streams with one.
  receive(body: Body): void {
    const { is_final: final, sequence, payload, error } = body;
    if (final !== false && (body["success"] === false || typeof error === "string")) this.fail(errorOf(body));
    else if (final !== false) this.answer(payload);
    else if (sequence !== this.#received) this.#abandon(broken(`item ${this.#received} is missing`));
    else if (this.#queue.size >= this.#options.window) this.#abandon(broken("the server sends more than it was asked for"));
    else {
      this.#received += 1;
      this.#queue.put(payload ?? null);
      this.#pay();
    }
  }

  /** The end, with a last value or without. */
  answer(payload: unknown): void {
    this.#finish({ value: payload ?? undefined });
  }

  fail(error: ActonError): void {
    this.#finish({ error });
  }

  expire(): void {
    const { timeoutMs } = this.#options;
    this.#abandon(new ActonError("TIMEOUT", `the stream did not end within ${timeoutMs} ms`, { afterMs: timeoutMs ?? 0, ran: this.#ran }));
  }

  next(): Promise<IteratorResult<unknown, unknown>> {
    const taken = this.#queue.take();
    this.#pay();
    return taken;
  }

  leave(): void {
    this.#queue.clear();
    if (this.#queue.ended) return;
    this.#carrier?.cancel(this);
    this.#finish({ value: undefined });
  }

  #abandon(error: ActonError): void {
    if (!this.#queue.ended) this.#carrier?.cancel(this);
    this.#finish({ error });
  }

  #finish(outcome: Outcome<unknown>): void {
    if (!this.#queue.end(outcome)) return;
    this.#carrier?.forget(this);
    this.#clock.disarm(this);
    this.#unlisten?.();
  }

  // Half a window at a time: a frame for each item would double the traffic.
  #pay(): void {
    const due = this.#received - this.#queue.size - this.#granted;
    if (this.#queue.ended || due < this.#options.window / 2) return;
    this.#granted += due;
    this.#carrier?.grant(this, due);
  }
}

function broken(problem: string): ActonError {
  return new ActonError("PROTOCOL_ERROR", `the stream is broken: ${problem}`, { ran: "yes" });
}
