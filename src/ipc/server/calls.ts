// One connection's requests: those in flight, by correlation, and those that wait for a place.
// Invariant: a correlation that is in use here names exactly one call until its last frame is written.

import type { Clock } from "../../clock.ts";
import { type Failure, withRan } from "../../errors.ts";
import type { Address, RequestPacket } from "../wire/packet.ts";
import type { Capacity, SharedPlaces } from "./capacity.ts";
import { ByteAccount, type HeldBytes } from "./held-bytes.ts";
import type { ReplySlot } from "./reply-order.ts";
import { WaitingCall } from "./waiting-call.ts";

/** What has not had its last frame. */
export interface OpenCall {
  readonly kind: "request" | "stream" | "watch";
  readonly packet: Address;
  /** Its frame, which it holds as long as it is open. */
  readonly held: HeldBytes | undefined;
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
  /** Monotonic milliseconds of its arrival: its time runs from then, whether or not it waits. */
  readonly at: number;
}

export interface CallLimits {
  readonly inFlightMax: number;
  readonly waitingBytesMax: number;
  readonly requestTimeoutMs: number;
}

type CallsContext = SharedPlaces & { readonly config: CallLimits; readonly clock: Clock };

/** Whose calls these are. */
export interface CallsOwner {
  perform(arrival: Arrival): void;
  /** A request is over without ever having had a place. */
  refuse(arrival: Arrival, failure: Failure): void;
}

export class Calls {
  /** Requests in flight; streams are not among them. */
  requests = 0;
  /** Streams, and watches, which last as long. */
  streams = 0;
  waitingBytes = 0;
  #streamNumber = 0;
  readonly bytes: ByteAccount;
  readonly #limits: CallLimits;
  readonly #clock: Clock;
  readonly #shared: SharedPlaces;
  /** What one user may have in flight, where that is bounded. */
  readonly #user: Capacity | undefined;
  readonly #owner: CallsOwner;
  // By correlation; those without one are their own key. What waits for its place holds its correlation too.
  readonly #open = new Map<string | OpenCall, OpenCall | WaitingCall<Arrival>>();
  // Streams without a correlation, by the id that the server gave them.
  readonly #unnamedStreams = new Map<string, OpenCall>();
  readonly #waiting = new Set<WaitingCall<Arrival>>();
  // What is to be done when a call is over, for the few that have such a thing.
  #closings: Map<OpenCall, () => void> | undefined;
  #admitting = false;
  readonly #admitMore = (): void => this.#admitWaiting();

  constructor(context: CallsContext, user: Capacity | undefined, owner: CallsOwner) {
    this.#limits = context.config;
    this.#clock = context.clock;
    this.#shared = context;
    this.bytes = new ByteAccount(context.inFlightBytes);
    this.#user = user;
    this.#owner = owner;
  }

  get idle(): boolean {
    return this.#open.size === 0 && this.#waiting.size === 0;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** So much waits that nothing more should be read. */
  get saturated(): boolean {
    return this.waitingBytes > this.#limits.waitingBytesMax;
  }

  /** A name for a stream that its client gave none. */
  nextStreamId(): string {
    return `stream-${(this.#streamNumber += 1)}`;
  }

  isInUse(correlation: string): boolean {
    return this.#open.has(correlation);
  }

  /** By correlation, or by the id that the server gave a stream without one; undefined for one that waits. */
  find(id: string): OpenCall | undefined {
    const call = this.#open.get(id) ?? this.#unnamedStreams.get(id);
    return call instanceof WaitingCall ? undefined : call;
  }

  /** Ends the call with this failure, begun or waiting. What is not there was answered already. */
  cancel(id: string, failure: Failure): void {
    const call = this.#open.get(id) ?? this.#unnamedStreams.get(id);
    if (call instanceof WaitingCall) this.#end(call, failure);
    else call?.cancel(failure);
  }

  /** Performs the request now, or when its turn comes: but for streams, which count apart, those that wait are never overtaken. */
  arrive(arrival: Arrival): void {
    const { packet } = arrival;
    if (packet.expectsStream || (this.#waiting.size === 0 && this.#hasPlaceFor(packet))) return this.#owner.perform(arrival);
    const timeoutMs = packet.expectsReply ? (packet.timeoutMs ?? this.#limits.requestTimeoutMs) : Infinity;
    const late: Failure = { code: "TIMEOUT", message: `no reply within ${timeoutMs} ms`, afterMs: timeoutMs };
    const waiting: WaitingCall<Arrival> = new WaitingCall(arrival, () => this.#end(waiting, late));
    if (packet.correlation !== null) this.#open.set(packet.correlation, waiting);
    this.#waiting.add(waiting);
    this.waitingBytes += arrival.bytes;
    if (timeoutMs !== Infinity) this.#clock.armAt(waiting, arrival.at + timeoutMs);
    this.#awaitRoom();
  }

  /** `closed` is called when the call has had its last frame, or nobody waits for it any more. */
  open(call: OpenCall, closed?: () => void): void {
    if (closed !== undefined) (this.#closings ??= new Map()).set(call, closed);
    const { correlation, streamId } = call.packet;
    this.#open.set(correlation ?? call, call);
    call.held?.share();
    if (call.kind !== "request") {
      this.streams += 1;
      if (correlation === null && streamId !== null) this.#unnamedStreams.set(streamId, call);
    } else {
      this.requests += 1;
      this.#shared.inFlight.take(1);
      this.#user?.take(1);
    }
  }

  close(call: OpenCall): void {
    const { correlation, streamId } = call.packet;
    if (!this.#open.delete(correlation ?? call)) return;
    if (this.#closings !== undefined) this.#closed(call);
    if (call.kind !== "request") {
      this.streams -= 1;
      if (correlation === null && streamId !== null) this.#unnamedStreams.delete(streamId);
    } else {
      this.requests -= 1;
      this.#shared.inFlight.give(1);
      this.#user?.give(1);
    }
    call.held?.release();
    if (this.#waiting.size > 0) this.#admitWaiting();
  }

  /** Ends the open streams and watches, with a last frame each. */
  failStreams(failure: Failure): void {
    for (const call of this.#begun()) if (call.kind !== "request") call.cancel(failure);
  }

  /** Ends the watches: nobody is kept by them. */
  failWatches(failure: Failure): void {
    for (const call of this.#begun()) if (call.kind === "watch") call.cancel(failure);
  }

  /** Ends everything, with an answer each: what waits was never begun. */
  failAll(failure: Failure, waitingFailure: Failure): void {
    for (const waiting of this.#waiting) this.#end(waiting, waitingFailure);
    for (const call of this.#begun()) call.cancel(failure);
  }

  /** The connection is gone: nothing is answered any more. */
  abandonAll(): void {
    this.#shared.inFlight.leave(this.#admitMore);
    this.#shared.inFlightBytes.leave(this.#admitMore);
    for (const waiting of this.#waiting) this.#clock.disarm(waiting);
    this.#waiting.clear();
    this.waitingBytes = 0;
    for (const call of this.#begun()) {
      call.abandon();
      this.close(call);
    }
    this.#open.clear();
  }

  #closed(call: OpenCall): void {
    const closed = this.#closings?.get(call);
    this.#closings?.delete(call);
    closed?.();
  }

  #begun(): OpenCall[] {
    return [...this.#open.values()].filter((call): call is OpenCall => !(call instanceof WaitingCall));
  }

  #hasPlaceFor(packet: RequestPacket): boolean {
    return !packet.expectsReply || (this.requests < this.#limits.inFlightMax && !this.#shared.inFlight.exhausted && this.bytes.takesCall);
  }

  #end(waiting: WaitingCall<Arrival>, failure: Failure): void {
    this.#leave(waiting);
    this.#owner.refuse(waiting.arrival, withRan(failure, "no"));
    this.#admitWaiting();
  }

  #leave(waiting: WaitingCall<Arrival>): void {
    const { packet, bytes } = waiting.arrival;
    this.#waiting.delete(waiting);
    this.#clock.disarm(waiting);
    this.waitingBytes -= bytes;
    if (packet.correlation !== null) this.#open.delete(packet.correlation);
  }

  // One that is refused as it is performed gives its place to the next: by this loop, not by a deeper one.
  #admitWaiting(): void {
    if (this.#admitting) return;
    this.#admitting = true;
    try {
      for (const next of this.#waiting) {
        if (!this.#hasPlaceFor(next.arrival.packet)) break;
        this.#leave(next);
        this.#owner.perform(next.arrival);
      }
    } finally {
      this.#admitting = false;
    }
    if (this.#waiting.size > 0) this.#awaitRoom();
  }

  #awaitRoom(): void {
    const { inFlight, inFlightBytes } = this.#shared;
    if (inFlight.exhausted) inFlight.whenRoom(this.#admitMore);
    if (inFlightBytes.exhausted) inFlightBytes.whenRoom(this.#admitMore);
  }
}
