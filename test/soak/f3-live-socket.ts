// F3: eight connections to a live server at once, over and over: frames good and damaged, in pieces of any size, left by a
// half-close, a reset or a clean end. The server serves a witness all the while, and nothing is left behind.

import { readdirSync } from "node:fs";
import { acton } from "../../src/ipc/wire/acton.ts";
import { bare } from "../../src/ipc/wire/bare.ts";
import { FrameDecoder } from "../../src/ipc/wire/frame-decoder.ts";
import { eventually, oneRound } from "../support/conditions.ts";
import { type LogLine, recordingLog } from "../support/system.ts";
import { request, TestServer } from "../support/test-server.ts";
import { Chance } from "./parts/chance.ts";
import { mutated } from "./parts/mutation.ts";
import { frameBytesMax, freshFrame, seedFrames, withLength } from "./parts/seed-frames.ts";
import type { SoakCheck } from "./check.ts";

const connections = 8;
const framesPerSessionMax = 200;
const answerMs = 10_000;
const settled = { activeConnections: 1, requestsInFlight: 0, streamsOpen: 0, requestsWaiting: 0, subscriptions: 0, unfinishedBytes: 0 };

export interface SocketTally {
  /** Frames that the kernel has taken whole. */
  frames: number;
  sessions: number;
  /** Frames as the server has counted them: where a length was damaged it sees others, or none. */
  framesReceived: number;
  /** The witness's requests, each answered as it should be. */
  witnessed: number;
  /** Milliseconds within which 99 of 100 of them were answered. */
  witnessP99Ms: number;
  fdsBefore: number;
  fdsAfter: number;
  readonly faults: string[];
}

const f3: SoakCheck = {
  id: "F3",
  title: "Damaged frames over live sockets",
  pass: "200,000 frames over 8 connections: server alive, as many open files as before, a witness served throughout",
  async run({ rounds: cases = 200_000, seed = 1 }) {
    const { frames, sessions, framesReceived, witnessed, witnessP99Ms, fdsBefore, fdsAfter, faults } = await fuzzSockets(cases, seed);
    return {
      figure:
        `${frames.toLocaleString("en")} frames in ${sessions} sessions, seed ${seed}: server alive, ${faults.length} faults, ${fdsBefore} open files before ` +
        `and ${fdsAfter} after, witness served ${witnessed} times, p99 ${witnessP99Ms.toFixed(1)} ms; ${framesReceived} frames received ${faults.join("; ")}`.trimEnd(),
      passed: faults.length === 0 && fdsAfter === fdsBefore && frames >= cases,
    };
  },
};

export async function fuzzSockets(cases: number, seed: number): Promise<SocketTally> {
  const lines: LogLine[] = [];
  await using server = await TestServer.start({ config: { maxMessageSize: frameBytesMax }, log: recordingLog(lines), systemTime: true });
  const tally = { frames: 0, sessions: 0, witnessed: 0, faults: [] as string[] };
  const witness = witnessOf(server);
  await eventually(() => witness.answered > 0, "the witness's first answer");
  const fdsBefore = openFiles();
  await Promise.all(
    Array.from({ length: connections }, async (_, lane) => {
      for (let number = 0; tally.frames < cases && tally.faults.length < 10; number++) {
        try {
          await session(server.path, new Chance(seed * 1_000_003 + number * connections + lane), tally);
        } catch (error) {
          tally.faults.push(`lane ${lane} session ${number}: ${String(error)}`);
        }
      }
    }),
  );
  const witnessFault = await witness.end();
  if (witnessFault !== undefined) tally.faults.push(witnessFault);
  await server
    .until(({ listener }) => JSON.stringify(figuresOf(listener.stats())) === JSON.stringify(settled))
    .catch(() => {
      tally.faults.push(`left behind: ${JSON.stringify(figuresOf(server.listener.stats()))}`);
    });
  await eventually(() => openFiles() === fdsBefore).catch(() => {});
  tally.faults.push(...lines.filter(({ level }) => level === "error").map(({ message, fields }) => `logged: ${message} ${JSON.stringify(fields)}`));
  return {
    ...tally,
    framesReceived: server.listener.stats().framesReceived,
    witnessed: witness.answered,
    witnessP99Ms: witness.p99(),
    fdsBefore,
    fdsAfter: openFiles(),
  };
}

function figuresOf(stats: typeof settled): typeof settled {
  const { activeConnections, requestsInFlight, streamsOpen, requestsWaiting, subscriptions, unfinishedBytes } = stats;
  return { activeConnections, requestsInFlight, streamsOpen, requestsWaiting, subscriptions, unfinishedBytes };
}

function openFiles(): number {
  return readdirSync("/proc/self/fd").length;
}

/** Asks one thing after another on a connection of its own. */
function witnessOf(server: TestServer): { readonly answered: number; p99(): number; end(): Promise<string | undefined> } {
  const times: number[] = [];
  let going = true;
  const done = (async () => {
    const client = await server.connect();
    while (going) {
      const number = times.length;
      const begun = performance.now();
      const late = Promise.withResolvers<never>();
      const timer = setTimeout(() => late.reject(new Error(`no answer within ${answerMs} ms`)), answerMs);
      const answer = await Promise.race([client.ask(request("echo", "Echo", { number }, { request_id: `w${number}` })), late.promise]);
      clearTimeout(timer);
      if (!Bun.deepEquals(answer, { request_id: `w${number}`, success: true, payload: { number }, error: null })) {
        throw new Error(`answer ${JSON.stringify(answer)} to request ${number}`);
      }
      times.push(performance.now() - begun);
      await oneRound();
    }
  })().then(
    () => undefined,
    (error: unknown) => `the witness: ${String(error)}`,
  );
  return {
    get answered() {
      return times.length;
    },
    p99: () => times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0,
    end() {
      going = false;
      return done;
    },
  };
}

const seeds = seedFrames().filter((bytes) => keepsConnection(bytes));
const seedsOf = { acton: seeds.filter((bytes) => isActon(bytes)), bare: seeds.filter((bytes) => !isActon(bytes)) };

function isActon(bytes: Buffer): boolean {
  return bytes[4] === 1 || bytes[4] === 2;
}

/** A frame that ends its connection is for damage to make: else no session would be long. */
function keepsConnection(bytes: Buffer): boolean {
  const dialect = isActon(bytes) ? acton : bare;
  const decoder = new FrameDecoder(frameBytesMax);
  decoder.push(bytes);
  const frame = decoder.next(dialect.headerLength);
  if (frame === undefined) return false;
  const packet = dialect.decode(frame, { depth: 127, tokens: 10_000 });
  return packet.kind !== "leave" && !(packet.kind === "malformed" && packet.closes);
}

async function session(path: string, chance: Chance, tally: { frames: number; sessions: number }): Promise<void> {
  const dialect = chance.one(["bare", "acton"] as const);
  const damage = chance.one([2, 10, 50, 500]);
  const session = Array.from({ length: 1 + chance.below(framesPerSessionMax) }, () => {
    const base = chance.oncein(6) ? freshFrame(chance, dialect) : chance.one(seedsOf[dialect]);
    return chance.oncein(damage) ? withLength(mutated(base, seedsOf[dialect], chance), chance) : base;
  });
  const bytes = Buffer.concat(session);
  const socket = await DeafClient.connect(path);
  const chunkMax = chance.one([16, 300, 4096, 65_536]);
  let sent = 0;
  while (sent < bytes.length && !socket.closed) {
    sent += await socket.write(bytes.subarray(sent, sent + 1 + chance.below(chunkMax)));
    if (chance.oncein(chunkMax > 300 ? 2 : 40)) await oneRound();
  }
  for (const frame of session) {
    sent -= frame.length;
    if (sent >= 0) tally.frames += 1;
  }
  tally.sessions += 1;
  await socket.leave(chance.one(["halfClose", "reset", "end"]));
}

/** Writes, and throws away what comes. */
class DeafClient {
  closed = false;
  #socket: Bun.Socket<undefined> | undefined;
  #changed = Promise.withResolvers<void>();

  static async connect(path: string): Promise<DeafClient> {
    const client = new DeafClient();
    client.#socket = await Bun.connect<undefined>({
      unix: path,
      allowHalfOpen: true,
      data: undefined,
      socket: {
        data() {},
        drain: () => client.#change(),
        end(socket) {
          socket.end();
        },
        close() {
          client.closed = true;
          client.#change();
        },
        error() {},
      },
    });
    return client;
  }

  /** How many of the bytes went; waits when none did. */
  async write(bytes: Uint8Array): Promise<number> {
    const taken = Math.max(0, this.#socket?.write(bytes) ?? 0);
    if (taken < bytes.length && !this.closed) await this.#changed.promise;
    return taken;
  }

  /** Waits until the connection is gone; a half-close gives the server a while to answer first. */
  async leave(way: "halfClose" | "reset" | "end"): Promise<void> {
    if (way === "halfClose") {
      this.#socket?.shutdown();
      for (let round = 0; round < 100 && !this.closed; round++) await oneRound();
    }
    if (way === "end") this.#socket?.end();
    else this.#socket?.terminate();
    await eventually(() => this.closed, "the close of a fuzzing client");
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

export const checks = [f3];
