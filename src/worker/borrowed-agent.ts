// An agent of the thread that started this one, as a sender that can be answered: what is sent to it waits here, as in any
// mailbox, until there is room for it on the way.

import type { Activity } from "../agent/activity.ts";
import type { HandlerEntry } from "../agent/definition.ts";
import { agentStopped } from "../agent/living.ts";
import { Mailbox, type MailboxLimits, type Settled, targetBusy } from "../agent/mailbox.ts";
import type { Clock } from "../clock.ts";
import type { Failure } from "../errors.ts";
import type { Envelope } from "../message/envelope.ts";
import type { MessageType } from "../message/message-type.ts";
import type { Recipient } from "../message/recipient.ts";
import { chained, type OutgoingCalls } from "./outgoing-calls.ts";
import type { AgentName } from "./packets.ts";

export interface BorrowerServices {
  readonly clock: Clock;
  readonly limits: MailboxLimits;
  readonly activity: Activity;
  deadLetter(envelope: Envelope, agentName: string, reason: string): void;
}

// How many may be on their way; how each is handled is the other thread's affair.
const underwayMax = 64;

export class BorrowedAgent implements Recipient {
  readonly name: string;
  readonly id: string;
  readonly handles: readonly MessageType[] = [];
  readonly #calls: OutgoingCalls;
  readonly #services: BorrowerServices;
  readonly #mailbox: Mailbox;
  readonly #watchers = new Set<() => void>();
  #underway = 0;
  #gone = false;

  constructor({ id, name }: AgentName, calls: OutgoingCalls, services: BorrowerServices) {
    this.id = id;
    this.name = name;
    this.#calls = calls;
    this.#services = services;
    this.#mailbox = new Mailbox(services.limits, services.clock);
  }

  offer(envelope: Envelope): Failure | undefined {
    if (this.#gone) return agentStopped;
    if (!this.#mailbox.put(entryOf(envelope), chained(envelope, this.#services.activity.current()))) return targetBusy;
    this.#pass();
    return undefined;
  }

  post(envelope: Envelope, settled: Settled): void {
    const failure = this.offer(envelope);
    if (failure?.code === "TARGET_BUSY") this.#mailbox.wait(entryOf(envelope), chained(envelope, this.#services.activity.current()), settled);
    else settled(failure);
  }

  // Only its own thread knows.
  handlesExclusively(): boolean {
    return false;
  }

  askCycle(): undefined {
    return undefined;
  }

  watch(stopped: () => void): () => void {
    if (this.#gone) stopped();
    else this.#watchers.add(stopped);
    return () => this.#watchers.delete(stopped);
  }

  /** It is not this thread's to stop. */
  stop(): Promise<void> {
    return Promise.resolve();
  }

  /** So many have arrived. */
  taken(calls: number): void {
    this.#underway -= calls;
    this.#pass();
  }

  gone(): void {
    this.#gone = true;
    this.#mailbox.close(agentStopped);
    while (this.#mailbox.nextEntry() !== undefined) {
      const envelope = this.#mailbox.take();
      this.#services.deadLetter(envelope, this.name, agentStopped.message);
      envelope.port?.abandon(agentStopped);
    }
    for (const stopped of this.#watchers) stopped();
    this.#watchers.clear();
  }

  #pass(): void {
    while (this.#underway < underwayMax && this.#mailbox.nextEntry() !== undefined) {
      const envelope = this.#mailbox.take();
      if (envelope.withdrawn) continue;
      this.#calls.send(envelope, this.id);
      this.#underway += 1;
    }
  }
}

function entryOf({ type }: Envelope): HandlerEntry {
  return { type, exclusive: false, handler: () => undefined, place: 0 };
}
