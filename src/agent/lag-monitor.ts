// Notices who holds the event loop. A reading of the clock costs a quarter of a small message, so a handler that has
// proved to be brief is not timed by itself: it is noted, and the readings that a turn makes anyway say whether one of
// those noted since the last took too long. Code after an await shows by a reading that comes late.

import type { Clock, Timer } from "../clock.ts";
import type { Log, LogFields } from "../log.ts";
import type { TurnWatch } from "../scheduler.ts";

/** What has been noticed so far. */
export interface LagFigures {
  /** How often the event loop was held for too long. */
  readonly lags: number;
  readonly longestLagMs: number;
}

// So many runs in succession, each so short, make a handler brief.
const briefRuns = 32;
const briefMs = 0.05;
/** Those noted between two readings that lie further apart have to prove themselves again … */
const doubtMs = 1;
/** … and those between which the loop was held too long for so many runs more: a rare slow run is then timed by itself. */
const distrustedRuns = 10_000;
/** The tick comes so many times while the loop may be held: by one period it may underrate what it sees. */
const ticksPerWarning = 5;
const namedMax = 5;
const hint = 'long computations run beside the event loop in an agent with runOn("worker")';

/** One handler of one agent. */
export class HandlerTiming {
  readonly agent: string;
  readonly type: string;
  /** Brief ones in succession. */
  runs = 0;

  constructor(agent: string, type: string) {
    this.agent = agent;
    this.type = type;
  }

  get isBrief(): boolean {
    return this.runs >= briefRuns;
  }
}

/** An agent, some of whose handlers may go on after an await. */
export interface LongRunner {
  /** Those that have begun and not ended. */
  suspended(): readonly HandlerTiming[];
  /** None has for a while: it says so when one does again. */
  forgotten(): void;
}

export class LagMonitor implements TurnWatch, Timer, LagFigures {
  lags = 0;
  longestLagMs = 0;
  due = 0;
  order = 0;
  place = -1;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #warnMs: number;
  readonly #tickMs: number;
  /** The last reading: whoever held the loop before it has been found. */
  #mark = 0;
  /** Brief handlers that have run since then; the first `#noted` count. */
  readonly #brief: HandlerTiming[] = [];
  #noted = 0;
  /** Handlers that have gone on after an await and ended since then; the first `#endings` count. */
  readonly #ended: HandlerTiming[] = [];
  #endings = 0;
  readonly #longRunners = new Set<LongRunner>();
  /** Something other than the first part of handlers may have run since the last reading. */
  #mixed = false;

  constructor(clock: Clock, log: Log, warnMs: number) {
    this.#clock = clock;
    this.#log = log;
    this.#warnMs = warnMs;
    this.#tickMs = Math.max(1, warnMs / ticksPerWarning);
  }

  /** A brief handler is about to run. */
  note(timing: HandlerTiming): void {
    this.#brief[this.#noted++] = timing;
  }

  /** A handler is about to run that is timed by itself. Returns what `end` wants. */
  begin(): number {
    const now = this.#clock.monotonic();
    this.read(now);
    return now;
  }

  /** Its first part, up to its end or to its first await, is over. */
  end(timing: HandlerTiming, began: number): void {
    const now = this.#clock.monotonic();
    const heldMs = now - began;
    if (heldMs < briefMs) timing.runs += 1;
    else if (timing.runs > 0) timing.runs = 0;
    if (heldMs > this.#warnMs) {
      timing.runs = -distrustedRuns;
      this.#heldBy({ agent: timing.agent, type: timing.type }, heldMs);
    }
    this.#restart(now);
  }

  /** Runs a hook. */
  time<Result>(agent: string, hook: string, run: () => Result): Result {
    const began = this.#clock.monotonic();
    try {
      return run();
    } finally {
      const now = this.#clock.monotonic();
      if (now - began > this.#warnMs) {
        this.#heldBy({ agent, hook }, now - began);
        this.#restart(now);
      }
    }
  }

  /** A handler of the agent goes on after its first await, the first one that does. */
  remember(runner: LongRunner): void {
    this.#longRunners.add(runner);
  }

  /** A handler that has gone on has ended. */
  ended(timing: HandlerTiming): void {
    this.#ended[this.#endings++] = timing;
  }

  /** The clock was read. The event loop has not slept since the last reading. */
  read(now: number): void {
    if (now - this.#mark > doubtMs) this.#judge(now - this.#mark);
    this.#restart(now);
  }

  turnBegins(now: number): void {
    this.#mixed = true;
    if (this.place >= 0) this.#readAfterSleep(now);
    else this.#restart(now);
  }

  turnGoesOn(): void {
    this.#mixed = true;
  }

  loopCameRound(): void {
    const now = this.#clock.monotonic();
    this.#mixed = true;
    this.read(now);
    if (this.place < 0 && this.#longRunners.size > 0) this.#armTick(now);
  }

  /** The tick: it is late when the loop was held. */
  expire(): void {
    const now = this.#clock.monotonic();
    this.#mixed = true;
    this.#readAfterSleep(now);
    for (const runner of this.#longRunners) {
      if (runner.suspended().length > 0) continue;
      this.#longRunners.delete(runner);
      runner.forgotten();
    }
    if (this.#longRunners.size > 0) this.#armTick(now);
  }

  #armTick(now: number): void {
    (this.#clock.background ?? this.#clock).armAt(this, now + this.#tickMs);
  }

  // The loop would have woken for the tick: what is certain is only the time since then.
  #readAfterSleep(now: number): void {
    const heldMs = now - Math.max(this.#mark, this.due);
    if (heldMs > doubtMs) this.#judge(heldMs);
    this.#restart(now);
  }

  #restart(now: number): void {
    this.#mark = now;
    this.#noted = 0;
    this.#mixed = false;
    this.#endings = 0;
  }

  #judge(heldMs: number): void {
    const brief = this.#brief.slice(0, this.#noted);
    const isHeld = heldMs > this.#warnMs;
    for (const timing of brief) timing.runs = isHeld ? -distrustedRuns : 0;
    if (!isHeld) return;
    const suspects = new Set(brief);
    if (this.#mixed) for (const timing of this.#goingOn()) suspects.add(timing);
    const [first] = suspects;
    if (first === undefined) return;
    // A single one that has run in between is not certainly the one when other code has, too.
    if (suspects.size > 1 || (this.#mixed && brief.length > 0)) this.#heldByOneOf([...suspects], heldMs);
    else this.#heldBy({ agent: first.agent, type: first.type, ...(this.#mixed && { part: "after an await" }) }, heldMs);
  }

  #goingOn(): HandlerTiming[] {
    return [...this.#ended.slice(0, this.#endings), ...[...this.#longRunners].flatMap((runner) => runner.suspended())];
  }

  #heldBy(who: LogFields, heldMs: number): void {
    this.#count(heldMs);
    this.#log.warn("event loop held by a handler", { ...who, heldMs: Math.round(heldMs), hint });
  }

  #heldByOneOf(suspects: readonly HandlerTiming[], heldMs: number): void {
    this.#count(heldMs);
    this.#log.warn("event loop held, maybe by one of these handlers", { handlers: namesOf(suspects), heldMs: Math.round(heldMs), hint });
  }

  #count(heldMs: number): void {
    this.lags += 1;
    this.longestLagMs = Math.max(this.longestLagMs, heldMs);
  }
}

function namesOf(timings: readonly HandlerTiming[]): string {
  const names = timings.slice(0, namedMax).map(({ agent, type }) => `${agent} ${type}`);
  return timings.length > namedMax ? `${names.join(", ")} and ${timings.length - namedMax} more` : names.join(", ");
}
