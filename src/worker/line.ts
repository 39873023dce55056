// What one thread has to say to another, sent once a turn. Whatever cannot be copied is refused alone: the rest arrives.

import { detailOf } from "../errors.ts";
import type { Clock } from "../clock.ts";
import type { Scheduler, Task } from "../scheduler.ts";
import { buffersToMove } from "./moved-buffers.ts";
import type { ThreadPort } from "./thread.ts";

interface Outgoing<Sent> {
  readonly packet: Sent;
  readonly moved: readonly ArrayBuffer[];
  readonly refused: Refused<Sent> | undefined;
}

/** Is told why a packet cannot be copied, within the turn. What it returns is sent in the place of the packet. */
export type Refused<Sent> = (why: string) => Sent | undefined | void;

/** What those need who have something to say. */
export interface Speaker<Sent> {
  send(packet: Sent, refused?: Refused<Sent>): void;
  /** The same; large buffers in `value`, a part of the packet, move to the other thread and are empty here. */
  sendMoving(packet: Sent, value: unknown, refused: Refused<Sent>): void;
}

// A turn of small messages is sent together; behind handlers that take longer than this, nothing waits for the next one.
const patienceMs = 0.5;

export class Line<Sent> implements Speaker<Sent>, Task {
  readonly #port: Pick<ThreadPort<Sent, never>, "post">;
  readonly #scheduler: Scheduler;
  readonly #clock: Clock;
  #waiting: Outgoing<Sent>[] = [];
  /** When the first of them was said, monotonic. */
  #since = 0;
  #closed = false;

  constructor(port: Pick<ThreadPort<Sent, never>, "post">, clock: Clock, scheduler: Scheduler) {
    this.#port = port;
    this.#clock = clock;
    this.#scheduler = scheduler;
  }

  send(packet: Sent, refused?: Refused<Sent>): void {
    this.#add({ packet, moved: [], refused });
  }

  sendMoving(packet: Sent, value: unknown, refused: Refused<Sent>): void {
    this.#add({ packet, moved: buffersToMove(value), refused });
  }

  /** Nothing is sent any more. */
  close(): void {
    this.#closed = true;
    this.#waiting = [];
  }

  /** Called before something that may take long: what has waited for a while does not wait for that too. */
  hurry(): void {
    if (this.#waiting.length > 0 && this.#clock.monotonic() - this.#since >= patienceMs) this.run();
  }

  run(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    if (this.#post(waiting) === undefined) return;
    for (const each of waiting) this.#postAlone(each);
  }

  // Some memory cannot move, such as WebAssembly's: it may be copied still.
  #postAlone(outgoing: Outgoing<Sent>): void {
    const why = this.#post([outgoing]) && this.#post([{ ...outgoing, moved: [] }]);
    const instead = why === undefined ? undefined : outgoing.refused?.(why);
    if (instead !== undefined) this.#post([{ packet: instead, moved: [], refused: undefined }]);
  }

  #add(outgoing: Outgoing<Sent>): void {
    if (this.#closed) return;
    if (this.#waiting.push(outgoing) > 1) return;
    this.#since = this.#clock.monotonic();
    this.#scheduler.atTurnEnd(this);
  }

  /** Why they cannot be sent. */
  #post(outgoing: readonly Outgoing<Sent>[]): string | undefined {
    try {
      this.#port.post(
        outgoing.map(({ packet }) => packet),
        [...new Set(outgoing.flatMap(({ moved }) => moved))],
      );
      return undefined;
    } catch (thrown) {
      return detailOf(thrown);
    }
  }
}
