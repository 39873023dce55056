// One connection's outgoing bytes: written once per turn, bounded, and watched. Above the soft mark its owner stops
// reading; above the hard one, or after a while without progress, the connection is given up.

import type { Clock, Timer } from "../../clock.ts";
import type { Scheduler, Task } from "../../scheduler.ts";
import type { Socket } from "../transport.ts";
import type { BufferPool } from "../wire/buffer-pool.ts";
import { FrameWriter } from "../wire/frame-writer.ts";

export interface WriteLimits {
  readonly maxMessageSize: number;
  readonly outgoingSoftBytes: number;
  readonly outgoingHardBytes: number;
  readonly writeTimeoutMs: number;
}

export interface WriteServices {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly buffers: BufferPool;
}

/** The connection, as its queue reports to it. */
export interface WriteOwner {
  /** All that waited is with the kernel. */
  emptied(): void;
  /** The peer does not read: too much waits, or it has waited too long. */
  stalled(why: string): void;
  wrote(bytes: number): void;
}

export class WriteQueue implements Task {
  readonly out: FrameWriter;
  /** The kernel took less than it was given, and has not asked for more yet. */
  blocked = false;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #scheduler: Scheduler;
  readonly #limits: WriteLimits;
  readonly #owner: WriteOwner;
  readonly #deadline: Timer;
  #dirty = false;
  #closed = false;

  constructor(socket: Socket, { clock, scheduler, buffers }: WriteServices, limits: WriteLimits, owner: WriteOwner) {
    this.#socket = socket;
    this.#clock = clock;
    this.#scheduler = scheduler;
    this.#limits = limits;
    this.#owner = owner;
    this.out = new FrameWriter(limits.maxMessageSize, buffers);
    this.#deadline = { due: 0, order: 0, place: -1, expire: () => this.#owner.stalled(`the peer read nothing for ${limits.writeTimeoutMs} ms`) };
  }

  get aboveSoftMark(): boolean {
    return this.out.pending > this.#limits.outgoingSoftBytes;
  }

  /** Something was written to `out`: it leaves once every socket that was ready with this one has been heard. */
  touched(): void {
    // A client that reads is not slow: it is offered what there is before it is given up.
    if (this.out.pending > this.#limits.outgoingHardBytes && !this.blocked) this.#flush();
    if (this.out.pending > this.#limits.outgoingHardBytes) {
      this.#owner.stalled(`${this.out.pending} bytes wait for a peer that does not read them`);
      return;
    }
    if (this.#dirty || this.blocked || this.#closed) return;
    this.#scheduler.atLoopEnd(this);
    this.#dirty = true;
  }

  /** More of the same batch comes in the next turn: what is answered at the end of this one leaves meanwhile. */
  flushWithTurn(): void {
    this.#scheduler.atTurnEnd(this);
  }

  run(): void {
    this.#dirty = false;
    if (!this.blocked) this.#flush();
  }

  drain(): void {
    this.blocked = false;
    this.#flush();
  }

  close(): void {
    this.#closed = true;
    this.#clock.disarm(this.#deadline);
    this.out.consume(this.out.pending);
  }

  #flush(): void {
    const { out } = this;
    if (this.#closed || out.pending === 0) return;
    const pending = out.pending;
    const taken = this.#socket.write(out.view());
    if (taken > 0) {
      out.consume(taken);
      this.#owner.wrote(taken);
    }
    if (taken >= pending) {
      this.#clock.disarm(this.#deadline);
      this.#owner.emptied();
      return;
    }
    // −1 is a closed socket: its close event is on the way.
    this.blocked = true;
    if (taken > 0 || this.#deadline.place < 0) this.#clock.arm(this.#deadline, this.#limits.writeTimeoutMs);
  }
}
