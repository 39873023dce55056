// The bytes that a client's connection sends: frames of one turn leave in one write, and what the socket does not take waits.

import type { Socket } from "../transport.ts";
import { BufferPool } from "../wire/buffer-pool.ts";
import { FrameWriter } from "../wire/frame-writer.ts";

const thisTurn = Promise.resolve();

export class Outgoing {
  /** Where frames are written; `leave` after each. */
  readonly writer: FrameWriter;
  readonly #gone: () => void;
  readonly #flushTurn = (): void => {
    this.#flushing = false;
    if (!this.#blocked) this.flush();
  };
  #socket: Socket | undefined;
  #taken = 0;
  /** A flush of this turn's frames is on its way. */
  #flushing = false;
  /** The socket takes no more until it drains. */
  #blocked = false;
  #quiet = true;

  /** `gone` is called when the socket turns out to be closed. */
  constructor(frameBytesMax: number, gone: () => void) {
    this.writer = new FrameWriter(frameBytesMax, new BufferPool());
    this.#gone = gone;
  }

  /** Bytes that the socket has taken. */
  get taken(): number {
    return this.#taken;
  }

  /** Bytes of all frames written so far. */
  get written(): number {
    return this.#taken + this.writer.pending;
  }

  attach(socket: Socket): void {
    this.#socket = socket;
  }

  /** Closes the socket; what waits is lost. */
  close(): void {
    this.#socket?.terminate();
    this.#socket = undefined;
  }

  /** Lets what is written leave, with all else of this turn. */
  leave(): void {
    this.#quiet = false;
    if (this.#flushing) return;
    this.#flushing = true;
    void thisTurn.then(this.#flushTurn);
  }

  /** Whether nothing has left since it was last asked. */
  wasQuiet(): boolean {
    const quiet = this.#quiet;
    this.#quiet = true;
    return quiet;
  }

  /** Writes now, as far as the socket takes it. */
  flush(): void {
    this.#blocked = false;
    while (this.writer.pending > 0 && this.#socket !== undefined) {
      const bytes = this.writer.view();
      const taken = this.#socket.write(bytes);
      if (taken < 0) {
        this.#gone();
        return;
      }
      this.#taken += taken;
      this.writer.consume(taken);
      if (taken < bytes.length) {
        this.#blocked = true;
        return;
      }
    }
  }
}
