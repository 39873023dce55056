// One run of one handler: the argument that user code sees, and the caller that its own asks come from.
// Everything but model and message is made when it is first asked for.

import { after, type Clock } from "../clock.ts";
import type { Failure } from "../errors.ts";
import type { Log } from "../log.ts";
import type { AgentRef, Recipient } from "../message/agent-ref.ts";
import type { Envelope, Peer, TraceContext } from "../message/envelope.ts";
import type { MessageType } from "../message/message-type.ts";
import type { Publisher } from "../message/publisher.ts";
import { type Attendant, type Reply, ReplyPort } from "../message/reply-port.ts";
import type { Random } from "../random.ts";
import type { Caller } from "./activity.ts";
import type { AgentNode, RunningHandler } from "./ask-cycle.ts";
import type { AgentArgument, HandlerArgument, HandlerEntry, StartAgent } from "./blueprint.ts";
import type { AgentHandle } from "./handle.ts";

/** The agent, as its activations use it. */
export interface ActivationHost extends AgentNode {
  readonly argument: AgentArgument<unknown>;
  readonly streamReaderTimeoutMs: number;
  readonly waitingReaders: Set<RunningHandler>;
  nodeOf(recipient: Recipient): AgentNode | undefined;
  surplusReply(entry: HandlerEntry, late: boolean): void;
  /** A concurrent handler gives its place up while it waits for its reader … */
  stepOut(): void;
  /** … and takes one again; resolves when it may run. */
  stepIn(): Promise<void>;
  /** Resolves after the event loop has had its turn. */
  breathe(): Promise<void>;
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
  #waitsFor: Map<AgentNode, boolean> | undefined;
  #waits = 0;

  constructor(host: ActivationHost, model: unknown, entry: HandlerEntry, envelope: Envelope) {
    this.#host = host;
    this.model = model;
    this.message = envelope.payload;
    this.entry = entry;
    this.envelope = envelope;
    envelope.port?.attend(this);
  }

  get reply(): Reply {
    return this.envelope.port ?? (this.#reply ??= new ReplyPort(undefined));
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      const abort = new AbortController();
      this.#abort = abort;
      const port = this.envelope.port;
      if (port?.cancelled) abort.abort();
      else port?.onCancel(() => abort.abort());
    }
    return this.#abort.signal;
  }

  /** The agent goes on without this handler: its asker hears the failure, the handler its signal. */
  expel(failure: Failure): void {
    this.settled = true;
    this.#abort?.abort();
    this.envelope.port?.abandon(failure);
  }

  /** Whether it waits for its reader outside of the gate. */
  get outside(): boolean {
    return this.#waits > 0;
  }

  get sender(): AgentRef | undefined {
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

  get self(): AgentHandle {
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

  get waitsFor(): ReadonlyMap<AgentNode, boolean> {
    return this.#waitsFor ?? nothing;
  }

  get home(): AgentNode {
    return this.#host;
  }

  awaits(recipient: Recipient, type: MessageType): () => void {
    const node = this.#host.nodeOf(recipient);
    if (node === undefined) return () => {};
    const waits = (this.#waitsFor ??= new Map());
    waits.set(node, recipient.handlesExclusively(type));
    if (!this.exclusive) this.#host.waitingReaders.add(this);
    return () => {
      waits.delete(node);
      if (waits.size === 0) this.#host.waitingReaders.delete(this);
    };
  }

  surplus(late: boolean): void {
    this.#host.surplusReply(this.entry, late);
  }

  /** An exclusive handler may keep its agent waiting for a reader only for so long; a concurrent one holds nothing meanwhile. */
  pause(reader: Promise<void>): Promise<void> {
    return this.exclusive ? this.#pauseExclusive(reader) : this.#pauseOutside(reader);
  }

  breathe(): Promise<void> {
    return this.#host.breathe();
  }

  // Sends that are not awaited may wait together: the first steps out, the last one back in.
  async #pauseOutside(reader: Promise<void>): Promise<void> {
    if (this.#waits++ === 0 && !this.settled) this.#host.stepOut();
    await reader;
    if (this.#waits === 1 && !this.settled) await this.#host.stepIn();
    this.#waits -= 1;
  }

  #pauseExclusive(reader: Promise<void>): Promise<void> {
    const ms = this.#host.streamReaderTimeoutMs;
    const { clock } = this.#host.argument;
    return new Promise((resolve) => {
      const timer = after(clock, ms, () => {
        this.envelope.port?.abandon({ code: "TIMEOUT", message: `the reader kept an exclusive handler waiting for ${ms} ms` });
        resolve();
      });
      void reader.then(() => {
        clock.disarm(timer);
        resolve();
      });
    });
  }
}

const nothing: ReadonlyMap<AgentNode, boolean> = new Map();
