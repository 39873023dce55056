// A mailbox with faults before it: each message that comes in meets the rules once, and the first that strikes decides.
// What is held back is still under way: it comes too late when the agent has stopped. No more is held than a mailbox takes.

import type { HandlerEntry } from "../agent/definition.ts";
import { Mailbox, type Settled, targetBusy } from "../agent/mailbox.ts";
import type { AgentServices } from "../agent/services.ts";
import { after } from "../clock.ts";
import type { Failure } from "../errors.ts";
import { Envelope } from "../message/envelope.ts";
import type { FaultRule } from "./fault-rule.ts";

interface Held {
  readonly envelope: Envelope;
  /** Takes it out of here, and its timer too. */
  readonly forget: () => void;
  readonly goOn: () => void;
}

export class FaultyMailbox extends Mailbox {
  readonly #rules: readonly FaultRule[];
  readonly #owner: { readonly name: string; readonly id: string };
  readonly #services: AgentServices;
  readonly #wake: () => void;
  readonly #held = new Set<Held>();
  /** Lets the next message overtake it. */
  #overtaken: Held | undefined;
  /** Met the rules already, and come in now or when there is room. */
  readonly #past = new WeakSet<Envelope>();

  constructor(rules: readonly FaultRule[], owner: { readonly name: string; readonly id: string }, services: AgentServices, wake: () => void) {
    super(services.limits, services.clock);
    this.#rules = rules;
    this.#owner = owner;
    this.#services = services;
    this.#wake = wake;
  }

  override put(entry: HandlerEntry, envelope: Envelope): boolean {
    return !this.#holdsAll && super.put(entry, envelope);
  }

  override wait(entry: HandlerEntry, envelope: Envelope, settled: Settled): void {
    if (this.#holdsAll) settled(targetBusy);
    else super.wait(entry, envelope, settled);
  }

  override close(failure: Failure): void {
    super.close(failure);
    for (const held of this.#held) {
      held.forget();
      this.#services.deadLetter(held.envelope, this.#owner.name, failure.message);
      this.#lose(held.envelope, failure);
    }
  }

  override add(entry: HandlerEntry, envelope: Envelope): void {
    if (this.#past.delete(envelope)) this.#enter(entry, envelope);
    else this.#meet(entry, envelope);
  }

  // One more may be held: the one that is to be overtaken must not keep out whoever overtakes it.
  get #holdsAll(): boolean {
    return this.#held.size > this.#services.limits.mailboxSize;
  }

  #meet(entry: HandlerEntry, envelope: Envelope): void {
    const rule = this.#rules.find((candidate) => this.#isStruckBy(candidate, envelope));
    switch (rule?.effect.kind) {
      case undefined:
        return this.#enter(entry, envelope);
      case "drop":
        envelope.load?.release();
        return;
      case "delay":
        this.#hold(rule, entry, envelope);
        return;
      case "reorder":
        this.#overtaken = this.#hold(rule, entry, envelope);
        return;
      case "duplicate":
        this.#enter(entry, envelope);
        return this.#arrive(entry, answeredToNobody(envelope));
      case "crash":
        return this.#enter({ ...entry, handler: crashing(rule.effect.error) }, envelope);
      case "stall":
        return this.#enter({ ...entry, handler: stalled(entry, rule.ended) }, envelope);
    }
  }

  #isStruckBy(rule: FaultRule, envelope: Envelope): boolean {
    if (rule.effect.kind === "reorder" && this.#overtaken !== undefined) return false;
    return rule.strikes(this.#owner, envelope, this.#services.random);
  }

  #enter(entry: HandlerEntry, envelope: Envelope): void {
    super.add(entry, envelope);
    this.#overtaken?.goOn();
  }

  /** Comes in by itself, and waits for room as its sender would have. */
  #arrive(entry: HandlerEntry, envelope: Envelope): void {
    this.#past.add(envelope);
    if (!super.put(entry, envelope)) this.wait(entry, envelope, (failure) => failure && this.#lose(envelope, failure));
    this.#wake();
  }

  #lose(envelope: Envelope, failure: Failure): void {
    envelope.port?.abandon(failure);
    envelope.load?.release();
  }

  #hold(rule: FaultRule, entry: HandlerEntry, envelope: Envelope): Held {
    const { clock } = this.#services;
    const held: Held = {
      envelope,
      forget: () => {
        this.#held.delete(held);
        rule.held.delete(held.goOn);
        if (timer !== undefined) clock.disarm(timer);
        if (this.#overtaken === held) this.#overtaken = undefined;
      },
      goOn: () => {
        held.forget();
        this.#arrive(entry, envelope);
      },
    };
    const timer = rule.effect.kind === "delay" ? after(clock, rule.effect.ms, held.goOn) : undefined;
    this.#held.add(held);
    rule.held.add(held.goOn);
    return held;
  }
}

/** The copy of a question is one that nobody asked, so that the question keeps its one outcome. */
function answeredToNobody({ type, payload, sender, origin }: Envelope): Envelope {
  return new Envelope(type, payload, null, sender, origin);
}

function crashing(error: unknown): HandlerEntry["handler"] {
  return () => {
    throw error;
  };
}

/** It may be that nobody wants it done any more when the fault is over. */
function stalled(entry: HandlerEntry, ended: Promise<void>): HandlerEntry["handler"] {
  return async (argument: { readonly signal: AbortSignal }) => {
    await ended;
    return argument.signal.aborted ? undefined : entry.handler(argument as never);
  };
}
