// A connection that is not let in. It is told why in its own dialect, as far as its first bytes show one, and closed.

import { after, type Clock, type Timer } from "../../clock.ts";
import type { Failure } from "../../errors.ts";
import type { Socket, SocketHandler } from "../transport.ts";
import { firstBytesMs, voiceFor } from "../wire/detect.ts";
import { BufferPool } from "../wire/buffer-pool.ts";
import { FrameDecoder } from "../wire/frame-decoder.ts";
import { FrameWriter } from "../wire/frame-writer.ts";
import { ClosingSocket } from "./closing-socket.ts";

const answerBytesMax = 64 * 1024;

export class RefusedConnection implements SocketHandler {
  readonly #socket: Socket;
  readonly #closing: ClosingSocket;
  readonly #clock: Clock;
  readonly #failure: Failure;
  readonly #closed: (refused: RefusedConnection) => void;
  readonly #patience: Timer;
  readonly #decoder = new FrameDecoder(answerBytesMax);
  #answered = false;
  #peerDone = false;

  constructor(socket: Socket, clock: Clock, failure: Failure, closed: (refused: RefusedConnection) => void) {
    this.#socket = socket;
    this.#closing = new ClosingSocket(socket, clock);
    this.#clock = clock;
    this.#failure = failure;
    this.#closed = closed;
    this.#patience = after(clock, firstBytesMs, () => this.#answer());
  }

  data(bytes: Uint8Array): void {
    if (this.#answered) return;
    this.#decoder.push(bytes.subarray(0, answerBytesMax));
    if (this.#decoder.peekAfterLength() !== undefined) this.#answer();
  }

  end(): void {
    this.#peerDone = true;
    if (!this.#closing.peerEnded()) this.#answer();
  }

  drain(): void {}

  /** Its time is up, because others want to be told too: what is not said yet is said now. */
  evict(): void {
    const arrived = this.#socket.takeArrived?.();
    if (arrived !== undefined) this.data(arrived);
    this.#answer();
    this.#closing.terminate();
  }

  close(): void {
    this.#clock.disarm(this.#patience);
    this.#closing.closed();
    this.#closed(this);
  }

  // One small frame on a fresh socket: the kernel takes it whole.
  #answer(): void {
    if (this.#answered) return;
    this.#answered = true;
    this.#clock.disarm(this.#patience);
    const out = new FrameWriter(answerBytesMax, new BufferPool());
    voiceFor(this.#decoder.peekAfterLength())(out, this.#failure);
    this.#socket.write(out.view());
    this.#decoder.clear();
    this.#closing.finish(this.#peerDone);
  }
}
