// The local ref to an agent. It knows its agent only as a Recipient, so that the agent may live elsewhere one day.

import { after, type Clock } from "../clock.ts";
import type { RuntimeConfig } from "../config.ts";
import { ActonError, type ErrorCode, type Failure } from "../errors.ts";
import type { AgentRef, OfKind } from "../message/agent-ref.ts";
import type { CallOptions } from "../message/call-options.ts";
import type { Recipient } from "../message/recipient.ts";
import { Envelope } from "../message/envelope.ts";
import type { AnswerOf, MessageType, PayloadOf } from "../message/message-type.ts";
import { PendingAsk } from "../message/pending-ask.ts";
import { PendingStream, type ReplyStream } from "../message/reply-stream.ts";
import type { Activity } from "./activity.ts";
import type { AnyBlueprint, BlueprintDefinition, ChildOptions, RestartKind } from "./definition.ts";
import { Schedule } from "./schedule.ts";
import { afterDelay, atTime, every, type SchedulePlan, type SendEveryOptions } from "./schedule-plan.ts";

/** What a handle needs beside its agent. */
export interface CallerServices {
  readonly clock: Clock;
  readonly limits: Pick<RuntimeConfig, "askTimeoutMs">;
  readonly activity: Activity;
  /** With the option `validateLocal`: what is wrong with a payload. Undefined otherwise. */
  readonly checkLocal: (type: MessageType, payload: unknown) => Failure | undefined;
}

/** `restarting`: down between two lives, its mailbox open. `stopped`: for good, unless a supervisor brings it back. */
export type AgentStatus = "starting" | "running" | "restarting" | "stopping" | "stopped";

/** What a handle shows of its agent beside the mailbox. */
export interface Life {
  readonly standing: {
    readonly status: AgentStatus;
    onChange(changed: (status: AgentStatus) => void): () => void;
  };
  readonly generation: number;
  readonly family: Family;
}

/** The children of one agent. */
export interface Family {
  readonly children: readonly SupervisedChild[];
  supervise(blueprint: AnyBlueprint, options: ChildOptions | undefined): Promise<AgentHandle<MessageType>>;
  unsupervise(id: string): Promise<void>;
  release(id: string): void;
}

/** One child as its supervisor sees it. */
export interface SupervisedChild {
  readonly handle: AgentHandle<MessageType>;
  readonly restart: RestartKind;
  /** Within the window in which they are counted. */
  readonly recentRestarts: number;
}

/** A blueprint with what its agent handles. */
type Handling<Handled extends MessageType> = { readonly definition: BlueprintDefinition; readonly handled: Handled };

const delivered = Promise.resolve();

export class AgentHandle<Handled extends MessageType = never> implements AgentRef<Handled> {
  /** The agent behind the handle: what the IPC server and schedules deliver to. */
  readonly recipient: Recipient;
  declare readonly "~takes"?: (type: Handled) => void;
  readonly #life: Life;
  readonly #services: CallerServices;

  constructor(recipient: Recipient, life: Life, services: CallerServices) {
    this.recipient = recipient;
    this.#life = life;
    this.#services = services;
  }

  get name(): string {
    return this.recipient.name;
  }

  get id(): string {
    return this.recipient.id;
  }

  get status(): AgentStatus {
    return this.#life.standing.status;
  }

  /** How often it has come up: 1 after its start, and one more with each restart. */
  get generation(): number {
    return this.#life.generation;
  }

  send<T extends Handled>(type: T, payload: PayloadOf<T>): Promise<void> {
    const envelope = this.#envelope(type, payload);
    const failure = this.#services.checkLocal(type, payload) ?? this.recipient.offer(envelope);
    if (failure === undefined) return delivered;
    if (failure.code !== "TARGET_BUSY") return Promise.reject(ActonError.from(failure));
    return new Promise((resolve, reject) => {
      this.recipient.post(envelope, (late) => (late === undefined ? resolve() : reject(ActonError.from(late))));
    });
  }

  /** False when the message did not come into the mailbox: it is full, or the agent has stopped. */
  trySend<T extends Handled>(type: T, payload: PayloadOf<T>): boolean {
    return (this.#services.checkLocal(type, payload) ?? this.recipient.offer(this.#envelope(type, payload))) === undefined;
  }

  ask<T extends OfKind<Handled, "request">>(type: T, payload: PayloadOf<T>, options?: CallOptions): Promise<AnswerOf<T>> {
    const { activity, clock, limits, checkLocal } = this.#services;
    const caller = activity.current();
    const failure = checkLocal(type, payload) ?? (caller && this.recipient.askCycle(type));
    if (failure !== undefined) return Promise.reject(ActonError.from(failure));
    return new Promise((resolve, reject) => {
      const release = caller && (() => caller.waitsNoMore(pending.port));
      const pending = new PendingAsk(clock, options?.timeoutMs ?? limits.askTimeoutMs, resolve as (value: unknown) => void, reject, release);
      caller?.waitsFor(pending.port, this.recipient, type);
      this.#deliver(new Envelope(type, payload, pending.port, caller?.self, caller?.passedOn));
      if (options?.signal !== undefined) pending.cancelOn(options.signal);
    });
  }

  stream<T extends OfKind<Handled, "stream">>(type: T, payload: PayloadOf<T>, options?: CallOptions): ReplyStream<AnswerOf<T>> {
    const { activity, clock, checkLocal } = this.#services;
    const caller = activity.current();
    const onWaiting = (waiting: boolean): void =>
      waiting ? caller?.waitsFor(pending.port, this.recipient, type) : caller?.waitsNoMore(pending.port);
    const pending = new PendingStream(clock, options ?? {}, caller && onWaiting);
    const failure = checkLocal(type, payload) ?? (caller && this.recipient.askCycle(type));
    if (failure !== undefined) pending.port.abandon(failure);
    else this.#deliver(new Envelope(type, payload, pending.port, caller?.self, caller?.passedOn));
    return pending as ReplyStream<AnswerOf<T>>;
  }

  /** Sends later, after a delay in milliseconds. The schedule outlives a restart of the agent, and ends when it stops. */
  sendAfter<T extends Handled>(delayMs: number, type: T, payload: PayloadOf<T>): Schedule {
    return this.#schedule(afterDelay(this.#services.clock, delayMs), type, payload);
  }

  /** The same at a wall-clock time, in Unix milliseconds. */
  sendAt<T extends Handled>(timeMs: number, type: T, payload: PayloadOf<T>): Schedule {
    return this.#schedule(atTime(timeMs), type, payload);
  }

  /** The same again and again: first after one period, or whenever a cron expression says. */
  sendEvery<T extends Handled>(rhythm: number | string, type: T, payload: PayloadOf<T>, options?: SendEveryOptions): Schedule {
    return this.#schedule(every(this.#services.clock, rhythm, options), type, payload);
  }

  /** Calls back once, when the agent has stopped and nobody will bring it back. */
  watch(stopped: () => void): () => void {
    return this.recipient.watch(stopped);
  }

  /** Closes the mailbox, works off what is queued, stops the children in reverse order; forced after 10 s. A supervisor may start it again. */
  stop(): Promise<void> {
    return this.recipient.stop();
  }

  /** Resolves when the agent has the status, at once when it has it already. TIMEOUT after `timeoutMs` (the limit of an ask), CANCELLED by `signal`. */
  reached(status: AgentStatus, options: CallOptions = {}): Promise<void> {
    const { clock, limits } = this.#services;
    return reached(this.#life.standing, status, clock, { timeoutMs: limits.askTimeoutMs, ...options });
  }

  /** Those that this agent supervises, in the order of their start. */
  get children(): readonly SupervisedChild[] {
    return this.#life.family.children;
  }

  /** The child made from this blueprint, under its own name or the one given. Undefined when there is none. */
  child<Childs extends MessageType>(blueprint: Handling<Childs>, name = blueprint.definition.name): AgentHandle<Childs> | undefined {
    return this.children.find(({ handle }) => handle.name === name)?.handle;
  }

  /** Starts a child and restarts it when it ends. START_FAILED when it does not start, NAME_TAKEN when a child has the name. */
  supervise<Childs extends MessageType>(blueprint: Handling<Childs>, options?: ChildOptions): Promise<AgentHandle<Childs>>;
  supervise(blueprint: AnyBlueprint, options?: ChildOptions): Promise<AgentHandle<MessageType>> {
    return this.#life.family.supervise(blueprint, options);
  }

  /** Stops the child for good. ACTOR_NOT_FOUND when it is not supervised here. */
  unsupervise(child: AgentHandle): Promise<void> {
    return this.#life.family.unsupervise(child.id);
  }

  /** Lets the child run on, unsupervised, until the runtime shuts down. ACTOR_NOT_FOUND when it is not supervised here. */
  release(child: AgentHandle): void {
    this.#life.family.release(child.id);
  }

  #envelope(type: MessageType, payload: unknown): Envelope {
    return new Envelope(type, payload, null, this.#services.activity.current()?.self, undefined);
  }

  #schedule(plan: SchedulePlan, type: MessageType, payload: unknown): Schedule {
    const { clock, checkLocal } = this.#services;
    const schedule = new Schedule(clock, this.recipient, this.#envelope(type, payload), plan);
    const unwatch = this.recipient.watch(() => schedule.abandon());
    schedule.begin(checkLocal(type, payload), unwatch);
    return schedule;
  }

  // A question waits for room in the mailbox for as long as it waits for its answer.
  #deliver(envelope: Envelope): void {
    const failure = this.recipient.offer(envelope);
    if (failure === undefined) return;
    if (failure.code !== "TARGET_BUSY") envelope.port?.abandon(failure);
    else this.recipient.post(envelope, (late) => late !== undefined && envelope.port?.abandon(late));
  }
}

function reached(
  standing: Life["standing"],
  status: AgentStatus,
  clock: Clock,
  { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal },
): Promise<void> {
  if (standing.status === status) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const settle = (settled: () => void): void => {
      clock.disarm(timer);
      leave();
      signal?.removeEventListener("abort", cancel);
      settled();
    };
    const fail = (code: ErrorCode, message: string): void => settle(() => reject(new ActonError(code, message)));
    const cancel = (): void => fail("CANCELLED", "the caller cancelled");
    const timer = after(clock, timeoutMs, () => fail("TIMEOUT", `the agent is ${standing.status}, and was not ${status} within ${timeoutMs} ms`));
    const leave = standing.onChange((now) => now === status && settle(resolve));
    signal?.addEventListener("abort", cancel, { once: true });
    if (signal?.aborted === true) cancel();
  });
}
