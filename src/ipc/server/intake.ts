// The reading side of one connection: bytes to frames, in a dialect that the first bytes choose, a bounded number a
// turn. It stops reading while its owner is behind, and gives up on frames that never become whole.

import type { Timer } from "../../clock.ts";
import { ActonError, type Failure } from "../../errors.ts";
import type { Task } from "../../scheduler.ts";
import { detect, firstBytesMs, type Voice, voiceFor } from "../wire/detect.ts";
import type { Dialect } from "../wire/dialect.ts";
import { type Frame, FrameDecoder } from "../wire/frame-decoder.ts";
import type { Socket } from "../transport.ts";
import type { ServerContext } from "./server-context.ts";

/** What can be read from, or left unread. */
export type Readable = Pick<Socket, "pause" | "resume" | "peerIsGone">;

export interface IntakeOwner {
  /** False while more input would be more than the client takes answers for. */
  readonly keepsUp: boolean;
  frame(frame: Frame, dialect: Dialect): void;
  /** What is answered leaves while the rest of a batch waits for the next turn. */
  turnEnds(): void;
  /** Nothing from here on can be understood; the dialect is known. */
  unreadable(failure: Failure): void;
  /** The same for a connection without a known dialect, with somebody who can tell it so. */
  unknown(failure: Failure, voice: Voice): void;
  /** What has come so far has been looked at, for now. */
  inputTaken(): void;
  /** The peer has shut its side, and every whole frame has been taken. */
  inputEnded(): void;
  /** Nobody is there any more. */
  terminate(why: string): void;
  /** A defect of ours while a frame was handled. */
  broken(error: unknown): void;
}

// Frames that wait for the next turn are held; beyond this much the kernel holds them.
const backlogBytesMax = 64 * 1024;
/** Who has sent four bytes and no more is taken for a writer of JSON. */
const openBrace = 0x7b;

export class Intake implements Task, Timer {
  due = 0;
  order = 0;
  place = -1;
  readonly #context: ServerContext;
  readonly #socket: Readable;
  readonly #owner: IntakeOwner;
  readonly #decoder: FrameDecoder;
  readonly #resumeReading = (): void => this.pumpSoon();
  #dialect: Dialect | undefined;
  #denial: Failure | undefined;
  #open: boolean;
  #ended = false;
  #peerDone = false;
  #paused = false;
  /** It was paused for the owner's sake, or for its own turn's: not because others hold the budget. */
  #behind = false;
  #pumping = false;
  #pumpQueued = false;
  #held = 0;

  /** With `open` false it waits for `admit` or `deny` before it takes a frame. */
  constructor(context: ServerContext, socket: Readable, owner: IntakeOwner, open: boolean) {
    this.#context = context;
    this.#socket = socket;
    this.#owner = owner;
    this.#open = open;
    this.#decoder = new FrameDecoder(context.config.maxMessageSize);
  }

  get dialect(): Dialect {
    if (this.#dialect === undefined) throw new TypeError("Cannot answer a connection whose dialect is not known yet");
    return this.#dialect;
  }

  get patience(): number {
    return this.#dialect?.patience ?? 1;
  }

  /** Something was left unread, and may be read when the owner keeps up again. */
  get waits(): boolean {
    return this.#paused || this.#decoder.held > 0;
  }

  /** Frames may have come that nobody has looked at. */
  get backlog(): boolean {
    return this.#pumping || this.#pumpQueued || (this.#open && this.#decoder.held > 0 && !this.#owner.keepsUp);
  }

  /** The policy has not decided yet. */
  get admitting(): boolean {
    return !this.#open && !this.#ended;
  }

  push(bytes: Uint8Array): void {
    if (this.#ended) return;
    this.#context.counters.bytesReceived += bytes.byteLength;
    this.#decoder.push(bytes);
    if (this.#open) this.#pump();
    else this.#waitForAdmission();
  }

  peerEnded(): void {
    this.#peerDone = true;
    this.#pump();
  }

  admit(): void {
    if (this.#ended) return;
    this.#open = true;
    this.pumpSoon();
  }

  /** Tells the connection in the dialect of its first bytes, which are waited for a moment. */
  deny(failure: Failure): void {
    if (this.#ended) return;
    this.#denial = failure;
    if (this.#decoder.peekAfterLength() === undefined) this.#context.clock.arm(this, firstBytesMs);
    else this.expire();
  }

  /** Takes no frame any more. The socket is read on, so that its end is noticed, and what comes is dropped. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#open = false;
    const { clock, unfinished } = this.#context;
    clock.disarm(this);
    unfinished.leave(this.#resumeReading);
    unfinished.give(this.#held);
    this.#held = 0;
    this.#decoder.clear();
    this.#setPaused(false);
  }

  pumpSoon(): void {
    if (this.#pumpQueued || !this.#open) return;
    this.#pumpQueued = true;
    this.#context.scheduler.nextTurn(this);
  }

  run(): void {
    this.#pumpQueued = false;
    this.#pump();
  }

  /** A frame is late: one that has begun, or the first bytes of a connection that is to be turned away. Or nothing is read. */
  expire(): void {
    const { clock, config } = this.#context;
    if (this.#denial !== undefined) return this.#owner.unknown(this.#denial, voiceFor(this.#decoder.peekAfterLength()));
    if (!this.#open) return;
    if (!this.#owner.keepsUp || this.#pumpQueued || this.#behind) {
      if (!this.#paused || !this.#socket.peerIsGone) return clock.arm(this, config.frameTimeoutMs);
      return this.#owner.terminate("the peer went away while nothing was read");
    }
    const failure = this.#oversize() ?? { code: "PROTOCOL_ERROR", message: `a frame was not complete within ${config.frameTimeoutMs} ms` };
    if (this.#dialect !== undefined) this.#owner.unreadable(failure);
    else this.#owner.unknown(failure, voiceFor(openBrace));
  }

  #pump(): void {
    if (!this.#open) return;
    this.#pumping = true;
    try {
      const taken = this.#recognised() ? this.#takeFrames(this.dialect) : 0;
      if (this.#open) this.#settle(taken > 0);
    } catch (error) {
      if (error instanceof ActonError) this.#owner.unreadable(error);
      else this.#owner.broken(error);
    } finally {
      this.#pumping = false;
    }
    if (!this.backlog) this.#owner.inputTaken();
  }

  /** Returns how many it took. */
  #takeFrames(dialect: Dialect): number {
    const { config, counters } = this.#context;
    for (let taken = 0; taken < config.framesPerTurnMax; taken++) {
      if (!this.#open || !this.#owner.keepsUp) return taken;
      const frame = this.#decoder.next(dialect.headerLength);
      if (frame === undefined) {
        if (this.#peerDone) this.#owner.inputEnded();
        return taken;
      }
      counters.framesReceived += 1;
      this.#owner.frame(frame, dialect);
    }
    this.#owner.turnEnds();
    this.pumpSoon();
    return config.framesPerTurnMax;
  }

  #recognised(): boolean {
    if (this.#dialect !== undefined) return true;
    const byte = this.#decoder.peekAfterLength();
    if (byte === undefined) {
      if (this.#peerDone) this.#owner.inputEnded();
      return false;
    }
    const detection = detect(byte);
    this.#dialect = detection.dialect;
    if (detection.dialect === undefined) this.#owner.unknown(detection.refusal, voiceFor(byte));
    return this.#dialect !== undefined;
  }

  // Accounts for what is left of the input, and stops or goes on reading accordingly.
  #settle(progressed: boolean): void {
    const { unfinished, clock, config, counters } = this.#context;
    const held = this.#decoder.held;
    if (held > this.#held) unfinished.take(held - this.#held);
    else if (held < this.#held) unfinished.give(this.#held - held);
    this.#held = held;
    const overBudget = held > 0 && unfinished.exhausted;
    if (overBudget) unfinished.whenRoom(this.#resumeReading);
    const keepsUp = this.#owner.keepsUp;
    const behind = !keepsUp || (this.#pumpQueued && held > backlogBytesMax);
    if (!this.#paused && (overBudget || !keepsUp)) counters[keepsUp ? "readsPausedUnfinished" : "readsPaused"] += 1;
    // What could not come because of us is not late.
    if (progressed || held === 0 || (this.#behind && !behind)) clock.disarm(this);
    this.#behind = behind;
    this.#setPaused(behind || overBudget);
    if ((held === 0 && !this.#paused) || this.place >= 0) return;
    // A frame too long to be read, on a connection that cannot be told so yet: its dialect is not known.
    clock.arm(this, this.#dialect === undefined && this.#oversize() !== undefined ? firstBytesMs : config.frameTimeoutMs);
  }

  #oversize(): Failure | undefined {
    try {
      this.#decoder.refuseOversize();
      return undefined;
    } catch (error) {
      return error as ActonError;
    }
  }

  // What is sent before it is let in stays with the kernel, but for the bytes that tell the dialect.
  #waitForAdmission(): void {
    if (this.#decoder.peekAfterLength() === undefined) return;
    this.#setPaused(true);
    if (this.#denial !== undefined) this.expire();
  }

  #setPaused(paused: boolean): void {
    if (this.#paused === paused) return;
    this.#paused = paused;
    if (paused) this.#socket.pause();
    else this.#socket.resume();
  }
}
