// One accepted socket: what comes in goes to the router, what is answered goes out. It owns every timer, queue and
// place of its client, and `close` is where all of them are given back.

import { detailOf, type Failure, stackOf } from "../../errors.ts";
import type { Socket, SocketHandler } from "../transport.ts";
import type { Voice } from "../wire/detect.ts";
import type { Dialect } from "../wire/dialect.ts";
import type { Frame } from "../wire/frame-decoder.ts";
import type { Address, Format, Packet } from "../wire/packet.ts";
import { Answers, type AnswersOwner } from "./answers.ts";
import { type Arrival, Calls } from "./calls.ts";
import { ConnectionOrigin } from "./connection-origin.ts";
import { ClosingSocket } from "./closing-socket.ts";
import type { Guest } from "./door.ts";
import { type IdleState, IdleWatch } from "./idle-watch.ts";
import { Intake, type IntakeOwner } from "./intake.ts";
import type { Admission } from "./policy.ts";
import { RateLimiter } from "./rate-limiter.ts";
import type { ReplySlot } from "./reply-order.ts";
import type { ServerContext } from "./server-context.ts";
import { type PushTarget, Subscriptions } from "./subscriptions.ts";
import { tell } from "./tell.ts";

/** What the connection leaves to others: the meaning of packets, the performing of requests, its own end. */
export interface ConnectionOwner {
  route(connection: Connection, packet: Packet, bytes: number): void;
  perform(connection: Connection, arrival: Arrival): void;
  /** Nothing of this connection is open any more: told while the listener drains. */
  idle(): void;
  closed(connection: Connection): void;
}

/** `finishing`: nothing more is read, what was accepted is answered. `closing`: what is written leaves, then it closes. */
type State = "open" | "finishing" | "closing" | "closed";

export class Connection implements SocketHandler, IntakeOwner, AnswersOwner, PushTarget {
  readonly origin: ConnectionOrigin;
  readonly calls: Calls;
  readonly answers: Answers;
  readonly subscriptions: Subscriptions;
  readonly rateLimiter: RateLimiter | undefined;
  readonly #context: ServerContext;
  readonly #owner: ConnectionOwner;
  readonly #socket: ClosingSocket;
  readonly #intake: Intake;
  readonly #idle: IdleWatch;
  #format: Format = "json";
  #onClose: (() => void) | undefined;
  #state: State = "open";
  #peerDone = false;
  #inputEnded = false;

  constructor(context: ServerContext, owner: ConnectionOwner, socket: Socket, guest: Guest) {
    const { clock, config } = context;
    this.#context = context;
    this.#owner = owner;
    this.origin = new ConnectionOrigin(guest);
    this.#socket = new ClosingSocket(socket, clock);
    this.#intake = new Intake(context, socket, this, context.policy?.admit === undefined);
    this.answers = new Answers(context, socket, this);
    this.calls = new Calls(context, guest.user.inFlight, {
      perform: (arrival) => owner.perform(this, arrival),
      refuse: ({ packet, slot }, failure) => this.fail(packet, slot, failure),
    });
    this.subscriptions = new Subscriptions(context, this);
    this.rateLimiter = config.rateLimit === null ? undefined : new RateLimiter(config.rateLimit, clock.monotonic());
    this.#idle = new IdleWatch(
      clock,
      [config.connectionTimeoutMs, config.subscriptionTimeoutMs],
      () => this.#activity(),
      () => {
        context.counters.connectionsClosedIdle += 1;
        this.finish(0);
      },
    );
  }

  get dialect(): Dialect {
    return this.#intake.dialect;
  }

  get closed(): boolean {
    return this.#state === "closed";
  }

  /** All that has come is worked off, and what was answered is with the kernel. */
  get quiet(): boolean {
    return this.calls.idle && !this.#intake.backlog && this.answers.inOrder && this.answers.pending === 0;
  }

  get keepsUp(): boolean {
    return this.answers.keepsUp && !this.calls.saturated;
  }

  /** Monotonic milliseconds at which bytes last arrived: when the frames at hand came in, give or take a turn. */
  get lastArrival(): number {
    return this.#idle.touchedAt;
  }

  /** Calls back once, when the connection is gone. */
  onClose(closed: () => void): void {
    this.#onClose = closed;
  }

  /** The policy has decided: what it has sent meanwhile is read now, or it is told why not. */
  decided(admission: Admission): void {
    if (admission.refused !== undefined) return this.#intake.deny({ code: "ACCESS_DENIED", message: admission.refused });
    this.origin.identity = admission.identity;
    this.#intake.admit();
  }

  data(bytes: Uint8Array): void {
    this.#idle.touch();
    this.#intake.push(bytes);
  }

  end(): void {
    this.#peerDone = true;
    if (!this.#socket.peerEnded()) this.#intake.peerEnded();
  }

  drain(): void {
    this.answers.drain();
  }

  frame(frame: Frame, dialect: Dialect): void {
    const packet = dialect.decode(frame, this.#context.codecLimits);
    if ("format" in packet) this.#format = packet.format;
    this.#owner.route(this, packet, frame.end - frame.start);
  }

  turnEnds(): void {
    this.answers.flushWithTurn();
  }

  /** Also asked whenever something was answered, or has left, and always last: what may be read again is not quiet. */
  inputTaken(): void {
    if (this.#context.draining && this.quiet) this.#owner.idle();
  }

  inputEnded(): void {
    this.#inputEnded = true;
    this.#finishIfDone();
  }

  /** It is told, and what it asked before is answered: requests in full, streams by the same failure. */
  unreadable(failure: Failure): void {
    if (this.#state !== "open") return;
    this.calls.failStreams({ code: failure.code, message: failure.message });
    const slot = this.dialect.ordersUncorrelated ? this.answers.openSlot() : undefined;
    tell(this.#context.counters, failure, (told) => this.dialect.connectionFailure(this.answers.writerFor(slot), told, this.#format));
    this.finish(this.#context.config.drainTimeoutMs);
    this.answered(slot);
  }

  unknown(failure: Failure, voice: Voice): void {
    if (this.#state !== "open") return;
    tell(this.#context.counters, failure, (told) => voice(this.answers.out, told));
    this.answers.sent(undefined);
    this.finish(0);
  }

  // A defect of ours must cost no more than the connection that met it.
  broken(error: unknown): void {
    this.#context.log.error("connection failed", { connection: this.origin.peer.connection, error: detailOf(error), stack: stackOf(error) });
    this.terminate("internal error");
  }

  emptied(): void {
    this.subscriptions.drain();
    if (this.#state === "closing" && this.answers.pending === 0) this.#socket.finish(this.#peerDone);
    else if (this.#intake.waits) this.#intake.pumpSoon();
    this.inputTaken();
  }

  stalled(why: string): void {
    this.#context.counters.connectionsClosedSlow += 1;
    this.terminate(why);
  }

  /** A place in the order of answers, for a frame that must be answered in its turn. */
  openSlot(address: Address): ReplySlot | undefined {
    return address.correlation === null && this.dialect.ordersUncorrelated ? this.answers.openSlot() : undefined;
  }

  /** The last frame for this place was written. */
  answered(slot: ReplySlot | undefined): void {
    this.answers.answered(slot);
    if (this.calls.idle) this.#idle.touch();
    if (this.#state === "finishing" || this.#inputEnded) this.#finishIfDone();
    else if (this.#intake.waits) this.#intake.pumpSoon();
    this.inputTaken();
  }

  fail(address: Address, slot: ReplySlot | undefined, failure: Failure, sequence = 0): void {
    tell(this.#context.counters, failure, (told) => this.dialect.failure(this.answers.writerFor(slot), address, told, sequence));
    this.answered(slot);
  }

  /** Ends it, and what it sent that nobody has begun. */
  revoke(): void {
    this.origin.revoked = true;
    this.terminate("revoked");
  }

  /** Reads no more, answers what it has accepted for at most so long, then closes. */
  finish(withinMs: number): void {
    if (this.#state === "closed" || this.#state === "closing") return;
    this.#state = "finishing";
    this.subscriptions.close();
    this.#intake.end();
    this.#socket.deadline(withinMs);
    this.#finishIfDone();
  }

  terminate(why: string): void {
    if (this.#state === "closed") return;
    this.#context.log.debug("connection terminated", { connection: this.origin.peer.connection, why });
    this.#socket.terminate();
    this.close();
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#intake.end();
    this.#idle.stop();
    this.#socket.closed();
    this.subscriptions.close();
    this.calls.abandonAll();
    this.answers.close();
    this.#onClose?.();
    this.#owner.closed(this);
  }

  #finishIfDone(): void {
    if (this.#state !== "finishing" && !(this.#state === "open" && this.#inputEnded)) return;
    if (!this.calls.idle || !this.answers.inOrder) return;
    this.#state = "closing";
    this.#intake.end();
    this.subscriptions.close();
    if (this.answers.pending === 0) this.#socket.finish(this.#peerDone);
  }

  #activity(): IdleState {
    if (!this.calls.idle || this.#intake.admitting) return "busy";
    const { connectionTimeoutMs, subscriptionTimeoutMs } = this.#context.config;
    return { limitMs: this.subscriptions.count > 0 ? subscriptionTimeoutMs : connectionTimeoutMs * this.#intake.patience };
  }
}
