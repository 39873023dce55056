// What one thread has to say to another, sent once a turn. Whatever cannot be copied is refused alone: the rest arrives.

import { detailOf } from "../errors.ts";
import type { Scheduler, Task } from "../scheduler.ts";
import { buffersToMove } from "./moved-buffers.ts";
import type { ThreadPort } from "./thread.ts";

interface Outgoing<Sent> {
  readonly packet: Sent;
  readonly moved: readonly ArrayBuffer[];
  readonly refused: ((why: string) => void) | undefined;
}

/** What those need who have something to say. */
export interface Speaker<Sent> {
  /** `refused` is told, within the turn, when the packet cannot be copied. */
  send(packet: Sent, refused?: (why: string) => void): void;
  /** The same; large buffers in `value`, a part of the packet, move to the other thread and are empty here. */
  sendMoving(packet: Sent, value: unknown, refused: (why: string) => void): void;
}

export class Line<Sent> implements Speaker<Sent>, Task {
  readonly #port: Pick<ThreadPort<Sent, never>, "post">;
  readonly #scheduler: Scheduler;
  #waiting: Outgoing<Sent>[] = [];
  #closed = false;

  constructor(port: Pick<ThreadPort<Sent, never>, "post">, scheduler: Scheduler) {
    this.#port = port;
    this.#scheduler = scheduler;
  }

  send(packet: Sent, refused?: (why: string) => void): void {
    this.#add({ packet, moved: [], refused });
  }

  sendMoving(packet: Sent, value: unknown, refused: (why: string) => void): void {
    this.#add({ packet, moved: buffersToMove(value), refused });
  }

  /** Nothing is sent any more. */
  close(): void {
    this.#closed = true;
    this.#waiting = [];
  }

  run(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    if (this.#post(waiting) === undefined) return;
    for (const each of waiting) {
      const why = this.#post([each]);
      if (why !== undefined) each.refused?.(why);
    }
  }

  #add(outgoing: Outgoing<Sent>): void {
    if (this.#closed) return;
    if (this.#waiting.push(outgoing) === 1) this.#scheduler.atTurnEnd(this);
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
