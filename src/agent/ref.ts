// The way to whatever takes messages, here or elsewhere: what an agent handle has in common with the ref to an agent of
// another thread. It knows its agent only as a Recipient.

import type { Clock } from "../clock.ts";
import type { RuntimeConfig } from "../config.ts";
import { ActonError, type Failure } from "../errors.ts";
import type { AgentRef, OfKind } from "../message/agent-ref.ts";
import type { CallOptions } from "../message/call-options.ts";
import type { Recipient } from "../message/recipient.ts";
import { Envelope } from "../message/envelope.ts";
import type { AnswerOf, MessageType, PayloadOf } from "../message/message-type.ts";
import { PendingAsk } from "../message/pending-ask.ts";
import { PendingStream, type ReplyStream } from "../message/reply-stream.ts";
import type { Activity } from "./activity.ts";

/** What a ref needs beside its agent. */
export interface CallerServices {
  readonly clock: Clock;
  readonly limits: Pick<RuntimeConfig, "askTimeoutMs">;
  readonly activity: Activity;
  /** With the option `validateLocal`: what is wrong with a payload. Undefined otherwise. */
  readonly checkLocal: (type: MessageType, payload: unknown) => Failure | undefined;
}

const delivered = Promise.resolve();

export class RecipientRef<Handled extends MessageType = never> implements AgentRef<Handled> {
  /** The agent behind it: what the IPC server and schedules deliver to. */
  readonly recipient: Recipient;
  declare readonly "~takes"?: (type: Handled) => void;
  readonly #services: CallerServices;

  constructor(recipient: Recipient, services: CallerServices) {
    this.recipient = recipient;
    this.#services = services;
  }

  protected get services(): CallerServices {
    return this.#services;
  }

  get name(): string {
    return this.recipient.name;
  }

  get id(): string {
    return this.recipient.id;
  }

  send<T extends Handled>(type: T, payload: PayloadOf<T>): Promise<void> {
    const envelope = this.envelope(type, payload);
    const failure = this.#services.checkLocal(type, payload) ?? this.recipient.offer(envelope);
    if (failure === undefined) return delivered;
    if (failure.code !== "TARGET_BUSY") return Promise.reject(ActonError.from(failure));
    return new Promise((resolve, reject) => {
      this.recipient.post(envelope, (late) => (late === undefined ? resolve() : reject(ActonError.from(late))));
    });
  }

  /** False when the message did not come into the mailbox: it is full, or the agent has stopped. */
  trySend<T extends Handled>(type: T, payload: PayloadOf<T>): boolean {
    return (this.#services.checkLocal(type, payload) ?? this.recipient.offer(this.envelope(type, payload))) === undefined;
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
      if (options?.signal !== undefined) pending.cancelOn(options.signal);
      if (pending.port.open) this.#deliver(new Envelope(type, payload, pending.port, caller?.self, caller?.passedOn));
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

  /** Calls back once, when the agent has stopped and nobody will bring it back. */
  watch(stopped: () => void): () => void {
    return this.recipient.watch(stopped);
  }

  protected envelope(type: MessageType, payload: unknown): Envelope {
    return new Envelope(type, payload, null, this.#services.activity.current()?.self, undefined);
  }

  // A question waits for room in the mailbox for as long as it waits for its answer.
  #deliver(envelope: Envelope): void {
    const failure = this.recipient.offer(envelope);
    if (failure === undefined) return;
    if (failure.code !== "TARGET_BUSY") envelope.port?.abandon(failure);
    else this.recipient.post(envelope, (late) => late !== undefined && envelope.port?.abandon(late));
  }
}
