// What clients' messages hold, in bytes of their frames: as long as somebody waits for the answer, and as long as the
// message is queued or worked on, though its asker has gone or never asked. So a client that comes back holds no more.

import type { Load } from "../../message/envelope.ts";
import type { Capacity } from "./capacity.ts";

/** One connection's part of what all may hold. */
export class ByteAccount {
  #held = 0;
  readonly #shared: Capacity;

  constructor(shared: Capacity) {
    this.#shared = shared;
  }

  /** One more request or stream may come: all together hold less than they may, or this connection holds nothing. */
  get takesCall(): boolean {
    return !this.#shared.exhausted || (this.#held === 0 && !this.#shared.spent);
  }

  /** One more message that nobody waits for may come. These never take more than half, so that requests go on. */
  get takesSend(): boolean {
    return 2 * this.#shared.used < this.#shared.max;
  }

  /** Given back when it was released as often as it was shared, and once more. */
  hold(bytes: number): HeldBytes {
    this.#held += bytes;
    this.#shared.take(bytes);
    return new HeldBytes(this, bytes);
  }

  give(bytes: number): void {
    this.#held -= bytes;
    this.#shared.give(bytes);
  }
}

export class HeldBytes implements Load {
  readonly #account: ByteAccount;
  readonly #bytes: number;
  #holders = 1;

  constructor(account: ByteAccount, bytes: number) {
    this.#account = account;
    this.#bytes = bytes;
  }

  share(): this {
    this.#holders += 1;
    return this;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders === 0) this.#account.give(this.#bytes);
  }
}
