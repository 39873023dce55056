// Cuts a byte stream into frames, whatever way it arrives in pieces. Copies nothing while a chunk holds whole
// frames; the rest of a chunk is copied once. Memory grows with what has arrived, never with what a length promises.

import { isAscii } from "node:buffer";
import { ActonError } from "../../errors.ts";

/** A view of one frame: valid until the next call on its decoder. */
export interface Frame {
  readonly bytes: Buffer;
  /** Where the frame's header begins. */
  readonly header: number;
  /** The body is bytes[start, end). */
  readonly start: number;
  readonly end: number;
  /** True when every byte of it is ASCII; false when that is not known. */
  readonly ascii: boolean;
}

/** Bytes of the header that begins at `offset`, the length field included; 0 when more must arrive to know. */
export type HeaderLength = (bytes: Buffer, offset: number, end: number) => number;

export const lengthFieldBytes = 4;
const nothing: Buffer = Buffer.alloc(0);
const keptBytesMin = 256;

export class FrameDecoder {
  readonly #bodyBytesMax: number;
  readonly #frame: { -readonly [K in keyof Frame]: Frame[K] } = { bytes: nothing, header: 0, start: 0, end: 0, ascii: false };
  #bytes: Buffer = nothing;
  #offset = 0;
  #end = 0;
  // Whether #bytes is our own copy, which may be written to.
  #own = false;
  /** Whether all that is held is ASCII. One look at a chunk spares each of its frames a decoder. */
  #ascii = false;

  constructor(bodyBytesMax: number) {
    this.#bodyBytesMax = bodyBytesMax;
  }

  /** Bytes that have arrived and are not yet part of a frame that was taken. */
  get held(): number {
    return this.#end - this.#offset;
  }

  push(chunk: Uint8Array): void {
    if (this.held === 0) {
      this.#bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      this.#offset = 0;
      this.#end = chunk.byteLength;
      this.#own = false;
      this.#ascii = isAscii(chunk);
      return;
    }
    this.#ascii &&= isAscii(chunk);
    this.#reserve(chunk.byteLength);
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.byteLength;
  }

  /** The byte after the first length, by which a dialect is known; undefined while it has not arrived. */
  peekAfterLength(): number | undefined {
    return this.held > lengthFieldBytes ? this.#bytes[this.#offset + lengthFieldBytes] : undefined;
  }

  /** The next whole frame; undefined when more must arrive. Throws PROTOCOL_ERROR when its length is beyond the limit. */
  next(headerLength: HeaderLength): Frame | undefined {
    this.refuseOversize();
    const bodyLength = this.#nextLength();
    const header = bodyLength < 0 ? 0 : headerLength(this.#bytes, this.#offset, this.#end);
    if (header === 0 || this.held < header + bodyLength) {
      this.#keep();
      return undefined;
    }
    const frame = this.#frame;
    frame.bytes = this.#bytes;
    frame.header = this.#offset;
    frame.start = this.#offset + header;
    frame.end = frame.start + bodyLength;
    frame.ascii = this.#ascii;
    this.#offset = frame.end;
    return frame;
  }

  /** Throws as soon as the length field of the next frame has arrived and is beyond the limit. */
  refuseOversize(): void {
    const length = this.#nextLength();
    if (length > this.#bodyBytesMax) {
      throw new ActonError("PROTOCOL_ERROR", `frame of ${length} bytes exceeds the limit of ${this.#bodyBytesMax} bytes`);
    }
  }

  /** Forgets whatever has arrived. */
  clear(): void {
    this.#bytes = nothing;
    this.#frame.bytes = nothing;
    this.#offset = 0;
    this.#end = 0;
  }

  #nextLength(): number {
    if (this.held < lengthFieldBytes) return -1;
    return this.#bytes.readUInt32BE(this.#offset);
  }

  // Half a frame must not keep a whole chunk of up to 512 KiB alive.
  #keep(): void {
    if (this.held === 0) this.clear();
    else if (!this.#own) this.#move(this.held);
  }

  #reserve(more: number): void {
    const needed = this.held + more;
    if (!this.#own || needed > this.#bytes.length) this.#move(Math.max(needed, this.#own ? 2 * this.#bytes.length : needed));
    else if (this.#end + more > this.#bytes.length) {
      this.#bytes.copyWithin(0, this.#offset, this.#end);
      this.#end -= this.#offset;
      this.#offset = 0;
    }
  }

  #move(capacity: number): void {
    const own = Buffer.allocUnsafeSlow(Math.max(capacity, keptBytesMin));
    this.#bytes.copy(own, 0, this.#offset, this.#end);
    this.#end -= this.#offset;
    this.#offset = 0;
    this.#bytes = own;
    this.#own = true;
  }
}
