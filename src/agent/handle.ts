// The local ref to an agent. It knows its agent only as a Recipient, so that the agent may live elsewhere one day.

import type { Clock } from "../clock.ts";
import type { RuntimeConfig } from "../config.ts";
import { ActonError } from "../errors.ts";
import type { AgentRef, CallOptions, OfKind, Recipient } from "../message/agent-ref.ts";
import { Envelope } from "../message/envelope.ts";
import type { AnswerOf, MessageType, PayloadOf } from "../message/message-type.ts";
import { PendingAsk } from "../message/pending-ask.ts";
import { PendingStream, type ReplyStream } from "../message/reply-stream.ts";
import type { Activity, Caller } from "./activity.ts";

/** What a handle needs beside its agent. */
export interface CallerServices {
  readonly clock: Clock;
  readonly limits: Pick<RuntimeConfig, "askTimeoutMs">;
  readonly activity: Activity<Caller>;
  /** With the option `validateLocal`: throws when a payload does not match its type. */
  checkLocal(type: MessageType, payload: unknown): unknown;
}

const delivered = Promise.resolve();

export class AgentHandle<Handled extends MessageType = MessageType> implements AgentRef<Handled> {
  /** The agent behind the handle: what the IPC server and schedules deliver to. */
  readonly recipient: Recipient;
  readonly #services: CallerServices;

  constructor(recipient: Recipient, services: CallerServices) {
    this.recipient = recipient;
    this.#services = services;
  }

  get name(): string {
    return this.recipient.name;
  }

  get id(): string {
    return this.recipient.id;
  }

  send<T extends Handled>(type: T, payload: PayloadOf<T>): Promise<void> {
    const envelope = this.#envelope(type, payload);
    const failure = this.recipient.offer(envelope);
    if (failure === undefined) return delivered;
    if (failure.code !== "TARGET_BUSY") return Promise.reject(ActonError.from(failure));
    return new Promise((resolve, reject) => {
      this.recipient.post(envelope, (late) => (late === undefined ? resolve() : reject(ActonError.from(late))));
    });
  }

  /** False when the mailbox is full or the agent has stopped; nothing was enqueued then. */
  trySend<T extends Handled>(type: T, payload: PayloadOf<T>): boolean {
    return this.recipient.offer(this.#envelope(type, payload)) === undefined;
  }

  ask<T extends OfKind<Handled, "request">>(type: T, payload: PayloadOf<T>, options?: CallOptions): Promise<AnswerOf<T>> {
    const { activity, clock, limits } = this.#services;
    const caller = activity.current();
    if (caller !== undefined) {
      const cycle = this.recipient.askCycle(type);
      if (cycle !== undefined) return Promise.reject(ActonError.from(cycle));
    }
    return new Promise((resolve, reject) => {
      const release = caller?.awaits(this.recipient, type);
      const pending = new PendingAsk(clock, options?.timeoutMs ?? limits.askTimeoutMs, resolve as (value: unknown) => void, reject, release);
      const checked = this.#services.checkLocal(type, payload);
      this.#deliver(new Envelope(type, checked, pending.port, caller?.self, undefined));
      if (options?.signal !== undefined) pending.cancelOn(options.signal);
    });
  }

  stream<T extends OfKind<Handled, "stream">>(type: T, payload: PayloadOf<T>, options?: CallOptions): ReplyStream<AnswerOf<T>> {
    const pending = new PendingStream(this.#services.clock, options ?? {});
    const checked = this.#services.checkLocal(type, payload);
    this.#deliver(new Envelope(type, checked, pending.port, this.#services.activity.current()?.self, undefined));
    return pending as ReplyStream<AnswerOf<T>>;
  }

  watch(stopped: () => void): () => void {
    return this.recipient.watch(stopped);
  }

  /** Closes the mailbox, works off what is queued, stops the children in reverse order; forced after 10 s. */
  stop(): Promise<void> {
    return this.recipient.stop();
  }

  #envelope(type: MessageType, payload: unknown): Envelope {
    return new Envelope(type, this.#services.checkLocal(type, payload), null, this.#services.activity.current()?.self, undefined);
  }

  // A question waits for room in the mailbox for as long as it waits for its answer.
  #deliver(envelope: Envelope): void {
    const failure = this.recipient.offer(envelope);
    if (failure === undefined) return;
    if (failure.code !== "TARGET_BUSY") envelope.port?.abandon(failure);
    else this.recipient.post(envelope, (late) => late !== undefined && envelope.port?.abandon(late));
  }
}
