// A request: checked in a fixed order, put into its agent's mailbox, answered once. Streams share the way in.

import type { Timer } from "../../../clock.ts";
import type { ChainedAsk } from "../../../agent/ask-chains.ts";
import { type Failure, printable, withRan } from "../../../errors.ts";
import { Envelope } from "../../../message/envelope.ts";
import type { Recipient } from "../../../message/recipient.ts";
import type { MessageType } from "../../../message/message-type.ts";
import { ReplyPort, type ReplySink } from "../../../message/reply-port.ts";
import { logSchemaFault } from "../../../message/schema-fault.ts";
import type { Address, RequestPacket } from "../../wire/packet.ts";
import type { Arrival, OpenCall } from "../calls.ts";
import type { Connection } from "../connection.ts";
import { type Operation, refusalOf } from "../policy.ts";
import type { HeldBytes } from "../held-bytes.ts";
import type { ReplySlot } from "../reply-order.ts";
import type { ServerContext } from "../server-context.ts";
import { answer } from "./answer.ts";
import { ForwardedReply } from "./forwarded-reply.ts";
import { idInUse } from "./id-in-use.ts";
import { refuseArrival } from "./refuse-arrival.ts";
import { StreamCall, tooManyStreams } from "./stream.ts";
import { replyFailure } from "./reply-failure.ts";

export const delivered = { status: "delivered" };

/** As a request arrives: it may be refused at once, or wait for a place among those in flight. */
export function arriveRequest(context: ServerContext, connection: Connection, packet: RequestPacket, bytes: number): void {
  const slot = connection.openSlot(packet);
  nameStream(connection, packet);
  const refusal = refuseArrival(context, connection, packet.shape) ?? idInUse(connection, packet);
  if (refusal !== undefined) connection.fail(packet, slot, refusal);
  else connection.calls.arrive({ packet, slot, bytes, at: connection.lastArrival });
}

/** A stream that its client has given no name gets one from us, for its refusal too. */
export function nameStream(connection: Connection, address: Address): void {
  if (address.shape === "stream") address.streamId ??= connection.calls.nextStreamId();
}

/** As a request has its place: the other checks, then the mailbox. */
export function performRequest(context: ServerContext, connection: Connection, arrival: Arrival): void {
  const { packet, slot } = arrival;
  context.counters.messagesProcessed += 1;
  const found = resolve(context, connection, packet);
  // The policy was asked, and may have ended the connection itself.
  if (connection.closed) return;
  if ("code" in found) {
    connection.fail(packet, slot, found);
    return;
  }
  const { recipient, type, payload, forwardTo } = found;
  const chained = chainedAsk(context, connection, packet);
  const origin = connection.origin.of(packet.trace, chained?.elsewhere);
  if (isSend(packet)) {
    const held = connection.calls.bytes.hold(arrival.bytes);
    const port = forwardTo && new ReplyPort(new ForwardedReply(context, forwardTo, type, { streaming: packet.expectsStream, held }));
    const failure = recipient.offer(new Envelope(type, payload, port ?? null, undefined, origin, held));
    if (failure !== undefined) held.release();
    acknowledge(connection, packet, slot, failure);
    return;
  }
  if (packet.timeoutMs === 0) {
    connection.fail(packet, slot, { code: "TIMEOUT", message: "no reply within 0 ms", afterMs: 0, ran: "no" });
    return;
  }
  const asker = chained?.asker;
  const cycle = chained && context.askChains.cycle(chained, recipient, type);
  if (cycle !== undefined) {
    connection.fail(packet, slot, cycle);
    return;
  }
  const held = connection.calls.bytes.hold(arrival.bytes);
  const call = packet.expectsStream ? new StreamCall(context, connection, arrival, held) : new RequestCall(context, connection, arrival, held);
  connection.calls.open(call, asker && (() => asker.waitsNoMore(call.port)));
  asker?.waitsFor(call.port, recipient, type);
  const failure = recipient.offer(new Envelope(type, payload, call.port, undefined, origin, held));
  if (failure === undefined) return;
  held.release();
  call.port.abandon(failure);
}

/** Nothing but its having come is answered: it wants no answer, or another agent gets it. */
function isSend({ expectsReply, expectsStream, replyTo }: RequestPacket): boolean {
  return replyTo !== undefined || !(expectsReply || expectsStream);
}

// Whoever gets no answer from the agent does not wait for it. Only our own user's word is taken: a chain could make requests fail.
function chainedAsk(context: ServerContext, connection: Connection, packet: RequestPacket): ChainedAsk | undefined {
  const { askChain } = packet;
  if (askChain === undefined || isSend(packet)) return undefined;
  return connection.origin.peer.uid === context.uid ? context.askChains.read(askChain) : undefined;
}

interface Resolved {
  readonly recipient: Recipient;
  readonly type: MessageType;
  readonly payload: unknown;
  readonly forwardTo: Recipient | undefined;
}

// Policy, agent, type, payload: in this order, and the first that fails answers.
function resolve(context: ServerContext, connection: Connection, packet: RequestPacket): Resolved | Failure {
  const { target, messageType, replyTo } = packet;
  const refusal = refusalOf(context, connection.origin, { kind: "request", agent: target, type: messageType });
  if (refusal !== undefined) return { code: "ACCESS_DENIED", message: refusal };
  const forwardRefusal = replyTo === undefined ? undefined : refusalOf(context, connection.origin, forwardOf(context, packet, replyTo));
  if (forwardRefusal !== undefined) return { code: "ACCESS_DENIED", message: forwardRefusal };
  const recipient = context.names.find(target)?.recipient;
  if (recipient === undefined) return agentNotFound(target);
  const forwardTo = replyTo === undefined ? undefined : context.names.find(replyTo)?.recipient;
  if (replyTo !== undefined && forwardTo === undefined) return agentNotFound(replyTo);
  const type = context.types.find(messageType);
  if (type === undefined) return { code: "UNKNOWN_MESSAGE_TYPE", message: `${printable(messageType)} is not registered`, subject: messageType };
  const validation = type.validate(packet.payload);
  if (!validation.ok) {
    logSchemaFault(context.log, type, validation);
    return { code: "SERIALIZATION_ERROR", message: validation.problem };
  }
  return crowding(context, connection, packet) ?? { recipient, type, payload: validation.value, forwardTo };
}

function crowding(context: ServerContext, connection: Connection, packet: RequestPacket): Failure | undefined {
  const sendsTooMuch = isSend(packet) && !connection.calls.bytes.takesSend;
  if (sendsTooMuch) return { code: "TARGET_BUSY", message: "messages that are not handled yet hold too many bytes already" };
  if (packet.expectsStream) return tooManyStreams(context, connection);
  return packet.expectsReply ? tooManyOfUser(context, connection) : undefined;
}

function tooManyOfUser(context: ServerContext, connection: Connection): Failure | undefined {
  const { user } = connection.origin;
  if (user.inFlight === undefined || !user.inFlight.exhausted) return undefined;
  context.counters.requestsOverUserLimit += 1;
  return { code: "TARGET_BUSY", message: `user ${user.uid ?? "unknown"} has ${user.inFlight.max} requests in flight`, ran: "no" };
}

// A reply that is sent on is a message like any other to the one who gets it.
function forwardOf(context: ServerContext, packet: RequestPacket, replyTo: string): Operation {
  return { kind: "request", agent: replyTo, type: context.types.find(packet.messageType)?.answer?.name ?? packet.messageType };
}

export function agentNotFound(name: string): Failure {
  return { code: "ACTOR_NOT_FOUND", message: printable(name), subject: name };
}

function acknowledge(connection: Connection, packet: RequestPacket, slot: ReplySlot | undefined, failure: Failure | undefined): void {
  if (failure !== undefined) {
    connection.fail(packet, slot, failure);
    return;
  }
  answer(connection, packet, slot, (dialect, out) => {
    if (packet.expectsStream) dialect.streamEnd(out, packet, 0, delivered);
    else dialect.reply(out, packet, delivered);
  });
}

/** One request in flight. */
class RequestCall implements OpenCall, ReplySink, Timer {
  readonly kind = "request";
  readonly streaming = false;
  readonly port = new ReplyPort(this);
  readonly packet: RequestPacket;
  readonly held: HeldBytes;
  due = 0;
  order = 0;
  place = -1;
  readonly #context: ServerContext;
  readonly #connection: Connection;
  readonly #slot: ReplySlot | undefined;
  readonly #timeoutMs: number;

  constructor(context: ServerContext, connection: Connection, { packet, slot, at }: Arrival, held: HeldBytes) {
    this.#context = context;
    this.#connection = connection;
    this.packet = packet;
    this.held = held;
    this.#slot = slot;
    this.#timeoutMs = packet.timeoutMs ?? context.config.requestTimeoutMs;
    if (this.#timeoutMs !== Infinity) context.clock.armAt(this, at + this.#timeoutMs);
  }

  resolve(value: unknown): void {
    this.#context.clock.disarm(this);
    const { answers } = this.#connection;
    if (answers.aboveSoftMark) answers.whenRoom(() => this.#reply(value));
    else this.#reply(value);
  }

  #reply(value: unknown): void {
    this.#connection.calls.close(this);
    const connection = this.#connection;
    try {
      connection.dialect.reply(connection.answers.writerFor(this.#slot), this.packet, value);
    } catch (error) {
      connection.fail(this.packet, this.#slot, replyFailure(this.#context, this.packet, error));
      return;
    }
    connection.answered(this.#slot);
  }

  reject(failure: Failure): void {
    this.#settle();
    this.#connection.fail(this.packet, this.#slot, failure);
  }

  item(): undefined {
    return undefined;
  }

  expire(): void {
    this.cancel({ code: "TIMEOUT", message: `no reply within ${this.#timeoutMs} ms`, afterMs: this.#timeoutMs });
  }

  cancel(failure: Failure): void {
    // Answered already, though its reply may still wait to leave.
    if (!this.port.open) return;
    this.port.cancel();
    this.reject(withRan(failure, this.port.ran));
  }

  grant(): void {}

  abandon(): void {
    this.port.cancel();
    this.#context.clock.disarm(this);
  }

  #settle(): void {
    this.#context.clock.disarm(this);
    this.#connection.calls.close(this);
  }
}
