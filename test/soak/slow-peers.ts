// X2: clients that do not read, whose process is stopped, that send a byte a second, that shut their side and stay, that say
// nothing, that fill every place with the largest requests. They cost a bounded amount, disturb nobody, and are gone in time.

import type { RawClient } from "../support/raw-client.ts";
import type { SoakCheck } from "./check.ts";
import { Attack } from "./parts/attack.ts";
import { callTimes, type Figures, figuresOf, mib, percentile } from "./parts/measures.ts";
import { Served } from "./parts/served.ts";

export interface Crowding {
  /** Readers that never read, the same stopped, frames of a byte a second, half-open, silent. */
  readonly unread: number;
  readonly stopped: number;
  readonly dribbling: number;
  readonly halfOpen: number;
  readonly silent: number;
  /** Clients that each fill all their places with requests of 1 MB. */
  readonly holding: number;
  /** Each of the three deadlines, in seconds. */
  readonly deadline: number;
}

export interface Endured {
  readonly peakBytes: number;
  readonly boundBytes: number;
  readonly times: readonly number[];
  /** When the last of each kind was gone, in seconds after all had come; undefined when not all of them were. */
  readonly slowAfter: number | undefined;
  readonly lateAfter: number | undefined;
  readonly idleAfter: number | undefined;
  readonly figures: Figures;
}

export async function endure(crowd: Crowding): Promise<Endured> {
  const { unread, stopped, dribbling, halfOpen, silent, holding, deadline } = crowd;
  const total = unread + stopped + dribbling + halfOpen + silent + holding;
  const ms = deadline * 1000;
  const config = { MAX_CONNECTIONS: total + 10, WRITE_TIMEOUT_MS: ms, FRAME_TIMEOUT_MS: ms, CONNECTION_TIMEOUT_MS: ms };
  await using server = await Served.start({ config });
  await using good = await server.connect();
  await using watch = await server.connect();
  const attacks = await Promise.all([
    Attack.begin(server.socket, "unread", unread),
    Attack.begin(server.socket, "unread", stopped),
    // Often enough never to be idle.
    Attack.begin(server.socket, "dribble", dribbling, Math.min(1000, ms / 4)),
    Attack.begin(server.socket, "halfOpen", halfOpen),
    Attack.begin(server.socket, "silent", silent),
    Attack.begin(server.socket, "hold", holding),
  ]);
  try {
    attacks[1].freeze();
    const calls = callTimes(good, ms + 3000);
    // The good client, the one that watches, and those whose requests are still in flight.
    const expected = { slow: unread + stopped, late: dribbling, idle: silent, left: 2 + holding };
    const after = await untilGone(watch, expected, ms + 3000);
    const times = await calls;
    return { ...after, times, peakBytes: server.peakBytes, boundBytes: server.memoryBoundBytes, figures: await figuresOf(watch) };
  } finally {
    for (const attack of attacks) await attack[Symbol.asyncDispose]();
  }
}

interface Counts {
  readonly slow: number;
  readonly late: number;
  readonly idle: number;
  /** Connections that stay. */
  readonly left: number;
}

/** For a busy machine: when they are gone is measured, whether they are is waited for. */
const patienceMs = 15_000;

type Gone = Pick<Endured, "slowAfter" | "lateAfter" | "idleAfter">;

/** Watches for so long, and on until all are gone. */
async function untilGone(watch: RawClient, expected: Counts, ms: number): Promise<Gone> {
  const started = performance.now();
  let left = Infinity;
  const gone: { -readonly [Name in keyof Gone]: Gone[Name] } = { slowAfter: undefined, lateAfter: undefined, idleAfter: undefined };
  const isOver = (elapsed: number): boolean => {
    const allGone = gone.slowAfter !== undefined && gone.lateAfter !== undefined && gone.idleAfter !== undefined && left <= expected.left;
    return elapsed >= ms + (allGone ? 0 : patienceMs);
  };
  while (!isOver(performance.now() - started)) {
    const { closedSlow, closedIdle, protocolErrors, activeConnections } = await figuresOf(watch);
    left = activeConnections;
    const now = (performance.now() - started) / 1000;
    if (closedSlow >= expected.slow) gone.slowAfter ??= now;
    if (protocolErrors >= expected.late) gone.lateAfter ??= now;
    if (closedIdle >= expected.idle) gone.idleAfter ??= now;
    await Bun.sleep(50);
  }
  return gone;
}

export const checks: readonly SoakCheck[] = [
  {
    id: "X2",
    title:
      "Slow and dead peers at once: 200 that never read, 200 stopped, 1,000 with a byte a second, 100 half-open, 100 silent, 20 that fill their places with 1 MB requests; deadlines of 6 s",
    pass: "memory ≤ the printed bound, a good client's p99 < 5 ms, all closed at their deadline ± 1 s under the right counter",
    async run() {
      const crowd = { unread: 200, stopped: 200, dribbling: 1000, halfOpen: 100, silent: 100, holding: 20, deadline: 6 };
      const seen = await endure(crowd);
      // The bound grows with the connections: so once more with as many as are served by default, most of them greedy.
      const few = await endure({ unread: 20, stopped: 10, dribbling: 10, halfOpen: 0, silent: 0, holding: 50, deadline: 3 });
      const { figures, slowAfter, lateAfter, idleAfter } = seen;
      const p99 = percentile(seen.times, 0.99);
      const figure =
        `${mib(seen.peakBytes)} of ${mib(seen.boundBytes)} (with 100 connections ${mib(few.peakBytes)} of ${mib(few.boundBytes)}); p99 ${p99.toFixed(1)} ms; slow ${figures.closedSlow} after ${shown(slowAfter)}, ` +
        `late frames ${figures.protocolErrors} after ${shown(lateAfter)}, idle ${figures.closedIdle} after ${shown(idleAfter)}; ${figures.activeConnections} connections left`;
      const inTime = [slowAfter, lateAfter, idleAfter].every((after) => after !== undefined && Math.abs(after - crowd.deadline) <= 1);
      const counted = figures.closedSlow === 400 && figures.protocolErrors === 1000 && figures.closedIdle === 100;
      const left = figures.activeConnections === 2 + crowd.holding;
      return { figure, passed: seen.peakBytes <= seen.boundBytes && few.peakBytes <= few.boundBytes && p99 < 5 && inTime && counted && left };
    },
  },
];

function shown(seconds: number | undefined): string {
  return seconds === undefined ? "never" : `${seconds.toFixed(1)} s`;
}
