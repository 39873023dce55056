// One run of one handler: the argument that user code sees, and the caller that its own asks come from.
// Everything but model and message is made when it is first asked for.

import { after, type Clock } from "../clock.ts";
import type { Failure, Ran } from "../errors.ts";
import type { Log } from "../log.ts";
import type { AgentRef } from "../message/agent-ref.ts";
import type { Recipient } from "../message/recipient.ts";
import { type Envelope, type Origin, originHere, type Peer, type TraceContext } from "../message/envelope.ts";
import type { MessageType } from "../message/message-type.ts";
import type { Publisher } from "../message/publisher.ts";
import { type Attendant, type Reply, ReplyPort } from "../message/reply-port.ts";
import type { Random } from "../random.ts";
import type { Caller } from "./activity.ts";
import type { AgentNode, OpenAsk, RunningHandler } from "./ask-cycle.ts";
import type { AgentArgument, HandlerArgument, StartAgent } from "./blueprint.ts";
import type { HandlerEntry } from "./definition.ts";
import type { AgentHandle } from "./handle.ts";
import type { AgentServices } from "./services.ts";

/** The agent, as its activations use it. */
export interface ActivationHost extends AgentNode {
  readonly argument: AgentArgument<unknown>;
  readonly services: Pick<AgentServices, "askChains" | "limits">;
  readonly waitingReaders: Set<RunningHandler>;
  /** The ask as the cycle finder sees it; undefined when the recipient lives elsewhere. */
  openAsk(port: ReplyPort, recipient: Recipient, type: MessageType): OpenAsk | undefined;
  surplusReply(entry: HandlerEntry, late: boolean): void;
  /** A concurrent handler gives its place up while it waits for its reader … */
  stepOut(activation: Activation): void;
  /** … and takes one again; resolves when it may run. */
  stepIn(activation: Activation): Promise<void>;
  /** Resolves after the event loop has had its turn. */
  breathe(): Promise<void>;
  /** An answer is still open though its handler has returned. */
  keepOpen(port: ReplyPort): void;
}

export class Activation implements HandlerArgument<unknown, MessageType>, Caller, RunningHandler, Attendant {
  readonly model: unknown;
  readonly message: unknown;
  readonly envelope: Envelope;
  readonly entry: HandlerEntry;
  settled = false;
  readonly #host: ActivationHost;
  #reply: ReplyPort | undefined;
  #abort: AbortController | undefined;
  #aborted = false;
  #openAsks: Map<ReplyPort, OpenAsk> | undefined;
  /** How many waits for a reader are under way. */
  #waits = 0;

  constructor(host: ActivationHost, model: unknown, entry: HandlerEntry, envelope: Envelope) {
    this.#host = host;
    this.model = model;
    this.message = envelope.payload;
    this.entry = entry;
    this.envelope = envelope;
    envelope.port?.attend(this);
  }

  get ran(): Ran {
    return "yes";
  }

  get reply(): Reply {
    return this.envelope.port ?? (this.#reply ??= new ReplyPort(undefined));
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      const port = this.envelope.port;
      if (this.#aborted || port?.cancelled) this.#abort.abort();
      else port?.onCancel(() => this.#tellToStop());
    }
    return this.#abort.signal;
  }

  /** The handler is done with its message, or the agent with the handler. */
  settle(): void {
    if (this.settled) return;
    this.settled = true;
    this.envelope.load?.release();
  }

  /** The agent goes on without this handler: its asker hears the failure, the handler its signal. */
  expel(failure: Failure): void {
    this.settle();
    this.#tellToStop();
    this.envelope.port?.abandon(failure);
  }

  get sender(): AgentRef<MessageType> | undefined {
    return this.envelope.sender;
  }

  get peer(): Peer | undefined {
    return this.envelope.origin?.peer;
  }

  get identity(): unknown {
    return this.envelope.origin?.identity;
  }

  get trace(): TraceContext | undefined {
    return this.envelope.origin?.trace;
  }

  get askChain(): readonly string[] {
    return this.#host.services.askChains.of(this, this.envelope.origin?.askChain);
  }

  get passedOn(): Origin | undefined {
    const askChain = this.envelope.origin?.askChain;
    return askChain === undefined ? undefined : { ...originHere, askChain };
  }

  get self(): AgentHandle<MessageType> {
    return this.#host.argument.self;
  }

  get log(): Log {
    return this.#host.argument.log;
  }

  get clock(): Clock {
    return this.#host.argument.clock;
  }

  get random(): Random {
    return this.#host.argument.random;
  }

  get broker(): Publisher {
    return this.#host.argument.broker;
  }

  get start(): StartAgent {
    return this.#host.argument.start;
  }

  get sendAfter(): AgentArgument<unknown>["sendAfter"] {
    return this.#host.argument.sendAfter;
  }

  get sendAt(): AgentArgument<unknown>["sendAt"] {
    return this.#host.argument.sendAt;
  }

  get sendEvery(): AgentArgument<unknown>["sendEvery"] {
    return this.#host.argument.sendEvery;
  }

  get exclusive(): boolean {
    return this.entry.exclusive;
  }

  get home(): AgentNode {
    return this.#host;
  }

  get openAsks(): Iterable<OpenAsk> {
    return this.#openAsks?.values() ?? [];
  }

  waitsFor(port: ReplyPort, recipient: Recipient, type: MessageType): void {
    const ask = this.#host.openAsk(port, recipient, type);
    if (ask === undefined) return;
    (this.#openAsks ??= new Map()).set(port, ask);
    if (!this.exclusive) this.#host.waitingReaders.add(this);
  }

  waitsNoMore(port: ReplyPort): void {
    if (this.#openAsks?.delete(port) && this.#openAsks.size === 0) this.#host.waitingReaders.delete(this);
  }

  surplus(late: boolean): void {
    this.#host.surplusReply(this.entry, late);
  }

  /** An exclusive handler may keep its agent waiting for a reader only for so long; a concurrent one holds nothing meanwhile. */
  pause(reader: Promise<void>): PromiseLike<void> {
    return onceAwaited(() => (this.exclusive ? this.#waitInside(reader) : this.#waitOutside(reader)));
  }

  /** A concurrent handler lets those in who wait to be alone. */
  breathe(): PromiseLike<void> {
    return onceAwaited(() => (this.exclusive ? this.#host.breathe() : this.#waitOutside(this.#host.breathe())));
  }

  deferred(port: ReplyPort): void {
    this.#host.keepOpen(port);
  }

  // Several waits may be under way together: the first steps out, the last one back in.
  async #waitOutside(reader: Promise<void>): Promise<void> {
    if (this.#waits++ === 0) this.#host.stepOut(this);
    await reader;
    this.#waits -= 1;
    if (this.#waits === 0) await this.#host.stepIn(this);
  }

  #waitInside(reader: Promise<void>): Promise<void> {
    const ms = this.#host.services.limits.streamReaderTimeoutMs;
    const { clock } = this.#host.argument;
    return new Promise((resolve) => {
      const timer = after(clock, ms, () => {
        this.envelope.port?.abandon({ code: "TIMEOUT", message: `the reader kept an exclusive handler waiting for ${ms} ms`, afterMs: ms });
        this.#tellToStop();
        resolve();
      });
      void reader.then(() => {
        clock.disarm(timer);
        resolve();
      });
    });
  }

  #tellToStop(): void {
    this.#aborted = true;
    this.#abort?.abort();
  }
}

// A handler that sends without awaiting runs on, and must not count as one that waits.
function onceAwaited(wait: () => Promise<void>): PromiseLike<void> {
  let waiting: Promise<void> | undefined;
  return {
    // oxlint-disable-next-line unicorn/no-thenable
    then: (resolve, reject) => (waiting ??= wait()).then(resolve, reject),
  };
}
