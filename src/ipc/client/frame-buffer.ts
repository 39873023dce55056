// Turns the bytes of a connection, however they were cut, into the bodies of bare frames.

import { ActonError } from "../../errors.ts";

const headerBytes = 4;

export class FrameBuffer {
  readonly #frameBytesMax: number;
  #chunks: Uint8Array[] = [];
  #length = 0;

  constructor(frameBytesMax: number) {
    this.#frameBytesMax = frameBytesMax;
  }

  push(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#length += bytes.length;
  }

  /** The next whole body, or undefined: not yet. PROTOCOL_ERROR for a frame beyond the limit. */
  next(): Uint8Array | undefined {
    if (this.#length < headerBytes) return undefined;
    const header = this.#atLeast(headerBytes);
    const length = new DataView(header.buffer, header.byteOffset).getUint32(0);
    if (length > this.#frameBytesMax) throw new ActonError("PROTOCOL_ERROR", `a frame of ${length} bytes; at most ${this.#frameBytesMax} are taken`);
    const end = headerBytes + length;
    if (this.#length < end) return undefined;
    const bytes = this.#atLeast(end);
    if (bytes.length > end) this.#chunks[0] = bytes.subarray(end);
    else this.#chunks.shift();
    this.#length -= end;
    return bytes.subarray(headerBytes, end);
  }

  // Chunks are joined once, when the frame is whole.
  #atLeast(length: number): Uint8Array {
    const first = this.#chunks[0];
    if (first !== undefined && first.length >= length) return first;
    const joined = Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }
}
