// Keeps answers to frames without a correlation in the order of their frames: their clients match first in, first out.
// The oldest unanswered frame writes straight to the connection; later ones write aside until it is their turn.

import type { BufferPool } from "../wire/buffer-pool.ts";
import { FrameWriter } from "../wire/frame-writer.ts";

export class ReplySlot {
  /** What was written before its turn. */
  aside: Uint8Array[] | undefined;
  done = false;
  /** Told when its turn has come, those that wait for it. */
  onTurn: Array<() => void> | undefined;
}

export class ReplyOrder {
  /** Bytes written aside. */
  pending = 0;
  readonly #connectionOut: FrameWriter;
  /** Frames for slots whose turn has not come are written here, and taken out again at once. */
  readonly #scratch: FrameWriter;
  #slots: ReplySlot[] = [];
  #first = 0;

  constructor(connectionOut: FrameWriter, bodyBytesMax: number, pool: BufferPool) {
    this.#connectionOut = connectionOut;
    this.#scratch = new FrameWriter(bodyBytesMax, pool);
  }

  get length(): number {
    return this.#slots.length - this.#first;
  }

  open(): ReplySlot {
    const slot = new ReplySlot();
    this.#slots.push(slot);
    return slot;
  }

  isFirst(slot: ReplySlot): boolean {
    return this.#slots[this.#first] === slot;
  }

  /** Where the slot's frame goes. Once it is whole comes `written`. */
  writerFor(slot: ReplySlot): FrameWriter {
    return this.isFirst(slot) ? this.#connectionOut : this.#scratch;
  }

  /** Takes the slot's frame aside when its turn has not come. */
  written(slot: ReplySlot): void {
    if (this.#scratch.pending === 0 || this.isFirst(slot)) return;
    const bytes = new Uint8Array(this.#scratch.view());
    this.#scratch.consume(bytes.byteLength);
    this.pending += bytes.byteLength;
    (slot.aside ??= []).push(bytes);
  }

  /** The connection is gone: whoever waits for a turn need not wait any more. */
  abandon(): void {
    const slots = this.#slots;
    this.#slots = [];
    this.#first = 0;
    this.pending = 0;
    for (const slot of slots) for (const told of slot.onTurn ?? []) told();
  }

  /** The slot's last frame is written: those behind it move up. */
  close(slot: ReplySlot): void {
    slot.done = true;
    if (!this.isFirst(slot)) return;
    for (let first: ReplySlot | undefined = slot; first?.done; first = this.#slots[this.#first]) {
      this.#advance();
      this.#takeTurn(this.#slots[this.#first]);
    }
  }

  #takeTurn(slot: ReplySlot | undefined): void {
    for (const bytes of slot?.aside ?? []) {
      this.#connectionOut.raw(bytes);
      this.pending -= bytes.byteLength;
    }
    const told = slot?.onTurn ?? [];
    if (slot !== undefined) {
      slot.aside = undefined;
      slot.onTurn = undefined;
    }
    for (const each of told) each();
  }

  #advance(): void {
    this.#first += 1;
    if (this.#first < this.#slots.length && this.#first < slotsPassedMax) return;
    this.#slots = this.#slots.slice(this.#first);
    this.#first = 0;
  }
}

// Slots that have been passed stay in the array until then: moving the rest for each would cost more.
const slotsPassedMax = 256;
