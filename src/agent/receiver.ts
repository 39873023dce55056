// What takes an agent's messages, wherever the agent runs: its mailbox, its handle, its life. What becomes of what lies in
// the mailbox is for those who extend it.

import type { Failure } from "../errors.ts";
import type { Envelope } from "../message/envelope.ts";
import type { MessageType } from "../message/message-type.ts";
import type { Recipient } from "../message/recipient.ts";
import type { BlueprintDefinition, HandlerEntry } from "./definition.ts";
import { AgentHandle } from "./handle.ts";
import { LifeCycle } from "./life-cycle.ts";
import { agentStopped, type Living, type StartContext } from "./living.ts";
import { Mailbox, type Settled, targetBusy } from "./mailbox.ts";
import type { AgentServices } from "./services.ts";

export abstract class Receiver implements Recipient, Living {
  readonly name: string;
  readonly id: string;
  readonly handle: AgentHandle<MessageType>;
  readonly life: LifeCycle;
  model: unknown;
  definition: BlueprintDefinition;
  bequest: (() => unknown) | undefined;
  readonly parent: Living | undefined;
  readonly services: AgentServices;
  protected readonly mailbox: Mailbox;
  #closed = false;

  constructor(definition: BlueprintDefinition, services: AgentServices, { name, parent, guardian }: StartContext) {
    this.name = name ?? definition.name;
    this.id = `${this.name}/${services.nextAgentNumber()}`;
    this.definition = definition;
    this.services = services;
    this.mailbox = services.faults?.mailboxFor(this, services, () => this.wake()) ?? new Mailbox(services.limits, services.clock);
    this.parent = parent;
    this.life = new LifeCycle(this, services);
    this.life.guardian = guardian;
    this.handle = new AgentHandle(this, this.life, services);
  }

  get handles(): readonly MessageType[] {
    return [...this.definition.handlers.values()].map((entry) => entry.type);
  }

  offer(envelope: Envelope): Failure | undefined {
    const entry = this.#admit(envelope);
    if ("code" in entry) return entry;
    if (!this.mailbox.put(entry, envelope)) return targetBusy;
    this.wake();
    return undefined;
  }

  post(envelope: Envelope, settled: Settled): void {
    const entry = this.#admit(envelope);
    if ("code" in entry) settled(entry);
    else if (this.mailbox.put(entry, envelope)) {
      this.wake();
      settled(undefined);
    } else {
      this.mailbox.wait(entry, envelope, settled);
    }
  }

  /** Takes what has had its place in a mailbox before this one: no bound holds for it. */
  accept(envelope: Envelope): Failure | undefined {
    const entry = this.#admit(envelope);
    if ("code" in entry) return entry;
    this.mailbox.add(entry, envelope);
    this.wake();
    return undefined;
  }

  offerBroadcast(envelope: Envelope, roomed: () => void): "taken" | "full" | "gone" {
    const failure = this.offer(envelope);
    if (failure === undefined) return "taken";
    if (failure.code !== "TARGET_BUSY") return "gone";
    this.mailbox.onRoom(roomed);
    return "full";
  }

  handlesExclusively(type: MessageType): boolean {
    return this.definition.handlers.get(type.name)?.exclusive ?? false;
  }

  watch(stopped: () => void): () => void {
    return this.life.standing.onGone(stopped);
  }

  stop(): Promise<void> {
    return this.life.stop();
  }

  localOf(definition: BlueprintDefinition): BlueprintDefinition {
    return definition;
  }

  openMailbox(): void {
    this.#closed = false;
  }

  closeMailbox(): void {
    this.#closed = true;
    this.mailbox.close(agentStopped);
  }

  rebind(): void {
    this.mailbox.rebind(this.definition.handlers, (envelope) => this.#refuse(envelope));
  }

  abstract get argument(): unknown;
  /** Why the ask would wait for itself; undefined when it would not, or when that is for others to find. */
  abstract askCycle(type: MessageType): Failure | undefined;
  abstract hold(): void;
  abstract quiet(): Promise<void>;
  abstract release(): void;
  abstract drain(drained: () => void): void;
  abstract abandon(failure: Failure, queued: boolean): void;

  /** Something has come into the mailbox. */
  protected abstract wake(): void;

  /** Nobody will work off what is queued. */
  protected abandonQueued(failure: Failure): void {
    while (this.mailbox.nextEntry() !== undefined) this.abandonOne(this.mailbox.take(), failure);
  }

  protected abandonOne(envelope: Envelope, failure: Failure): void {
    this.services.deadLetter(envelope, this.name, failure.message);
    envelope.port?.abandon(failure);
    envelope.load?.release();
  }

  /** Why the agent does not take the message, whatever room there is. */
  protected refusal(envelope: Envelope): Failure | undefined {
    const admitted = this.#admit(envelope);
    return "code" in admitted ? admitted : undefined;
  }

  #admit(envelope: Envelope): HandlerEntry | Failure {
    const entry = this.definition.handlers.get(envelope.type.name);
    return entry !== undefined && !this.#closed ? entry : this.#refuse(envelope);
  }

  #refuse(envelope: Envelope): Failure {
    const failure: Failure = this.#closed
      ? agentStopped
      : { code: "UNHANDLED", message: `the agent ${this.name} has no handler for ${envelope.type.name}` };
    this.services.deadLetter(envelope, this.name, failure.message);
    return failure;
  }
}
