// One connection's requests: those in flight, by correlation, and those that wait for a place.
// Invariant: a correlation that is in use here names exactly one call until its last frame is written.

import type { Failure } from "../../errors.ts";
import type { RequestPacket } from "../wire/packet.ts";
import type { Capacity } from "./capacity.ts";
import type { ReplySlot } from "./reply-order.ts";

/** A request or stream that has not had its last frame. */
export interface OpenCall {
  readonly packet: RequestPacket;
  /** Ends it with this failure. */
  cancel(failure: Failure): void;
  /** Lets a stream with a window send so many more frames. */
  grant(credit: number): void;
  /** Nobody waits for the answer any more: nothing is written, the handler's signal aborts. */
  abandon(): void;
}

/** A request as it arrived. */
export interface Arrival {
  readonly packet: RequestPacket;
  readonly slot: ReplySlot | undefined;
  /** Bytes of its frame's body. */
  readonly bytes: number;
}

export interface CallLimits {
  readonly inFlightMax: number;
  readonly waitingBytesMax: number;
}

export class Calls {
  /** Requests in flight; streams are not among them. */
  requests = 0;
  streams = 0;
  waitingBytes = 0;
  readonly #limits: CallLimits;
  readonly #total: Capacity;
  readonly #perform: (arrival: Arrival) => void;
  // By correlation; those without one are their own key. What waits for its place holds its correlation too.
  readonly #open = new Map<string | OpenCall, OpenCall | undefined>();
  readonly #waiting: Arrival[] = [];
  readonly #admitMore = (): void => this.#admitWaiting();

  constructor(limits: CallLimits, total: Capacity, perform: (arrival: Arrival) => void) {
    this.#limits = limits;
    this.#total = total;
    this.#perform = perform;
  }

  get idle(): boolean {
    return this.#open.size === 0 && this.#waiting.length === 0;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** So much waits that nothing more should be read. */
  get saturated(): boolean {
    return this.waitingBytes > this.#limits.waitingBytesMax;
  }

  isInUse(correlation: string): boolean {
    return this.#open.has(correlation);
  }

  /** By correlation, or by the id that the server gave a stream without one. */
  find(id: string): OpenCall | undefined {
    const call = this.#open.get(id);
    if (call !== undefined || this.#open.has(id)) return call;
    for (const candidate of this.#open.values()) if (candidate?.packet.streamId === id) return candidate;
    return undefined;
  }

  /** Takes a request that waits out of the line. */
  withdraw(correlation: string): Arrival | undefined {
    const place = this.#waiting.findIndex((arrival) => arrival.packet.correlation === correlation);
    const [arrival] = place < 0 ? [] : this.#waiting.splice(place, 1);
    if (arrival === undefined) return undefined;
    this.waitingBytes -= arrival.bytes;
    this.#open.delete(correlation);
    return arrival;
  }

  /** Performs the request now, or when its turn comes: those that wait are never overtaken. */
  arrive(arrival: Arrival): void {
    if (this.#waiting.length === 0 && this.#hasPlaceFor(arrival.packet)) {
      this.#perform(arrival);
      return;
    }
    const { correlation } = arrival.packet;
    if (correlation !== null) this.#open.set(correlation, undefined);
    this.#waiting.push(arrival);
    this.waitingBytes += arrival.bytes;
    if (this.#total.exhausted) this.#total.whenRoom(this.#admitMore);
  }

  open(call: OpenCall): void {
    const { correlation, expectsStream } = call.packet;
    this.#open.set(correlation ?? call, call);
    if (expectsStream) {
      this.streams += 1;
    } else {
      this.requests += 1;
      this.#total.take(1);
    }
  }

  close(call: OpenCall): void {
    const { correlation, expectsStream } = call.packet;
    if (!this.#open.delete(correlation ?? call)) return;
    if (expectsStream) {
      this.streams -= 1;
    } else {
      this.requests -= 1;
      this.#total.give(1);
    }
    if (this.#waiting.length > 0) this.#admitWaiting();
  }

  abandonStreams(): void {
    for (const call of this.#open.values()) if (call?.packet.expectsStream) this.#abandon(call);
  }

  abandonAll(): void {
    this.#total.leave(this.#admitMore);
    this.#waiting.length = 0;
    this.waitingBytes = 0;
    for (const call of this.#open.values()) if (call !== undefined) this.#abandon(call);
    this.#open.clear();
  }

  #abandon(call: OpenCall): void {
    call.abandon();
    this.close(call);
  }

  #hasPlaceFor(packet: RequestPacket): boolean {
    if (packet.expectsStream || !packet.expectsReply) return true;
    return this.requests < this.#limits.inFlightMax && !this.#total.exhausted;
  }

  #admitWaiting(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#hasPlaceFor(next.packet); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.waitingBytes -= next.bytes;
      if (next.packet.correlation !== null) this.#open.delete(next.packet.correlation);
      this.#perform(next);
    }
    if (this.#waiting.length > 0 && this.#total.exhausted) this.#total.whenRoom(this.#admitMore);
  }
}
