// The writing side of one connection: frames in their order, as fast as the client reads, never more than the bounds.
// Operations write a frame to `writerFor` its place and then say `sent`, or `answered` when it was the last one there.

import type { FrameWriter } from "../wire/frame-writer.ts";
import type { Socket } from "../transport.ts";
import { ReplyOrder, type ReplySlot } from "./reply-order.ts";
import type { ServerContext } from "./server-context.ts";
import { WriteQueue } from "./write-queue.ts";

export interface AnswersOwner {
  /** All that waited is with the kernel. */
  emptied(): void;
  /** The client does not read: it is given up. */
  stalled(why: string): void;
}

// A stream may be this far ahead of its reader; replies of the same connection queue behind no more than that.
const streamAheadBytes = 64 * 1024;
// Answers that wait for an earlier one, however small they are.
const slotsMax = 4096;

export class Answers {
  readonly #context: ServerContext;
  readonly #owner: AnswersOwner;
  readonly #queue: WriteQueue;
  readonly #order: ReplyOrder;
  #waitingStreams: Array<() => void> | undefined;
  #waitingReplies: Array<() => void> | undefined;
  #closed = false;

  constructor(context: ServerContext, socket: Socket, owner: AnswersOwner) {
    const { config, buffers, counters } = context;
    this.#context = context;
    this.#owner = owner;
    this.#queue = new WriteQueue(socket, context, config, {
      emptied: () => this.#emptied(),
      stalled: (why) => owner.stalled(why),
      wrote: (bytes) => {
        counters.bytesSent += bytes;
      },
    });
    this.#order = new ReplyOrder(this.#queue.out, config.maxMessageSize, buffers);
  }

  /** Where frames go that keep no order. */
  get out(): FrameWriter {
    return this.#queue.out;
  }

  /** Bytes that wait to leave. */
  get pending(): number {
    return this.#queue.out.pending;
  }

  get aboveSoftMark(): boolean {
    return this.#queue.aboveSoftMark;
  }

  /** False while so much waits, in the socket's queue or for an earlier answer, that nothing more should be asked. */
  get keepsUp(): boolean {
    const { outgoingSoftBytes } = this.#context.config;
    return !this.#queue.aboveSoftMark && this.#order.pending <= outgoingSoftBytes && this.#order.length < slotsMax;
  }

  /** Whether a push may be written now rather than wait. */
  get takesPushes(): boolean {
    return !this.#queue.blocked && !this.#queue.aboveSoftMark;
  }

  /** Nothing waits for its turn. */
  get inOrder(): boolean {
    return this.#order.length === 0;
  }

  openSlot(): ReplySlot {
    return this.#order.open();
  }

  writerFor(slot: ReplySlot | undefined): FrameWriter {
    return slot === undefined ? this.#queue.out : this.#order.writerFor(slot);
  }

  /** One frame is whole, and is not the last for its place. */
  sent(slot: ReplySlot | undefined): void {
    if (slot !== undefined) this.#order.written(slot);
    this.#counted();
  }

  /** The last frame for its place is whole. */
  answered(slot: ReplySlot | undefined): void {
    if (slot !== undefined) {
      this.#order.written(slot);
      this.#order.close(slot);
    }
    this.#counted();
  }

  #counted(): void {
    this.#context.counters.framesSent += 1;
    if (this.#order.pending > this.#context.config.outgoingHardBytes) this.#owner.stalled("too many answers wait for an earlier one");
    else this.#queue.touched();
  }

  /** Writes now, or when the client has read some of what waits: replies are encoded only when they may soon leave. */
  whenRoom(write: () => void): void {
    if (!this.#queue.aboveSoftMark) write();
    else (this.#waitingReplies ??= []).push(write);
  }

  /** Undefined while a stream may write on; else resolves when its turn has come and its reader has caught up. */
  streamPace(slot: ReplySlot | undefined): Promise<void> | undefined {
    if (this.#closed) return undefined;
    if (slot !== undefined && !this.#order.isFirst(slot)) {
      return new Promise((resolve) => {
        (slot.onTurn ??= []).push(resolve);
      });
    }
    if (this.pending < streamAheadBytes) return undefined;
    return new Promise((resolve) => (this.#waitingStreams ??= []).push(resolve));
  }

  /** More of the same batch comes in the next turn: what is answered by the end of this one leaves meanwhile. */
  flushWithTurn(): void {
    this.#queue.flushWithTurn();
  }

  drain(): void {
    this.#queue.drain();
  }

  close(): void {
    this.#closed = true;
    this.#waitingReplies = undefined;
    this.#queue.close();
    this.#order.abandon();
    this.#resumeStreams();
  }

  #emptied(): void {
    this.#writeReplies();
    this.#resumeStreams();
    this.#owner.emptied();
  }

  #writeReplies(): void {
    const replies = this.#waitingReplies;
    this.#waitingReplies = undefined;
    if (replies !== undefined) for (const write of replies) this.whenRoom(write);
  }

  #resumeStreams(): void {
    const streams = this.#waitingStreams;
    this.#waitingStreams = undefined;
    if (streams !== undefined) for (const resume of streams) resume();
  }
}
