// The messages of one agent that were given to its thread and, as far as is known here, have not begun there: few enough
// to keep it busy until the next batch. The rest waits in the mailbox, where it can be counted.

import type { HandlerEntry } from "../agent/definition.ts";
import type { Envelope } from "../message/envelope.ts";
import type { Marks } from "./marks.ts";

export interface Given {
  readonly call: number;
  readonly entry: HandlerEntry;
  readonly envelope: Envelope;
}

const messagesMax = 64;

export class Window {
  readonly #marks: Marks;
  readonly #lengthMax: number;
  /** In the order in which they begin. */
  #given: Given[] = [];

  /** It holds no more than a mailbox may. */
  constructor(marks: Marks, mailboxSize: number) {
    this.#marks = marks;
    this.#lengthMax = Math.min(messagesMax, mailboxSize);
  }

  get isFull(): boolean {
    return this.length >= this.#lengthMax;
  }

  get length(): number {
    if (this.#given.length > 0 && !this.#marks.closed) this.#forget(this.#marks.begun);
    return this.#given.length;
  }

  add(given: Given): void {
    this.#given.push(given);
  }

  /** It will not begin, for a reason of its own. */
  drop(call: number): void {
    this.#given.find((given) => given.call === call)?.envelope.load?.release();
    this.#given = this.#given.filter((given) => given.call !== call);
  }

  /** From now on nothing begins. Returns what has not. */
  close(): readonly Given[] {
    this.#forget(this.#marks.close());
    const unbegun = this.#given;
    this.#given = [];
    return unbegun;
  }

  #forget(upTo: number): void {
    const first = this.#given.findIndex(({ call }) => call > upTo);
    const begun = this.#given.splice(0, first < 0 ? this.#given.length : first);
    // How long a handler there takes, nobody says: what has begun is handled.
    for (const { envelope } of begun) envelope.load?.release();
  }
}
