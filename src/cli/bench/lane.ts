// One connection under load: so many slots, each of which has one request on its way at a time. The hot loop: no promise, no
// object, one write for all that a chunk of answers brought about.

import { bunTransport } from "../../ipc/bun-transport.ts";
import type { Socket } from "../../ipc/transport.ts";
import { FrameDecoder } from "../../ipc/wire/frame-decoder.ts";
import { type Answer, AnswerReader, type FrameFormat, headerLengthOf } from "./frames.ts";

export interface LaneEvents {
  /** A request is answered for good; `sentAt` is what `send` was told. The slot is free again. */
  answered(lane: Lane, sentAt: number, answer: Answer): void;
  /** An item of a stream, a push, or what else belongs to no slot. */
  heard(lane: Lane, answer: Answer): void;
  /** All frames of a chunk have been read: whatever is to be sent because of them goes out after this. */
  chunkRead(lane: Lane): void;
  lost(lane: Lane, reason: string): void;
}

const frameBytesMax = 2 ** 24 - 1;

export class Lane {
  readonly #frames: readonly Buffer[];
  readonly #format: FrameFormat;
  readonly #events: LaneEvents;
  readonly #sentAt: Float64Array;
  readonly #busy: Uint8Array;
  readonly #free: number[];
  readonly #decoder = new FrameDecoder(frameBytesMax);
  readonly #reader: AnswerReader;
  #socket: Socket | undefined;
  #out: Buffer = Buffer.alloc(64 * 1024);
  #start = 0;
  #end = 0;
  #blocked = false;
  #over = false;

  /** `frames` are the requests, one for each slot. */
  constructor(format: FrameFormat, frames: readonly Buffer[], events: LaneEvents) {
    this.#format = format;
    this.#frames = frames;
    this.#events = events;
    this.#sentAt = new Float64Array(frames.length);
    this.#busy = new Uint8Array(frames.length);
    this.#free = frames.map((_, index) => frames.length - 1 - index);
    this.#reader = new AnswerReader(format);
  }

  async connect(path: string): Promise<void> {
    this.#socket = await bunTransport.connect(path, {
      data: (bytes) => this.#read(bytes),
      drain: () => {
        this.#blocked = false;
        this.flush();
      },
      end: () => this.#lose("the server closed a connection"),
      close: () => this.#lose("a connection was lost"),
    });
  }

  get free(): number {
    return this.#over ? 0 : this.#free.length;
  }

  get waiting(): number {
    return this.#frames.length - this.#free.length;
  }

  /** Puts one request where the next flush sends it. There must be a free slot. `at` is the time from which its latency counts. */
  send(at: number): void {
    const slot = this.#free.pop() as number;
    this.#sentAt[slot] = at;
    this.#busy[slot] = 1;
    this.put(this.#frames[slot] as Buffer);
  }

  put(frame: Buffer): void {
    if (this.#end + frame.length > this.#out.length) this.#makeRoom(frame.length);
    this.#out.set(frame, this.#end);
    this.#end += frame.length;
  }

  flush(): void {
    if (this.#blocked || this.#over || this.#start === this.#end) return;
    const taken = this.#socket?.write(this.#out.subarray(this.#start, this.#end)) ?? 0;
    if (taken < 0) return this.#lose("a connection is gone");
    this.#start += taken;
    this.#blocked = this.#start < this.#end;
    if (!this.#blocked) this.#start = this.#end = 0;
  }

  close(): void {
    this.#over = true;
    this.#socket?.terminate();
  }

  #read(bytes: Uint8Array): void {
    if (this.#over) return;
    const headerLength = headerLengthOf(this.#format.dialect);
    try {
      this.#decoder.push(bytes);
      for (let frame = this.#decoder.next(headerLength); frame !== undefined; frame = this.#decoder.next(headerLength)) {
        this.#take(this.#reader.read(frame));
      }
    } catch {
      return this.#lose("the server sent what is no frame of this dialect");
    }
    this.#events.chunkRead(this);
    this.flush();
  }

  #take(answer: Answer): void {
    const { slot, kind } = answer;
    if (this.#busy[slot] !== 1 || kind === "item" || kind === "push") {
      this.#events.heard(this, answer);
      return;
    }
    this.#busy[slot] = 0;
    this.#free.push(slot);
    this.#events.answered(this, this.#sentAt[slot] as number, answer);
  }

  #makeRoom(more: number): void {
    const pending = this.#end - this.#start;
    const room = pending + more <= this.#out.length ? this.#out : Buffer.alloc(2 * (pending + more));
    this.#out.copy(room, 0, this.#start, this.#end);
    this.#out = room;
    this.#start = 0;
    this.#end = pending;
  }

  #lose(reason: string): void {
    if (this.#over) return;
    this.close();
    this.#events.lost(this, reason);
  }
}
