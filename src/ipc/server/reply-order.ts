// Keeps answers to frames without a correlation in the order of their frames: their clients match first in, first out.
// The oldest unanswered frame writes straight to the connection; later ones write aside until it is their turn.

import type { BufferPool } from "../wire/buffer-pool.ts";
import { FrameWriter } from "../wire/frame-writer.ts";

export class ReplySlot {
  /** What was written before its turn. */
  aside: FrameWriter | undefined;
  done = false;
  /** Told when its turn has come, while it waits for it. */
  onTurn: (() => void) | undefined;
}

export class ReplyOrder {
  readonly #connectionOut: FrameWriter;
  readonly #bodyBytesMax: number;
  readonly #pool: BufferPool;
  readonly #slots: ReplySlot[] = [];

  constructor(connectionOut: FrameWriter, bodyBytesMax: number, pool: BufferPool) {
    this.#connectionOut = connectionOut;
    this.#bodyBytesMax = bodyBytesMax;
    this.#pool = pool;
  }

  /** Bytes written aside. */
  get pending(): number {
    let bytes = 0;
    for (const slot of this.#slots) bytes += slot.aside?.pending ?? 0;
    return bytes;
  }

  get length(): number {
    return this.#slots.length;
  }

  open(): ReplySlot {
    const slot = new ReplySlot();
    this.#slots.push(slot);
    return slot;
  }

  isFirst(slot: ReplySlot): boolean {
    return this.#slots[0] === slot;
  }

  /** Where the slot's frames go for now. */
  writerFor(slot: ReplySlot): FrameWriter {
    return this.isFirst(slot) ? this.#connectionOut : (slot.aside ??= new FrameWriter(this.#bodyBytesMax, this.#pool));
  }

  /** The connection is gone: whoever waits for a turn need not wait any more. */
  abandon(): void {
    for (const slot of this.#slots.splice(0)) slot.onTurn?.();
  }

  /** The slot's last frame is written: those behind it move up. */
  close(slot: ReplySlot): void {
    slot.done = true;
    if (!this.isFirst(slot)) return;
    for (let first: ReplySlot | undefined = slot; first?.done; first = this.#slots[0]) {
      this.#slots.shift();
      const next = this.#slots[0];
      if (next?.aside !== undefined) this.#connectionOut.append(next.aside);
      next?.onTurn?.();
    }
  }
}
