// The load itself: a closed loop, where each answer brings the next request, or an open one, where requests are due at fixed
// times and a latency counts from the time when its request was due.

import { after, type Clock } from "../../clock.ts";
import { TurnScheduler } from "../../scheduler.ts";
import type { Answer, FrameFormat } from "./frames.ts";
import { Lane, type LaneEvents } from "./lane.ts";
import { Tally } from "./tally.ts";

export interface LoadOptions {
  readonly clock: Clock;
  readonly format: FrameFormat;
  /** One request frame for each slot of a connection; none when nothing is sent. */
  readonly frames: readonly Buffer[];
  readonly connections: number;
  /** Requests a second in all; undefined for a closed loop. */
  readonly rate: number | undefined;
}

export class Load implements LaneEvents {
  tally = new Tally();
  readonly #options: LoadOptions;
  readonly #clock: Clock;
  readonly #lanes: readonly Lane[];
  readonly #seqs = new Map<Lane, number>();
  readonly #turns: TurnScheduler;
  #running = false;
  #turn = 0;
  /** Of the open loop: when the next request is due, and how many were. */
  #due = 0;
  #dueCount = 0;
  #lost = 0;
  #lastLoss = "";
  readonly #over = new AbortController();

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#turns = new TurnScheduler(options.clock);
    this.#lanes = Array.from({ length: options.connections }, () => new Lane(options.format, options.frames, this));
  }

  async connect(path: string): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.connect(path)));
  }

  /** Why it cannot go on; undefined while there is a connection. */
  get failure(): string | undefined {
    return this.#lost === this.#lanes.length ? this.#lastLoss : undefined;
  }

  /** Aborted when there is no connection left. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Requests that are on their way. */
  get waiting(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.waiting, 0);
  }

  /** Of the open loop: requests whose time came and that could not go out yet. */
  get behind(): number {
    const { rate } = this.#options;
    return rate === undefined ? 0 : Math.max(0, Math.floor(((this.#clock.monotonic() - this.#due) * rate) / 1000));
  }

  /** Requests that were sent, of the open loop. */
  get sent(): number {
    return this.#dueCount;
  }

  start(): void {
    this.#running = true;
    this.#due = this.#clock.monotonic();
    if (this.#options.rate === undefined) this.#fill();
    else this.#tick();
  }

  /** Sends nothing more; what is on its way is still waited for. */
  stop(): void {
    this.#running = false;
  }

  close(): void {
    this.#running = false;
    for (const lane of this.#lanes) lane.close();
  }

  /** Sends one frame on each connection. */
  broadcast(frame: Buffer): void {
    for (const lane of this.#lanes) {
      lane.put(frame);
      lane.flush();
    }
  }

  answered(_lane: Lane, sentAt: number, answer: Answer): void {
    if (answer.kind === "failure") this.tally.error(answer.code);
    else this.tally.answer(this.#clock.monotonic() - sentAt);
  }

  heard(lane: Lane, { kind, body, code }: Answer): void {
    if (kind === "item") this.tally.items += 1;
    else if (kind === "failure") this.tally.error(code);
    else if (kind === "push" && body !== undefined) this.#push(lane, body);
  }

  chunkRead(lane: Lane): void {
    if (!this.#running) return;
    if (this.#options.rate !== undefined) this.#pump();
    else this.#fillLane(lane);
  }

  lost(lane: Lane, reason: string): void {
    this.#lost += 1;
    this.#lastLoss = reason;
    if (this.failure !== undefined) this.#over.abort();
    this.tally.error("CONNECTION_CLOSED", Math.max(1, lane.waiting));
  }

  #fill(): void {
    for (const lane of this.#lanes) {
      this.#fillLane(lane);
      lane.flush();
    }
  }

  #fillLane(lane: Lane): void {
    if (lane.free === 0) return;
    const now = this.#clock.monotonic();
    while (lane.free > 0) lane.send(now);
  }

  // Waits by the clock while there is time, and by turns of the event loop for the last millisecond: timers are too coarse.
  #tick(): void {
    if (!this.#running) return;
    this.#pump();
    const wait = this.#due - this.#clock.monotonic();
    // When every slot is taken there is nothing to do until an answer comes, which pumps too.
    if (wait > 2 || this.#freeLane() === undefined) after(this.#clock, Math.max(1, wait - 1), () => this.#tick());
    else this.#turns.nextTurn({ run: () => this.#tick() });
  }

  // What is due and finds no free slot stays due from its own time: whoever stalls is not spared what it held up.
  #pump(): void {
    const step = 1000 / (this.#options.rate ?? 1);
    const now = this.#clock.monotonic();
    const used = new Set<Lane>();
    for (let lane = this.#freeLane(); this.#due <= now && lane !== undefined; lane = this.#freeLane()) {
      lane.send(this.#due);
      used.add(lane);
      this.#due += step;
      this.#dueCount += 1;
    }
    for (const lane of used) lane.flush();
  }

  #freeLane(): Lane | undefined {
    for (let tried = 0; tried < this.#lanes.length; tried++) {
      const lane = this.#lanes[this.#turn++ % this.#lanes.length] as Lane;
      if (lane.free > 0) return lane;
    }
    return undefined;
  }

  #push(lane: Lane, body: Readonly<Record<string, unknown>>): void {
    const at = body["timestamp"] ?? body["timestamp_ms"];
    const { seq } = body;
    if (typeof at === "number") this.tally.answer(Math.max(0, this.#clock.now() - at));
    else this.tally.answered += 1;
    if (typeof seq !== "number") return;
    const last = this.#seqs.get(lane);
    this.#seqs.set(lane, seq);
    if (last !== undefined && seq > last + 1) this.tally.dropped += seq - last - 1;
  }
}
