// X3: a log that nobody reads, whose reader has gone, on a disk that is full; and clocks that jump. The server goes on as if
// nothing had happened, and counts what it could not say.

import { closeSync, constants, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { type Clock, ActonApp, SystemClock, silentLog, type Timer } from "acton";
import { temporaryDirectory } from "../cli/executable.ts";
import { RawClient } from "../support/raw-client.ts";
import { request } from "../support/test-server.ts";
import { Seen, testAgents } from "../support/test-services.ts";
import type { SoakCheck } from "./check.ts";
import { callTimes, percentile } from "./parts/measures.ts";
import { opened, Served } from "./parts/served.ts";

/** More than the log's queue and a pipe hold. */
const lines = 5000;

export interface Muted {
  readonly times: readonly number[];
  readonly alive: boolean;
  /** Lines that the log says it has dropped; undefined where it has nowhere to say so. */
  readonly dropped: number | undefined;
}

/** Calls beside a log of which much is written into each of these; `read` is one that is read, for comparison. */
export type Output = "read" | "stuck" | "gone" | "full";

export async function muted(output: Output, ms: number): Promise<Muted> {
  using directory = temporaryDirectory();
  const fifo = join(directory.path, "log");
  Bun.spawnSync(["mkfifo", fifo]);
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  let isOpen = true;
  try {
    using writer = opened(output === "full" ? "/dev/full" : fifo, constants.O_WRONLY);
    await using server = await Served.start(output === "read" ? {} : { stderr: writer.fd });
    await using client = await server.connect();
    if (output === "gone") {
      closeSync(reader);
      isOpen = false;
    }
    const noise = await server.connect();
    let done = false;
    const noisy = (async () => {
      while (!done) {
        await noise.ask(request("plain", "Say", { lines: lines / 10, text: "something to say" }));
        await Bun.sleep(10);
      }
    })();
    const times = await callTimes(client, ms);
    done = true;
    await noisy;
    for (let n = 0; n < 10; n++) await noise.ask(request("plain", "Say", { lines: lines / 10, text: "more to say" }));
    noise.destroy();
    const dropped = output === "stuck" ? await droppedIn(reader) : undefined;
    return { times, alive: server.isAlive, dropped };
  } finally {
    if (isOpen) closeSync(reader);
  }
}

/** Reads the pipe until the log says how many lines it has dropped. */
async function droppedIn(reader: number): Promise<number> {
  const buffer = Buffer.alloc(65_536);
  let text = "";
  for (let tries = 0; tries < 500; tries++) {
    try {
      text = text.slice(-10_000) + buffer.toString("utf8", 0, readSync(reader, buffer));
    } catch {
      await Bun.sleep(10);
    }
    const dropped = /"message":"log lines were dropped[^\n]*"dropped":(\d+)/.exec(text)?.[1];
    if (dropped !== undefined) return Number(dropped);
  }
  return 0;
}

/** The system's clock, whose time of day can be set. Monotonic time goes on, as the kernel's does. */
class SettableClock implements Clock {
  offsetMs = 0;
  readonly #clock = new SystemClock();

  now(): number {
    return this.#clock.now() + this.offsetMs;
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  arm(timer: Timer, delayMs: number): void {
    this.#clock.arm(timer, delayMs);
  }

  armAt(timer: Timer, due: number): void {
    this.#clock.armAt(timer, due);
  }

  disarm(timer: Timer): void {
    this.#clock.disarm(timer);
  }
}

/** Calls while the time of day jumps by an hour either way; what was cut off, closed or timed out shows in the figures. */
export async function jumpingClock(ms: number): Promise<{ readonly times: readonly number[]; readonly jumps: number; readonly faults: number }> {
  using directory = temporaryDirectory();
  const clock = new SettableClock();
  await using runtime = ActonApp.launch({ clock, log: silentLog });
  for (const blueprint of testAgents(new Seen()))
    runtime.ipcExpose(blueprint.name === "echo" ? "plain" : blueprint.name, await runtime.start(blueprint));
  const listener = await runtime.startIpcListener({ socketPath: join(directory.path, "s.sock"), rateLimit: { requestsPerSecond: 100_000 } });
  await using client = await RawClient.connect(listener.path);
  await using idle = await RawClient.connect(listener.path);
  idle.send(request("holder", "Hold", 1, { request_id: "held" }));
  let jumps = 0;
  const jumping = setInterval(() => {
    jumps += 1;
    clock.offsetMs = [3_600_000, 0, -3_600_000, 0][jumps % 4] ?? 0;
  }, 20);
  try {
    const times = await callTimes(client, ms);
    const { errors, connectionsClosedIdle, connectionsClosedSlow } = listener.stats();
    return { times, jumps, faults: errors + connectionsClosedIdle + connectionsClosedSlow + (idle.ended ? 1 : 0) };
  } finally {
    clearInterval(jumping);
    idle.destroy();
  }
}

export const checks: readonly SoakCheck[] = [
  {
    id: "X3",
    title: "The log's pipe is stuck, its reader has gone, the disk is full (`/dev/full`); the time of day jumps by an hour either way",
    pass: "alive, p99 < 2 × the one with a log that is read, drops counted; no call fails and nothing times out by a jump",
    async run({ seconds = 20 }) {
      const each = (seconds * 1000) / 5;
      const base = await muted("read", each);
      const p99 = percentile(base.times, 0.99);
      const outputs = ["stuck", "gone", "full"] as const;
      const seen: { readonly output: string; readonly p99: number; readonly alive: boolean; readonly dropped: number | undefined }[] = [];
      for (const output of outputs) {
        const one = await muted(output, each);
        seen.push({ output, p99: percentile(one.times, 0.99), alive: one.alive, dropped: one.dropped });
      }
      const jumped = await jumpingClock(each);
      const figure =
        `read p99 ${p99.toFixed(1)} ms, ` +
        seen.map((one) => `${one.output} ${one.p99.toFixed(1)} ms${one.dropped === undefined ? "" : ` (${one.dropped} lines dropped)`}`).join(", ") +
        `, ${seen.filter((one) => one.alive).length} of 3 alive; ${jumped.jumps} jumps, ${jumped.faults} faults`;
      const held = seen.every((one) => one.alive && one.p99 < 2 * p99) && seen.some((one) => (one.dropped ?? 0) > 0);
      return { figure, passed: held && jumped.faults === 0 && jumped.jumps > 0 };
    },
  },
];
