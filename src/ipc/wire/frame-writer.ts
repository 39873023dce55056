// Outgoing bytes of one connection: frames are written straight into one growing buffer and leave it in order.
// A frame that turns out to be impossible halfway is rolled back, so that no half of it ever leaves: by its
// writer, or by the next one who comes, since a writer that has run out of stack stops anywhere.

import { ActonError } from "../../errors.ts";
import type { BufferPool } from "./buffer-pool.ts";
import { lengthFieldBytes } from "./frame-decoder.ts";

const nothing: Buffer = Buffer.alloc(0);
// What Buffer's write comes down to, without its look at the arguments: 10 ns less for each piece of a frame.
// oxlint-disable-next-line typescript/unbound-method
const { utf8Write } = Buffer.prototype as Buffer & { utf8Write(this: Uint8Array, text: string, offset: number): number };

export class FrameWriter {
  readonly #bodyBytesMax: number;
  #bytes: Buffer = nothing;
  #start = 0;
  #end = 0;
  #frame = 0;
  #body = 0;
  #unfinished = false;
  readonly #pool: BufferPool;

  constructor(bodyBytesMax: number, pool: BufferPool) {
    this.#bodyBytesMax = bodyBytesMax;
    this.#pool = pool;
  }

  /** Bytes of whole frames that are not yet consumed. */
  get pending(): number {
    return (this.#unfinished ? this.#frame : this.#end) - this.#start;
  }

  /** Begins a frame; `header` is what follows the length field. */
  begin(...header: readonly number[]): void {
    if (this.#unfinished) this.rollback();
    this.#reserve(lengthFieldBytes + header.length);
    this.#frame = this.#end;
    this.#unfinished = true;
    this.#end += lengthFieldBytes;
    for (const byte of header) this.#bytes[this.#end++] = byte;
    this.#body = this.#end;
  }

  text(text: string): void {
    this.#reserve(3 * text.length);
    this.#end += utf8Write.call(this.#bytes, text, this.#end);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.byteLength);
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.byteLength;
  }

  /** Ends the frame. Rolls it back and throws HANDLER_FAILED when its body is beyond the limit. */
  finish(): void {
    const length = this.#end - this.#body;
    if (length > this.#bodyBytesMax) {
      this.rollback();
      throw new ActonError("HANDLER_FAILED", `the reply of ${length} bytes exceeds the frame limit of ${this.#bodyBytesMax} bytes`);
    }
    this.#bytes.writeUInt32BE(length, this.#frame);
    this.#unfinished = false;
  }

  rollback(): void {
    this.#end = this.#frame;
    this.#unfinished = false;
  }

  /** What waits to leave: valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#start + this.pending);
  }

  consume(count: number): void {
    if (this.#unfinished) this.rollback();
    this.#start += count;
    if (this.#start < this.#end) return;
    this.#pool.give(this.#bytes);
    this.#bytes = nothing;
    this.#start = 0;
    this.#end = 0;
  }

  #reserve(more: number): void {
    const needed = this.#end + more;
    if (needed <= this.#bytes.length) return;
    const pending = this.#end - this.#start;
    const before = this.#bytes;
    const grown = before.length === 0 ? this.#pool.take() : before;
    const fits = pending + more <= grown.length;
    const bytes = fits ? grown : Buffer.allocUnsafeSlow(Math.max(2 * pending, pending + more));
    before.copy(bytes, 0, this.#start, this.#end);
    if (!fits) this.#pool.give(grown);
    this.#bytes = bytes;
    this.#frame -= this.#start;
    this.#body -= this.#start;
    this.#end = pending;
    this.#start = 0;
  }
}
