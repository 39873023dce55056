// Messages from another thread, for agents of this one: handed to their mailboxes, and their answers back.

import type { AskChains } from "../agent/ask-chains.ts";
import { agentStopped } from "../agent/living.ts";
import type { Settled } from "../agent/mailbox.ts";
import type { Receiver } from "../agent/receiver.ts";
import type { Failure } from "../errors.ts";
import type { AgentRef } from "../message/agent-ref.ts";
import { Envelope, type Origin, originHere } from "../message/envelope.ts";
import type { MessageType } from "../message/message-type.ts";
import { ReplyPort, type ReplySink } from "../message/reply-port.ts";
import type { Speaker } from "./line.ts";
import { type AgentName, type AnswerPacket, type AskerPacket, type CallPacket, plainFailure } from "./packets.ts";

export interface AnsweringSide {
  readonly askChains: AskChains;
  /** Undefined when it has gone. */
  agentOf(id: string): Receiver | undefined;
  senderOf(name: AgentName): AgentRef<MessageType> | undefined;
  /** Gives the message to the agent. */
  hand(agent: Receiver, envelope: Envelope, settled: Settled): void;
  /** The message lies in the agent's mailbox, or with a failure never will. */
  settled(packet: CallPacket, failure: Failure | undefined): void;
  /** Asked when its handler is about to run: false when it is not to. */
  begins(packet: CallPacket): boolean;
}

export class IncomingCalls {
  readonly #line: Speaker<AnswerPacket>;
  readonly #side: AnsweringSide;
  readonly #open = new Map<number, IncomingCall>();

  constructor(line: Speaker<AnswerPacket>, side: AnsweringSide) {
    this.#line = line;
    this.#side = side;
  }

  called(packet: CallPacket): void {
    const { call, to, answer } = packet;
    const agent = this.#side.agentOf(to);
    const type = agent?.definition.handlers.get(packet.type)?.type;
    const incoming = answer === "none" ? undefined : new IncomingCall(packet, this.#line, () => this.#open.delete(call));
    if (incoming !== undefined) this.#open.set(call, incoming);
    const settled = (failure: Failure | undefined): void => {
      if (failure !== undefined) incoming?.port.abandon(failure);
      this.#side.settled(packet, failure);
    };
    if (agent === undefined) return settled(agentStopped);
    if (type === undefined) return settled({ code: "UNHANDLED", message: `the agent ${agent.name} has no handler for ${packet.type}` });
    const { origin, cycle } = this.#chained(packet, incoming, agent, type);
    if (cycle !== undefined) return settled(cycle);
    const sender = packet.sender && this.#side.senderOf(packet.sender);
    this.#side.hand(agent, new CalledEnvelope(type, packet, incoming?.port ?? null, sender, origin, this.#side), settled);
  }

  told(packet: AskerPacket): void {
    const incoming = this.#open.get(packet.call);
    if (packet.kind === "credit") incoming?.grant(packet.items);
    else incoming?.cancel();
  }

  /** Nobody waits for any of them. */
  end(): void {
    for (const incoming of [...this.#open.values()]) incoming.cancel();
  }

  // As for a call over the socket: who waits for it elsewhere goes on with it, who waits here is noted.
  #chained(
    { origin }: CallPacket,
    incoming: IncomingCall | undefined,
    agent: Receiver,
    type: MessageType,
  ): { readonly origin: Origin | undefined; readonly cycle?: Failure | undefined } {
    if (origin === undefined) return { origin };
    const given = { ...origin, connection: originHere.connection };
    if (origin.askChain === undefined || incoming === undefined) return { origin: given };
    const chained = this.#side.askChains.read(origin.askChain);
    const cycle = this.#side.askChains.cycle(chained, agent, type);
    const { asker, elsewhere } = chained;
    if (asker !== undefined && cycle === undefined) {
      asker.waitsFor(incoming.port, agent, type);
      incoming.onSettled = () => asker.waitsNoMore(incoming.port);
    }
    return { origin: { ...given, askChain: elsewhere }, cycle };
  }
}

class CalledEnvelope extends Envelope {
  readonly #packet: CallPacket;
  readonly #side: AnsweringSide;

  constructor(
    type: MessageType,
    packet: CallPacket,
    port: ReplyPort | null,
    sender: AgentRef<MessageType> | undefined,
    origin: Origin | undefined,
    side: AnsweringSide,
  ) {
    super(type, packet.payload, port, sender, origin);
    this.#packet = packet;
    this.#side = side;
  }

  override begins(): boolean {
    return this.#side.begins(this.#packet) && super.begins();
  }
}

// How far a stream runs ahead of its reader in the other thread.
const itemsAhead = 16;

class IncomingCall implements ReplySink {
  readonly streaming: boolean;
  readonly port = new ReplyPort(this);
  onSettled: (() => void) | undefined;
  readonly #call: number;
  readonly #line: Speaker<AnswerPacket>;
  readonly #closed: () => void;
  #credit = itemsAhead;
  #producers: Array<() => void> = [];

  constructor({ call, answer }: CallPacket, line: Speaker<AnswerPacket>, closed: () => void) {
    this.#call = call;
    this.streaming = answer === "many";
    this.#line = line;
    this.#closed = closed;
  }

  resolve(value: unknown): void {
    this.#settle();
    this.#line.sendMoving({ kind: "reply", call: this.#call, value }, value, (why) => this.#uncopied(why));
  }

  reject(failure: Failure): void {
    this.#settle();
    const { details, ...plain } = plainFailure(failure);
    const whole = details === undefined ? plain : { ...plain, details };
    this.#line.send({ kind: "failed", call: this.#call, failure: whole }, () => ({ kind: "failed", call: this.#call, failure: plain }));
  }

  item(value: unknown): Promise<void> | undefined {
    this.#line.sendMoving({ kind: "item", call: this.#call, value }, value, (why) => {
      this.port.cancel();
      this.#settle();
      return this.#uncopied(why);
    });
    this.#credit -= 1;
    return this.#credit > 0 ? undefined : new Promise((resolve) => this.#producers.push(resolve));
  }

  grant(items: number): void {
    this.#credit += items;
    if (this.#credit > 0) this.#resume();
  }

  cancel(): void {
    this.port.cancel();
    this.#settle();
  }

  #uncopied(why: string): AnswerPacket {
    const failure: Failure = { code: "HANDLER_FAILED", message: `the answer cannot be copied to another thread: ${why}` };
    return { kind: "failed", call: this.#call, failure };
  }

  #settle(): void {
    this.#closed();
    this.onSettled?.();
    this.#resume();
  }

  #resume(): void {
    for (const resume of this.#producers.splice(0)) resume();
  }
}
