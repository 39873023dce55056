// A bounded first-in, first-out queue of envelopes with their handlers, and behind it the senders that wait for room.
// No user code runs here, and a mailbox that never fills never allocates for waiting.

import type { Clock, Timer } from "../clock.ts";
import type { RuntimeConfig } from "../config.ts";
import type { Failure } from "../errors.ts";
import type { Envelope } from "../message/envelope.ts";
import type { ReplyPort } from "../message/reply-port.ts";
import type { HandlerEntry } from "./definition.ts";

export const targetBusy: Failure = { code: "TARGET_BUSY", message: "the agent's mailbox is full" };

export type Settled = (failure: Failure | undefined) => void;

export type MailboxLimits = Pick<RuntimeConfig, "mailboxSize" | "waitingSendersMax" | "sendTimeoutMs">;

// Most mailboxes hold a few messages at most; the ring doubles up to the bound.
const slotsAtFirst = 8;

export class Mailbox {
  readonly #limits: MailboxLimits;
  readonly #clock: Clock;
  // Entry and envelope side by side: slots[2i], slots[2i + 1]. The length is twice a power of two.
  #slots: Array<HandlerEntry | Envelope | undefined> = [];
  #head = 0;
  #count = 0;
  #senders: WaitingSender[] | undefined;
  #roomed: Array<() => void> | undefined;

  constructor(limits: MailboxLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  get length(): number {
    return this.#count;
  }

  /** False when full, or when senders wait already: none is overtaken. */
  put(entry: HandlerEntry, envelope: Envelope): boolean {
    if (this.#count >= this.#limits.mailboxSize || this.#senders !== undefined) return false;
    this.add(entry, envelope);
    return true;
  }

  /** Waits for room, at most `sendTimeoutMs` and `waitingSendersMax` at once. */
  wait(entry: HandlerEntry, envelope: Envelope, settled: Settled): void {
    this.#senders ??= [];
    if (this.#senders.length >= this.#limits.waitingSendersMax) {
      settled(targetBusy);
      return;
    }
    const sender = new WaitingSender(entry, envelope, settled, (expired) => this.#withdraw(expired));
    this.#senders.push(sender);
    this.#clock.arm(sender, this.#limits.sendTimeoutMs);
  }

  /** Calls back once when there is room. */
  onRoom(roomed: () => void): void {
    (this.#roomed ??= []).push(roomed);
  }

  /** The handler of the next message; undefined when empty. */
  nextEntry(): HandlerEntry | undefined {
    return this.#count === 0 ? undefined : (this.#slots[this.#head] as HandlerEntry);
  }

  /** Takes the next message. Only after `nextEntry` was not undefined. */
  take(): Envelope {
    const envelope = this.#slots[this.#head + 1] as Envelope;
    this.#slots[this.#head] = undefined;
    this.#slots[this.#head + 1] = undefined;
    this.#head = (this.#head + 2) & (this.#slots.length - 1);
    this.#count -= 1;
    if (this.#senders !== undefined || this.#roomed !== undefined) this.#admit();
    return envelope;
  }

  /** Puts a message that was taken back to the front. It had its place, so that no bound holds for it. */
  restore(entry: HandlerEntry, envelope: Envelope): void {
    if (2 * this.#count === this.#slots.length) this.#grow();
    this.#head = (this.#head - 2) & (this.#slots.length - 1);
    this.#slots[this.#head] = entry;
    this.#slots[this.#head + 1] = envelope;
    this.#count += 1;
  }

  /** Whether anything exclusive is queued before the message with this port; before its end, when there is none. */
  hasExclusiveBefore(port: ReplyPort | undefined): boolean {
    for (let i = 0; i < this.#count; i++) {
      const at = (this.#head + 2 * i) & (this.#slots.length - 1);
      if (port !== undefined && (this.#slots[at + 1] as Envelope).port === port) return false;
      if ((this.#slots[at] as HandlerEntry).exclusive) return true;
    }
    return this.#senders?.some((sender) => sender.entry.exclusive) ?? false;
  }

  /** Gives all that is queued or waits for room its handler anew. What has none is taken out and told `refuse`'s word. */
  rebind(handlers: ReadonlyMap<string, HandlerEntry>, refuse: (envelope: Envelope) => Failure): void {
    const [queued, head, count] = [this.#slots, this.#head, this.#count];
    this.#slots = [];
    this.#head = 0;
    this.#count = 0;
    for (let i = 0; i < count; i++) {
      const envelope = queued[(head + 2 * i + 1) & (queued.length - 1)] as Envelope;
      const entry = handlers.get(envelope.type.name);
      if (entry !== undefined) {
        this.#append(entry, envelope);
        continue;
      }
      const failure = refuse(envelope);
      envelope.port?.abandon(failure);
      envelope.load?.release();
    }
    for (const sender of [...(this.#senders ?? [])]) {
      const entry = handlers.get(sender.envelope.type.name);
      if (entry !== undefined) sender.entry = entry;
      else if (this.#remove(sender)) this.#settle(sender, refuse(sender.envelope));
    }
    this.#admit();
  }

  /** Turns the waiting senders away. */
  close(failure: Failure): void {
    const senders = this.#senders ?? [];
    this.#senders = undefined;
    for (const sender of senders) this.#settle(sender, failure);
    const roomed = this.#roomed ?? [];
    this.#roomed = undefined;
    for (const callback of roomed) callback();
  }

  /** Puts it behind all others, whatever room there is. Every message that comes in passes here once. */
  add(entry: HandlerEntry, envelope: Envelope): void {
    this.#append(entry, envelope);
  }

  #append(entry: HandlerEntry, envelope: Envelope): void {
    if (2 * this.#count === this.#slots.length) this.#grow();
    const at = (this.#head + 2 * this.#count) & (this.#slots.length - 1);
    this.#slots[at] = entry;
    this.#slots[at + 1] = envelope;
    this.#count += 1;
  }

  #grow(): void {
    const old = this.#slots;
    const slots = new Array<HandlerEntry | Envelope | undefined>(Math.max(2 * slotsAtFirst, 2 * old.length)).fill(undefined);
    for (let i = 0; i < old.length; i++) slots[i] = old[(this.#head + i) & (old.length - 1)];
    this.#slots = slots;
    this.#head = 0;
  }

  #admit(): void {
    for (let sender = this.#senders?.[0]; sender !== undefined; sender = this.#senders?.[0]) {
      if (this.#count >= this.#limits.mailboxSize) return;
      this.#senders?.shift();
      if (sender.envelope.withdrawn) sender.envelope.load?.release();
      else this.add(sender.entry, sender.envelope);
      this.#settle(sender, undefined);
    }
    this.#senders = undefined;
    if (this.#count >= this.#limits.mailboxSize) return;
    const roomed = this.#roomed;
    this.#roomed = undefined;
    if (roomed !== undefined) for (const callback of roomed) callback();
  }

  #withdraw(sender: WaitingSender): void {
    this.#remove(sender);
    sender.settled(targetBusy);
  }

  #remove(sender: WaitingSender): boolean {
    const place = this.#senders?.indexOf(sender) ?? -1;
    if (place >= 0) this.#senders?.splice(place, 1);
    if (this.#senders?.length === 0) this.#senders = undefined;
    return place >= 0;
  }

  #settle(sender: WaitingSender, failure: Failure | undefined): void {
    this.#clock.disarm(sender);
    sender.settled(failure);
  }
}

class WaitingSender implements Timer {
  due = 0;
  order = 0;
  place = -1;
  entry: HandlerEntry;
  readonly envelope: Envelope;
  readonly settled: Settled;
  readonly #expired: (sender: WaitingSender) => void;

  constructor(entry: HandlerEntry, envelope: Envelope, settled: Settled, expired: (sender: WaitingSender) => void) {
    this.entry = entry;
    this.envelope = envelope;
    this.settled = settled;
    this.#expired = expired;
  }

  expire(): void {
    this.#expired(this);
  }
}
