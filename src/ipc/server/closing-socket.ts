// Ends a socket without losing what was written to it: shut the write side, read on until the peer is done too or a
// moment has passed, then close. Closing at once would turn the last reply into a connection reset.

import type { Clock, Timer } from "../../clock.ts";
import type { Socket } from "../transport.ts";

/** How long a peer may take to hang up once everything is said. */
const lingerMs = 1000;

export class ClosingSocket implements Timer {
  due = 0;
  order = 0;
  place = -1;
  readonly #socket: Socket;
  readonly #clock: Clock;
  #shut = false;

  constructor(socket: Socket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
  }

  /** Closes the socket by force unless it has finished by then. */
  deadline(withinMs: number): void {
    this.#clock.arm(this, withinMs + lingerMs);
  }

  /** Everything is written. */
  finish(peerDone: boolean): void {
    if (this.#shut) return;
    this.#shut = true;
    this.#socket.shutdown();
    if (peerDone) this.#socket.terminate();
    else this.#clock.arm(this, lingerMs);
  }

  /** True when that ended the socket. */
  peerEnded(): boolean {
    if (this.#shut) this.#socket.terminate();
    return this.#shut;
  }

  terminate(): void {
    this.#socket.terminate();
  }

  closed(): void {
    this.#clock.disarm(this);
  }

  expire(): void {
    this.#socket.terminate();
  }
}
