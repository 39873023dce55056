// Spare buffers for outgoing bytes. A connection holds one only while something waits to leave, so that idle
// connections cost nothing and busy ones allocate nothing.

const bytesEach = 16 * 1024;
const spareMax = 64;

export class BufferPool {
  readonly #spare: Buffer[] = [];

  take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(bytesEach);
  }

  /** Takes a buffer back; one that has grown is left to the collector. */
  give(buffer: Buffer): void {
    if (buffer.length === bytesEach && this.#spare.length < spareMax) this.#spare.push(buffer);
  }
}
