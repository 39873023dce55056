// One local subscription: the pushes that wait for its reader. When too many wait, the newest are dropped, counted, and
// owned up to in the next one that it gets.

import type { ActonError } from "../../errors.ts";
import { ItemQueue, Items } from "./item-queue.ts";

export interface Push<Payload = unknown> {
  /** The message type's name. */
  readonly type: string;
  readonly payload: Payload;
  /** When it was broadcast, in Unix milliseconds. */
  readonly timestamp: number;
  /** The agent that broadcast it; undefined when it came from elsewhere. */
  readonly source: string | undefined;
  /** Counts the pushes of this type on the connection. */
  readonly seq: number;
  /** Pushes of this subscription lost since the one before, at the server or here. */
  readonly dropped: number;
}

export interface SubscribeOptions {
  /** Pushes that may wait for the reader. Default 256. */
  readonly pushesMax?: number;
  /** Aborting it ends the subscription. */
  readonly signal?: AbortSignal;
}

/** Pushes as they come. Leaving the loop ends the subscription; so does the client's close. */
export interface Subscription<Payload = unknown> extends AsyncGenerator<Push<Payload>, Push<Payload> | undefined, void> {
  /** Resolves when the server has taken the subscription; rejects when it has refused it. */
  readonly ready: Promise<void>;
}

const pushesMaxDefault = 256;

export class PushStream extends Items<Push> implements Subscription {
  readonly ready: Promise<void>;
  readonly #queue = new ItemQueue<Push>();
  readonly #pushesMax: number;
  readonly #left: (stream: PushStream) => void;
  #settleReady!: { readonly resolve: () => void; readonly reject: (error: ActonError) => void };
  #dropped = 0;
  #unlisten: (() => void) | undefined;

  /** `left` is called when it wants no more pushes. */
  constructor(options: SubscribeOptions, left: (stream: PushStream) => void) {
    super();
    this.#pushesMax = options.pushesMax ?? pushesMaxDefault;
    this.#left = left;
    this.ready = new Promise((resolve, reject) => {
      this.#settleReady = { resolve, reject };
    });
    // Most readers learn of a refusal from their loop.
    this.ready.catch(() => {});
    const { signal } = options;
    if (signal !== undefined) this.#listen(signal);
  }

  get ended(): boolean {
    return this.#queue.ended;
  }

  taken(): void {
    this.#settleReady.resolve();
  }

  /** `lost` pushes before this one never arrived. */
  push(push: Push, lost: number): void {
    this.#dropped += lost;
    if (this.#queue.size >= this.#pushesMax) {
      this.#dropped += 1;
      return;
    }
    this.#queue.put({ ...push, dropped: this.#dropped });
    this.#dropped = 0;
  }

  /** Ends it after what has arrived, with the error if there is one. */
  finish(error: ActonError | undefined): void {
    if (!this.#queue.end(error === undefined ? { value: undefined } : { error })) return;
    this.#unlisten?.();
    if (error === undefined) this.#settleReady.resolve();
    else this.#settleReady.reject(error);
  }

  next(): Promise<IteratorResult<Push, Push | undefined>> {
    return this.#queue.take();
  }

  leave(): void {
    this.#queue.clear();
    if (this.ended) return;
    this.finish(undefined);
    this.#left(this);
  }

  #listen(signal: AbortSignal): void {
    const leave = (): void => this.leave();
    if (signal.aborted) {
      this.finish(undefined);
      return;
    }
    signal.addEventListener("abort", leave, { once: true });
    this.#unlisten = () => signal.removeEventListener("abort", leave);
  }
}
