// One agent at work: takes messages from its mailbox in order, as the gate admits them, a bounded number a turn.
// Invariant: an exclusive handler runs alone, its awaits included; concurrent ones run beside each other.

import type { Failure } from "../errors.ts";
import type { Recipient } from "../message/recipient.ts";
import type { MessageType } from "../message/message-type.ts";
import type { ReplyPort } from "../message/reply-port.ts";
import type { Task } from "../scheduler.ts";
import { Activation } from "./activation.ts";
import { makeArgument } from "./agent-argument.ts";
import { findAskCycle, type OpenAsk, type RunningHandler } from "./ask-cycle.ts";
import type { AgentArgument } from "./blueprint.ts";
import { type BlueprintDefinition, type HandlerEntry, handlerName } from "./definition.ts";
import { DeferredReplies } from "./deferred-replies.ts";
import { Gate } from "./gate.ts";
import type { StartContext } from "./living.ts";
import { QueuedAsk } from "./queued-ask.ts";
import { Receiver } from "./receiver.ts";
import { Runner, type RunnerHost } from "./runner.ts";
import type { AgentServices } from "./services.ts";

// Reading the clock costs as much as a small handler: after every fourth message is often enough.
const messagesPerClockRead = 4;
const turnMsMax = 1;

export class AgentCell extends Receiver implements Task, RunnerHost {
  readonly #gate: Gate;
  readonly #runner: Runner;
  #argument: AgentArgument<unknown> | undefined;
  /** Waits for its turn, or has it: whatever arrives meanwhile needs no other. */
  #scheduled = false;
  #drained: (() => void) | undefined;
  #deferred: DeferredReplies | undefined;

  constructor(definition: BlueprintDefinition, services: AgentServices, context: StartContext) {
    super(definition, services, context);
    this.#gate = new Gate(services.limits.readersMax, () => this.wake());
    this.#runner = new Runner(this, this.#gate, services);
  }

  get argument(): AgentArgument<unknown> {
    return (this.#argument ??= makeArgument(this, this.services));
  }

  get exclusiveHandler(): RunningHandler | undefined {
    return this.#gate.exclusiveHandler;
  }

  get waitingReaders(): Set<RunningHandler> {
    return this.#gate.waitingReaders;
  }

  get crowded(): boolean {
    return this.#gate.crowded;
  }

  askCycle(type: MessageType): Failure | undefined {
    const caller = this.services.activity.current();
    if (!(caller instanceof Activation)) return undefined;
    const ask = new QueuedAsk(this, this.mailbox, undefined, this.handlesExclusively(type));
    const cycle = findAskCycle(caller, ask);
    return cycle === undefined ? undefined : { code: "ASK_CYCLE", message: `this ask would wait for itself: ${cycle.join(" → ")}` };
  }

  openAsk(port: ReplyPort, recipient: Recipient, type: MessageType): OpenAsk | undefined {
    if (!(recipient instanceof AgentCell)) return undefined;
    return new QueuedAsk(recipient, recipient.mailbox, port, recipient.handlesExclusively(type));
  }

  /** One turn: at most 64 messages or a millisecond, then the event loop has its own. */
  run(): void {
    const { clock, lag, limits, scheduler } = this.services;
    let deadline = Infinity;
    for (let handled = 1; this.#runNext(); handled++) {
      if (handled < limits.messagesPerTurnMax) {
        if (handled % messagesPerClockRead !== 0) continue;
        const now = clock.monotonic();
        lag?.read(now);
        if (deadline === Infinity) deadline = now + turnMsMax;
        if (now < deadline) continue;
      }
      scheduler.nextTurn(this);
      return;
    }
    this.#scheduled = false;
    this.#tellIfDrained();
  }

  hold(): void {
    this.#gate.hold();
  }

  release(): void {
    this.#gate.release();
  }

  quiet(): Promise<void> {
    return this.#gate.quiet();
  }

  drain(drained: () => void): void {
    this.#drained = drained;
    this.wake();
  }

  abandon(failure: Failure, queued: boolean): void {
    this.#gate.expel(failure);
    this.#deferred?.abandon(failure);
    if (queued) this.abandonQueued(failure);
  }

  surplusReply(entry: HandlerEntry, late: boolean): void {
    const { counters, log } = this.services;
    if (late) {
      counters.lateReplies += 1;
      return;
    }
    counters.surplusReplies += 1;
    log.warn("second reply dropped", { agent: this.name, type: entry.type.name, handler: handlerName(entry) });
  }

  stepOut(activation: Activation): void {
    this.#gate.stepOut(activation);
  }

  stepIn(activation: Activation): Promise<void> {
    return this.#gate.stepIn(activation);
  }

  keepOpen(port: ReplyPort): void {
    (this.#deferred ??= new DeferredReplies()).add(port);
  }

  breathe(): Promise<void> {
    return new Promise((resolve) => this.services.scheduler.nextTurn({ run: resolve }));
  }

  protected wake(): void {
    if (this.#scheduled || this.#gate.shut) return;
    if (this.mailbox.length === 0 && !this.#gate.someoneReturns && this.#drained === undefined) return;
    this.services.scheduler.enqueue(this);
    this.#scheduled = true;
  }

  /** Runs the next message; false when there is none that may run now. */
  #runNext(): boolean {
    if (this.#gate.someoneReturns) this.#gate.readmit();
    const entry = this.mailbox.nextEntry();
    if (entry === undefined || !this.#gate.admits(entry.exclusive)) return false;
    const envelope = this.mailbox.take();
    if (envelope.begins()) this.#runner.run(entry, envelope);
    else envelope.load?.release();
    return true;
  }

  #tellIfDrained(): void {
    if (this.#drained === undefined || this.mailbox.length > 0 || !this.#gate.idle) return;
    const drained = this.#drained;
    this.#drained = undefined;
    drained();
  }
}
