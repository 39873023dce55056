// What two threads know of each other at once, without a message: a few numbers in shared memory. Thanks to them it is exact
// which messages a thread had begun when it was ended, even in the middle of a loop.

const closedMark = -1n;

/** begun, pong, heap: eight bytes each. */
const bytes = 3 * 8;

export class Marks {
  readonly memory: SharedArrayBuffer;
  readonly #numbers: BigInt64Array;

  constructor(memory = new SharedArrayBuffer(bytes)) {
    this.memory = memory;
    this.#numbers = new BigInt64Array(memory);
  }

  /** The thread is about to run the handler of this call, the latest so far. False: it must not, the other side has closed. */
  begin(call: number): boolean {
    for (;;) {
      const before = Atomics.load(this.#numbers, 0);
      if (before === closedMark) return false;
      if (Atomics.compareExchange(this.#numbers, 0, before, BigInt(call)) === before) return true;
    }
  }

  /** The latest call that has begun. */
  get begun(): number {
    return Number(Atomics.load(this.#numbers, 0));
  }

  /** False too when it is not known any more. */
  hasBegun(call: number): boolean {
    return this.begun >= call;
  }

  get closed(): boolean {
    return Atomics.load(this.#numbers, 0) === closedMark;
  }

  /** From now on nothing begins. Returns the latest call that has. */
  close(): number {
    return Number(Atomics.exchange(this.#numbers, 0, closedMark));
  }

  /** The thread's event loop has come round to this ping. */
  answer(ping: number, heapBytes: number): void {
    Atomics.store(this.#numbers, 2, BigInt(heapBytes));
    Atomics.store(this.#numbers, 1, BigInt(ping));
  }

  /** The latest ping that was answered, and how large the thread's heap was then. */
  get pong(): { readonly ping: number; readonly heapBytes: number } {
    return { ping: Number(Atomics.load(this.#numbers, 1)), heapBytes: Number(Atomics.load(this.#numbers, 2)) };
  }
}
