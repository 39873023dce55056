// Messages that were given to another thread, until their answers are in. Whoever waits here hears what the handler there
// says, in order, or one failure.

import { type Failure, type Ran, ranOf } from "../errors.ts";
import type { Caller } from "../agent/activity.ts";
import { RecipientRef } from "../agent/ref.ts";
import { Envelope, originHere } from "../message/envelope.ts";
import type { Attendant, ReplyPort } from "../message/reply-port.ts";
import type { Speaker } from "./line.ts";
import type { AgentName, AnswerPacket, AskerPacket, CallOrigin, CallPacket } from "./packets.ts";

export type Asking = CallPacket | AskerPacket;

export interface CallerSide {
  /** Lets the other thread send to the agent from now on. */
  lend(sender: RecipientRef): AgentName;
  /** The message was not sent; its asker knows. */
  uncopied(packet: CallPacket, envelope: Envelope, why: string): void;
  /** Somebody waits who did not, or does not any more. */
  changed(): void;
  /** What is known without being told. */
  hasBegun(call: number): boolean;
}

export class OutgoingCalls {
  readonly #line: Speaker<Asking>;
  readonly #side: CallerSide;
  readonly #open = new Map<number, OutgoingCall>();
  #last = 0;

  constructor(line: Speaker<Asking>, side: CallerSide) {
    this.#line = line;
    this.#side = side;
  }

  /** How many wait for an answer. */
  get length(): number {
    return this.#open.size;
  }

  /** The number of the call. */
  send(envelope: Envelope, to: string): number {
    const { type, payload, port, sender } = envelope;
    const call = (this.#last += 1);
    const packet: CallPacket = {
      kind: "call",
      call,
      to,
      type: type.name,
      payload,
      answer: port === null ? "none" : port.streaming ? "many" : "one",
      sender: sender instanceof RecipientRef ? this.#side.lend(sender) : undefined,
      origin: originOf(envelope),
    };
    if (port === null) {
      this.#line.send(packet, (why) => this.#side.uncopied(packet, envelope, why));
      return call;
    }
    this.#open.set(call, new OutgoingCall(port, () => this.#side.hasBegun(call)));
    this.#side.changed();
    port.onCancel(() => {
      if (this.#close(call) !== undefined) this.#line.send({ kind: "cancel", call });
    });
    this.#line.sendMoving(packet, payload, (why) => {
      this.fail(call, { code: "SERIALIZATION_ERROR", message: `${type.name} cannot be copied to another thread: ${why}` }, "no");
      this.#side.uncopied(packet, envelope, why);
    });
    return call;
  }

  answered(packet: Exclude<AnswerPacket, { readonly kind: "taken" | "dropped" }>): void {
    const open = this.#open.get(packet.call);
    if (open === undefined) return;
    switch (packet.kind) {
      case "item":
        open.item(packet.value, () => this.#line.send({ kind: "credit", call: packet.call, items: 1 }));
        return;
      case "reply":
        this.#close(packet.call)?.end(packet.value);
        return;
      case "failed":
        this.fail(packet.call, packet.failure, ranOf(packet.failure));
    }
  }

  fail(call: number, failure: Failure, ran: Ran): void {
    this.#close(call)?.fail(failure, ran);
  }

  /** Forgets the call: its message has not begun, and goes another way. */
  takeBack(call: number): void {
    this.#close(call)?.takenBack();
  }

  #close(call: number): OutgoingCall | undefined {
    const open = this.#open.get(call);
    if (this.#open.delete(call)) this.#side.changed();
    return open;
  }

  /** Fails what is open still; each of these calls had begun, as far as is known. */
  end(failure: Failure, ran: Ran): void {
    for (const call of [...this.#open.keys()]) this.fail(call, failure, ran);
  }
}

/** The same message for another thread, with those here that wait for its answer. */
export function chained(envelope: Envelope, caller: Caller | undefined): Envelope {
  const { type, payload, port, sender, origin = originHere, load } = envelope;
  if (port === null || caller === undefined) return envelope;
  return new Envelope(type, payload, port, sender, { ...origin, askChain: caller.askChain }, load);
}

/** Stands for the handler in the other thread. Until that says more, nobody knows whether it has begun. */
class OutgoingCall implements Attendant {
  readonly #port: ReplyPort;
  readonly #hasBegun: () => boolean;
  #ran: Ran | undefined;

  constructor(port: ReplyPort, hasBegun: () => boolean) {
    this.#port = port;
    this.#hasBegun = hasBegun;
    port.attend(this);
  }

  get ran(): Ran {
    return this.#ran ?? (this.#hasBegun() ? "yes" : "unknown");
  }

  takenBack(): void {
    this.#ran = "no";
  }

  item(value: unknown, read: () => void): void {
    this.#ran = "yes";
    const reader = this.#attempt(() => this.#port.yielded(value));
    if (reader === undefined) read();
    else void reader.then(read);
  }

  end(value: unknown): void {
    this.#ran = "yes";
    this.#attempt(() => this.#port.end(value));
  }

  fail(failure: Failure, ran: Ran): void {
    this.#ran = ran;
    this.#port.abandon(failure);
  }

  surplus(): void {}

  pause(reader: Promise<void>): PromiseLike<void> {
    return reader;
  }

  breathe(): undefined {
    return undefined;
  }

  deferred(): void {}

  // Whoever waits may not take the value.
  #attempt<Result>(tell: () => Result): Result | undefined {
    try {
      return tell();
    } catch (thrown) {
      this.#port.fail(thrown);
      return undefined;
    }
  }
}

function originOf({ origin }: Envelope): CallOrigin | undefined {
  if (origin === undefined || origin === originHere) return undefined;
  const { peer, identity, trace, askChain } = origin;
  return { peer, identity, trace, askChain };
}
