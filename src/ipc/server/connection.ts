// One accepted socket: bytes in, packets to the router, frames out. It owns every timer, queue and slot of its client,
// and `close` is the one place that gives them back. Reading stops while the client does not read or asks too much.

import type { Timer } from "../../clock.ts";
import { ActonError, detailOf, type Failure } from "../../errors.ts";
import type { Peer } from "../../message/envelope.ts";
import type { Task } from "../../scheduler.ts";
import type { Socket, SocketHandler } from "../transport.ts";
import { detect, silentClientVoice } from "../wire/detect.ts";
import type { Refusing } from "../wire/acton-refusal.ts";
import type { Dialect } from "../wire/dialect.ts";
import { FrameDecoder } from "../wire/frame-decoder.ts";
import type { FrameWriter } from "../wire/frame-writer.ts";
import type { Address } from "../wire/packet.ts";
import { type Arrival, Calls } from "./calls.ts";
import { ClosingSocket } from "./closing-socket.ts";
import { IdleWatch } from "./idle-watch.ts";
import { RateLimiter } from "./rate-limiter.ts";
import { ReplyOrder, type ReplySlot } from "./reply-order.ts";
import type { ServerContext } from "./server-context.ts";
import { Subscriptions, type PushTarget } from "./subscriptions.ts";
import { type WriteOwner, WriteQueue } from "./write-queue.ts";

/** What the connection leaves to others: the meaning of packets, the performing of requests, its own end. */
export interface ConnectionOwner {
  route(connection: Connection, frame: { readonly bytes: number; readonly packet: ReturnType<Dialect["decode"]> }): void;
  perform(connection: Connection, arrival: Arrival): void;
  /** Something was answered: asked for while the listener drains. */
  idle(): void;
  closed(connection: Connection): void;
}

/** `finishing`: nothing more is read, what was accepted is answered, then it closes. */
type State = "admitting" | "open" | "finishing" | "closing" | "closed";

// A stream may be this far ahead of its reader; replies of the same connection queue behind no more than that.
const streamAheadBytes = 64 * 1024;
// Frames that wait for the next turn are held in memory; beyond this much the kernel holds them.
const backlogBytesMax = 64 * 1024;
/** A length beyond the limit, with no byte after it to tell the dialect by: how long that byte is waited for. */
const firstBytesMs = 1000;

export class Connection implements SocketHandler, WriteOwner, PushTarget, Task {
  readonly peer: Peer;
  readonly calls: Calls;
  readonly subscriptions: Subscriptions;
  readonly rateLimiter: RateLimiter | undefined;
  identity: unknown;
  readonly #context: ServerContext;
  readonly #owner: ConnectionOwner;
  readonly #socket: ClosingSocket;
  readonly #decoder: FrameDecoder;
  readonly #queue: WriteQueue;
  readonly #order: ReplyOrder;
  readonly #idle: IdleWatch;
  readonly #frameDeadline: Timer;
  readonly #resumeReading = (): void => this.#pumpSoon();
  #waitingStreams: Array<() => void> | undefined;
  #dialect: Dialect | undefined;
  #state: State;
  #denial: Failure | undefined;
  #paused = false;
  #peerDone = false;
  /** The peer is done, and every whole frame of it has been taken. */
  #inputDone = false;
  #pumpQueued = false;
  #held = 0;
  #streamNumber = 0;

  constructor(context: ServerContext, owner: ConnectionOwner, socket: Socket, peer: Peer) {
    const { buffers, clock, config, inFlight } = context;
    this.#context = context;
    this.#owner = owner;
    this.peer = peer;
    this.#socket = new ClosingSocket(socket, clock);
    this.#decoder = new FrameDecoder(config.maxMessageSize);
    this.#queue = new WriteQueue(socket, context, config, this);
    this.#order = new ReplyOrder(this.#queue.out, config.maxMessageSize, buffers);
    this.calls = new Calls(config, inFlight, (arrival) => owner.perform(this, arrival));
    this.subscriptions = new Subscriptions(context, this);
    this.rateLimiter = config.rateLimit === null ? undefined : new RateLimiter(config.rateLimit, clock.monotonic());
    this.#idle = new IdleWatch(clock, config, () => this.#idleState(), () => this.#closeIdle());
    this.#frameDeadline = { due: 0, place: -1, expire: () => this.#frameLate() };
    this.#state = context.policy?.admit === undefined ? "open" : "admitting";
  }

  get dialect(): Dialect {
    if (this.#dialect === undefined) throw new TypeError("Cannot answer a connection whose dialect is not known yet");
    return this.#dialect;
  }

  get out(): FrameWriter {
    return this.#queue.out;
  }

  get closed(): boolean {
    return this.#state === "closed";
  }

  /** Monotonic milliseconds at which bytes last arrived: when the frames at hand came in, to a turn or so. */
  get lastArrival(): number {
    return this.#idle.touchedAt;
  }

  get takesPushes(): boolean {
    return !this.#queue.blocked && !this.#queue.aboveSoftMark;
  }

  /** The policy has let it in: what it has sent meanwhile is read now. */
  admit(identity: unknown): void {
    if (this.#state !== "admitting") return;
    this.identity = identity;
    this.#state = "open";
    this.#pumpSoon();
  }

  /** The policy keeps it out: it is told so in the dialect of its first bytes, which are waited for a moment. */
  deny(failure: Failure): void {
    if (this.#state !== "admitting") return;
    this.#denial = failure;
    if (this.#decoder.peekAfterLength() === undefined) this.#context.clock.arm(this.#frameDeadline, firstBytesMs);
    else this.#tellDenial(failure);
  }

  data(bytes: Uint8Array): void {
    if (this.#state === "closing" || this.#state === "finishing") return;
    this.#context.counters.bytesReceived += bytes.byteLength;
    this.#idle.touch();
    this.#decoder.push(bytes);
    if (this.#state === "admitting") this.#waitForAdmission();
    else this.#pump();
  }

  end(): void {
    this.#peerDone = true;
    if (this.#socket.peerEnded()) return;
    this.#pump();
  }

  drain(): void {
    this.#queue.drain();
  }

  /** The frames left over from an earlier turn. */
  run(): void {
    this.#pumpQueued = false;
    this.#pump();
  }

  wrote(bytes: number): void {
    this.#context.counters.bytesSent += bytes;
  }

  emptied(): void {
    const streams = this.#waitingStreams;
    this.#waitingStreams = undefined;
    if (streams !== undefined) for (const resume of streams) resume();
    this.subscriptions.drain();
    if (this.#state === "closing" && this.out.pending === 0) this.#socket.finish(this.#peerDone);
    else if (this.#decoder.held > 0 || this.#paused) this.#pumpSoon();
  }

  stalled(why: string): void {
    this.#context.counters.connectionsClosedSlow += 1;
    this.terminate(why);
  }

  touched(): void {
    this.#queue.touched();
  }

  /** A place in the order of answers, for a frame that must be answered in its turn. */
  openSlot(address: Address): ReplySlot | undefined {
    return address.correlation === null && this.dialect.ordersUncorrelated ? this.#order.open() : undefined;
  }

  /** Where frames for this place go now. After the last of them comes `answered`. */
  writerFor(slot: ReplySlot | undefined): FrameWriter {
    return slot === undefined ? this.#queue.out : this.#order.writerFor(slot);
  }

  answered(slot: ReplySlot | undefined): void {
    if (slot !== undefined) this.#order.close(slot);
    this.sent();
    if (this.#context.draining && this.calls.idle) this.#owner.idle();
    if (this.#state === "finishing" || this.#inputDone) this.#finishIfDone();
    else if (this.#paused) this.#pumpSoon();
  }

  /** A frame was written that is not the last for its place. */
  sent(): void {
    this.#context.counters.framesSent += 1;
    if (this.#order.length > 1 && this.#order.pending > this.#context.config.outgoingHardBytes) this.stalled("too many answers wait for an earlier one");
    else this.#queue.touched();
  }

  fail(address: Address, slot: ReplySlot | undefined, failure: Failure, sequence = 0): void {
    this.#context.counters.failed(failure.code);
    this.dialect.failure(this.writerFor(slot), address, failure, sequence);
    this.answered(slot);
  }

  /** Undefined while a stream may write on; else resolves when its turn has come and its reader has caught up. */
  streamPace(slot: ReplySlot | undefined): Promise<void> | undefined {
    if (slot !== undefined && !this.#order.isFirst(slot)) {
      return new Promise((resolve) => {
        slot.onTurn = () => {
          this.#queue.touched();
          resolve();
        };
      });
    }
    if (this.closed || this.out.pending < streamAheadBytes) return undefined;
    return new Promise((resolve) => (this.#waitingStreams ??= []).push(resolve));
  }

  nextStreamId(): string {
    this.#streamNumber += 1;
    return `stream-${this.#streamNumber}`;
  }

  /** Nothing that it sends from here on can be understood: it is told, and what it asked before is answered. */
  protocolFailure(failure: Failure): void {
    if (this.#state !== "open") return;
    this.#context.counters.failed(failure.code);
    this.calls.abandonStreams();
    const slot = this.dialect.ordersUncorrelated ? this.#order.open() : undefined;
    this.dialect.connectionFailure(this.writerFor(slot), failure);
    this.finish(this.#context.config.drainTimeoutMs);
    this.answered(slot);
  }

  /** Reads no more, answers what it has accepted for at most so long, then closes. */
  finish(withinMs: number): void {
    if (this.#state === "closed" || this.#state === "closing") return;
    this.#state = "finishing";
    this.subscriptions.close();
    this.#forgetInput();
    this.#socket.deadline(withinMs);
    this.#finishIfDone();
  }

  terminate(why: string): void {
    if (this.#state === "closed") return;
    this.#context.log.debug("connection terminated", { connection: this.peer.connection, why });
    this.#socket.terminate();
    this.close();
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#forgetInput();
    this.#idle.stop();
    this.#socket.closed();
    this.subscriptions.close();
    this.calls.abandonAll();
    this.#queue.close();
    for (const resume of this.#waitingStreams ?? []) resume();
    this.#waitingStreams = undefined;
    this.#owner.closed(this);
  }

  #pump(): void {
    if (this.#state !== "open" || !this.#recognised()) return;
    const { config, counters, codecLimits } = this.#context;
    const dialect = this.dialect;
    let frames = 0;
    try {
      for (; frames < config.framesPerTurnMax && this.#mayRead(); frames++) {
        const frame = this.#decoder.next(dialect.headerLength);
        if (frame === undefined) {
          this.#settleInput(frames > 0);
          this.#inputTaken();
          return;
        }
        counters.framesReceived += 1;
        this.#owner.route(this, { bytes: frame.end - frame.start, packet: dialect.decode(frame, codecLimits) });
        if (this.#state !== "open") return;
      }
    } catch (error) {
      if (error instanceof ActonError) this.protocolFailure(error);
      else this.#broken(error);
      return;
    }
    if (frames === config.framesPerTurnMax) {
      this.#queue.flushWithTurn();
      this.#pumpSoon();
    }
    this.#settleInput(frames > 0);
  }

  // What it sends before it is let in stays with the kernel, but for the bytes that tell its dialect.
  #waitForAdmission(): void {
    if (this.#decoder.peekAfterLength() === undefined) return;
    this.#pause();
    if (this.#denial !== undefined) this.#tellDenial(this.#denial);
  }

  #tellDenial(failure: Failure): void {
    const first = this.#decoder.peekAfterLength();
    const detection = first === undefined ? undefined : detect(first);
    this.#refuse(failure, detection === undefined ? silentClientVoice : (detection.dialect ?? detection.speak));
  }

  #inputTaken(): void {
    if (!this.#peerDone) return;
    this.#inputDone = true;
    this.#finishIfDone();
  }

  // A defect of ours must cost no more than the connection that met it.
  #broken(error: unknown): void {
    this.#context.log.error("connection failed", { connection: this.peer.connection, error: detailOf(error), stack: (error as Error)?.stack });
    this.terminate("internal error");
  }

  #pumpSoon(): void {
    if (this.#pumpQueued || this.#state !== "open") return;
    this.#pumpQueued = true;
    this.#context.scheduler.nextTurn(this);
  }

  #recognised(): boolean {
    if (this.#dialect !== undefined) return true;
    const byte = this.#decoder.peekAfterLength();
    if (byte === undefined) {
      this.#settleInput(false);
      this.#inputTaken();
      return false;
    }
    const detection = detect(byte);
    if (detection.dialect !== undefined) {
      this.#dialect = detection.dialect;
      return true;
    }
    this.#refuse(detection.refusal, detection.speak);
    return false;
  }

  /** For a connection that has no dialect to be answered in. */
  #refuse(failure: Failure, voice: Refusing): void {
    this.#context.counters.failed(failure.code);
    voice.connectionFailure(this.out, failure);
    this.sent();
    this.finish(0);
  }

  #mayRead(): boolean {
    return !this.#queue.aboveSoftMark && !this.calls.saturated;
  }

  // Accounts for what is left of the input, and stops or goes on reading accordingly.
  #settleInput(progressed: boolean): void {
    const { unfinished, clock, config } = this.#context;
    const held = this.#decoder.held;
    const more = held - this.#held;
    this.#held = held;
    if (more > 0) unfinished.take(more);
    else if (more < 0) unfinished.give(-more);
    if (progressed || held === 0) clock.disarm(this.#frameDeadline);
    if (held > 0 && this.#frameDeadline.place < 0) clock.arm(this.#frameDeadline, this.#undecidable() ? firstBytesMs : config.frameTimeoutMs);
    const overBudget = held > 0 && unfinished.exhausted;
    if (overBudget) unfinished.whenRoom(this.#resumeReading);
    if (!this.#mayRead() || overBudget || (this.#pumpQueued && held > backlogBytesMax)) this.#pause();
    else this.#resume();
  }

  /** A frame too long to be read, on a connection that cannot be told so yet: its dialect is not known. */
  #undecidable(): boolean {
    if (this.#dialect !== undefined) return false;
    try {
      this.#decoder.refuseOversize();
      return false;
    } catch {
      return true;
    }
  }

  #frameLate(): void {
    if (this.#denial !== undefined) this.#tellDenial(this.#denial);
    if (this.#state !== "open") return;
    if (!this.#mayRead() || this.#pumpQueued) {
      this.#context.clock.arm(this.#frameDeadline, this.#context.config.frameTimeoutMs);
      return;
    }
    let failure: Failure = { code: "PROTOCOL_ERROR", message: `a frame was not complete within ${this.#context.config.frameTimeoutMs} ms` };
    try {
      this.#decoder.refuseOversize();
    } catch (error) {
      failure = error as ActonError;
    }
    if (this.#dialect !== undefined) this.protocolFailure(failure);
    else this.#refuse(failure, detect(0x7b).dialect as Dialect);
  }

  #forgetInput(): void {
    const { clock, unfinished } = this.#context;
    clock.disarm(this.#frameDeadline);
    unfinished.leave(this.#resumeReading);
    if (this.#held > 0) unfinished.give(this.#held);
    this.#held = 0;
    this.#decoder.clear();
    this.#resume();
  }

  #finishIfDone(): void {
    if (this.#state !== "finishing" && !(this.#state === "open" && this.#inputDone)) return;
    if (!this.calls.idle || this.#order.length > 0) return;
    this.#forgetInput();
    this.subscriptions.close();
    this.#state = "closing";
    if (this.out.pending === 0) this.#socket.finish(this.#peerDone);
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#socket.pause();
  }

  #resume(): void {
    if (!this.#paused || this.#state === "closed") return;
    this.#paused = false;
    this.#socket.resume();
  }

  #idleState(): "busy" | "subscribed" | "idle" {
    if (!this.calls.idle) return "busy";
    return this.subscriptions.count > 0 ? "subscribed" : "idle";
  }

  #closeIdle(): void {
    this.#context.counters.connectionsClosedIdle += 1;
    this.finish(0);
  }
}
