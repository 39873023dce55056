// One end of a simulated connection, with the kernel's part of it: what has arrived and was not read, bounded; writes
// that are taken in part; half-closes, resets, word of what is ready. Invariant: `close` is told once, and last.

import type { PeerCredentials, Socket, SocketHandler } from "../ipc/transport.ts";
import type { Task } from "../scheduler.ts";

/** When things happen at sockets, and in what pieces bytes move. */
export interface Traffic {
  /** Runs the event some time after this has returned. */
  later(event: SocketEvent): void;
  /** How many of so many bytes, at least 1, are read together. */
  piece(bytes: number): number;
}

export interface SocketEvent extends Task {
  /** For whom it is. */
  readonly pid: number;
  readonly what: string;
}

/** What lies between two ends. */
export interface Wire {
  /** Bytes that one end may hold unread. */
  readonly bufferBytes: number;
  readonly traffic: Traffic;
  /** Brings something to the other end: at once, or later when the link is slow; never out of order. */
  carry(arrive: () => void): void;
  closed(): void;
}

export class MemorySocket implements Socket, SocketEvent {
  readonly credentials: PeerCredentials;
  readonly pid: number;
  readonly what: string;
  peer!: MemorySocket;
  readonly #wire: Wire;
  readonly #drained: SocketEvent;
  readonly #incoming: Uint8Array[] = [];
  /** Bytes that the peer has written and nobody has read, on their way included. */
  #unread = 0;
  /** Bytes that its writes have taken so far. */
  written = 0;
  #handler: SocketHandler | undefined;
  #shut = false;
  #closed = false;
  #peerShut = false;
  #reset = false;
  #toldEnd = false;
  #paused = false;
  #stalled = false;
  #blocked = false;
  #queued = false;
  #drainQueued = false;

  constructor(wire: Wire, owner: { readonly pid: number; readonly name: string }, credentials: PeerCredentials) {
    this.#wire = wire;
    this.pid = owner.pid;
    this.what = owner.name;
    this.credentials = credentials;
    this.#drained = { pid: owner.pid, what: `${owner.name} drain`, run: () => this.#drain() };
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  get peerIsGone(): boolean {
    return this.peer.#closed;
  }

  /** Bytes that have come and were not read. */
  get unread(): number {
    return this.#unread;
  }

  /** A write was short, and nobody was told yet that there is room. */
  get isBlocked(): boolean {
    return this.#blocked && !this.#closed;
  }

  /** Its process does nothing. */
  get isStalled(): boolean {
    return this.#stalled;
  }

  /** From now on events are told. */
  attach(handler: SocketHandler): void {
    this.#handler = handler;
    this.#wake();
  }

  write(bytes: Uint8Array): number {
    const { peer } = this;
    if (this.#closed || this.#shut || peer.#closed) return -1;
    const taken = Math.max(0, Math.min(bytes.byteLength, this.#wire.bufferBytes - peer.#unread));
    if (taken > 0) {
      const piece = new Uint8Array(bytes.subarray(0, taken));
      peer.#unread += taken;
      this.written += taken;
      this.#wire.carry(() => peer.#arrived(piece));
    }
    if (taken < bytes.byteLength) {
      this.#blocked = true;
      this.#wakeDrain();
    }
    return taken;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#wake();
  }

  takeArrived(): Uint8Array {
    const all = Buffer.concat(this.#incoming);
    this.#unread -= all.byteLength;
    this.#incoming.length = 0;
    this.peer.#wakeDrain();
    return all;
  }

  shutdown(): void {
    if (this.#closed || this.#shut) return;
    this.#shut = true;
    this.#wire.carry(() => this.peer.#ended());
    this.#wake();
  }

  // The close is told before this returns, as Bun does; but to a handler that is not attached yet, never.
  terminate(): void {
    if (this.#closed) return;
    this.vanish();
    this.#handler?.close();
  }

  /** Closes as the kernel closes the sockets of a dead process: nothing is told here. */
  vanish(): void {
    if (this.#closed) return;
    const lostInput = this.#unread > 0;
    this.#close();
    this.#wire.carry(() => (lostInput ? this.peer.reset() : this.peer.#ended()));
  }

  /** Cuts this end off: what it has not read is lost. */
  reset(): void {
    if (this.#closed) return;
    this.#reset = true;
    this.#discard();
    this.#wake();
  }

  /** The process at this end does nothing until `unstall`. */
  stall(): void {
    this.#stalled = true;
  }

  unstall(): void {
    this.#stalled = false;
    this.#wake();
    this.#wakeDrain();
  }

  /** One event: some bytes, or the peer's end, or the close. */
  run(): void {
    this.#queued = false;
    const handler = this.#handler;
    if (handler === undefined || !this.#hasEvent()) return;
    if (this.#reset) {
      this.#close();
      this.peer.#ended();
      handler.close();
      return;
    }
    if (this.#incoming.length > 0) handler.data(this.#take());
    else if (!this.#toldEnd) {
      this.#toldEnd = true;
      handler.end();
    } else {
      this.#close();
      this.peer.#wake();
      handler.close();
    }
    this.#wake();
  }

  #hasEvent(): boolean {
    if (this.#closed || this.#stalled || this.#paused) return false;
    if (this.#reset || this.#incoming.length > 0) return true;
    return this.#peerShut && (!this.#toldEnd || this.#shut || this.peer.#closed);
  }

  #wake(): void {
    if (this.#queued || this.#handler === undefined || !this.#hasEvent()) return;
    this.#queued = true;
    this.#wire.traffic.later(this);
  }

  #wakeDrain(): void {
    if (!this.#blocked || this.#drainQueued || this.#closed || this.peer.#unread >= this.#wire.bufferBytes) return;
    this.#drainQueued = true;
    this.#wire.traffic.later(this.#drained);
  }

  #drain(): void {
    this.#drainQueued = false;
    if (!this.#blocked || this.#stalled || this.#closed || this.peer.#unread >= this.#wire.bufferBytes) return;
    this.#blocked = false;
    this.#handler?.drain();
  }

  #arrived(piece: Uint8Array): void {
    if (this.#closed || this.#reset) return;
    this.#incoming.push(piece);
    this.#wake();
  }

  #ended(): void {
    this.#peerShut = true;
    this.#wake();
  }

  #take(): Uint8Array {
    const first = this.#incoming[0] as Uint8Array;
    const count = this.#wire.traffic.piece(first.byteLength);
    if (count < first.byteLength) this.#incoming[0] = first.subarray(count);
    else this.#incoming.shift();
    this.#unread -= count;
    this.peer.#wakeDrain();
    return count < first.byteLength ? first.slice(0, count) : first;
  }

  #discard(): void {
    this.#incoming.length = 0;
    this.#unread = 0;
  }

  #close(): void {
    this.#closed = true;
    this.#discard();
    if (this.peer.#closed) this.#wire.closed();
  }
}
