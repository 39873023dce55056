// W1 to W3: what agents on threads of their own are for. That a heavy handler keeps nobody waiting, that two threads do twice
// the work, and that a thread which never comes back costs its own callers an error and nobody anything else.

import { join } from "node:path";
import { ActonApp, type AgentHandle, silentLog } from "acton";
import { request } from "../support/test-server.ts";
import type { SoakCheck } from "./check.ts";
import { callTimes, mib, percentile } from "./parts/measures.ts";
import { Served } from "./parts/served.ts";
import { Burn, inPlace, pair, worker } from "./parts/worker-service.ts";

const module = join(import.meta.dir, "parts/worker-service.ts");

/** Milliseconds of the calls to a light agent while another handler runs for 20 ms again and again, by where that runs. */
export async function probeTimes(msEach: number): Promise<ReadonlyMap<"in-place" | "worker", readonly number[]>> {
  await using server = await Served.start({ module });
  await using probe = await server.connect();
  await using heavy = await server.connect();
  const times = new Map<"in-place" | "worker", readonly number[]>();
  for (const place of ["in-place", "worker"] as const) {
    let goesOn = true;
    const load = (async () => {
      for (let n = 0; goesOn; n++) await heavy.ask(request(place, "Burn", { ms: 20 }, { request_id: `${place}${n}` }));
    })();
    times.set(place, await callTimes(probe, msEach));
    goesOn = false;
    await load;
  }
  return times;
}

/** Handlers of 200 µs done in a second, by where they run. The compiler has so long to get ready before that. */
export async function throughput(seconds: number, warmUpSeconds: number): Promise<ReadonlyMap<"in place" | "one thread" | "two threads", number>> {
  await using runtime = ActonApp.launch({ module, log: silentLog });
  const handles = {
    "in place": await runtime.start(inPlace),
    "one thread": await runtime.start(worker),
    "two threads": await runtime.start(pair),
  };
  const done = new Map<keyof typeof handles, number>();
  for (const [place, handle] of Object.entries(handles) as [keyof typeof handles, (typeof handles)["in place"]][]) {
    await burnsPerSecond(handle, warmUpSeconds);
    done.set(place, await burnsPerSecond(handle, seconds));
  }
  return done;
}

async function burnsPerSecond(handle: AgentHandle<typeof Burn>, seconds: number): Promise<number> {
  const started = performance.now();
  const end = started + seconds * 1000;
  let done = 0;
  const askers = Array.from({ length: 32 }, async () => {
    while (performance.now() < end) {
      await handle.ask(Burn, { ms: 0.2 });
      done += 1;
    }
  });
  await Promise.all(askers);
  return (done * 1000) / (performance.now() - started);
}

export interface Kills {
  readonly asked: number;
  readonly answered: number;
  /** Were being handled, or waited too long behind a loop. */
  readonly failed: ReadonlyMap<string, number>;
  readonly wrong: number;
  readonly grownBytes: number;
}

/** An agent that is told to loop for ever so often, while eight clients ask it for other things. */
export async function kills(times: number): Promise<Kills> {
  await using server = await Served.start({ module });
  await using assassin = await server.connect();
  const failed = new Map<string, number>();
  let goesOn = true;
  let asked = 0;
  let answered = 0;
  let wrong = 0;
  const clients = Array.from({ length: 8 }, async (_, client) => {
    await using connection = await server.connect();
    for (let n = 0; goesOn; n++) {
      asked += 1;
      const answer = await connection.ask(request("fragile", "Write", { n }, { request_id: `${client}.${n}` }));
      const code = answer["error_code"];
      if ((answer["payload"] as { n?: number } | undefined)?.n === n) answered += 1;
      else if (typeof code === "string") failed.set(code, (failed.get(code) ?? 0) + 1);
      else wrong += 1;
    }
  });
  const memory: number[] = [];
  for (let n = 0; n < times; n++) {
    memory.push(server.rssBytes);
    await Bun.sleep(150);
    const answer = await assassin.ask(request("fragile", "Spin", {}, { request_id: `spin${n}` }));
    if (answer["error_code"] !== "AGENT_STOPPED") wrong += 1;
  }
  goesOn = false;
  await Promise.all(clients);
  // It goes up and down by some MiB; and threads leave memory behind that is used again, which the first ones make.
  const fifth = Math.ceil(times / 5);
  const grownBytes = percentile(memory.slice(-fifth), 0.5) - percentile(memory.slice(fifth, 2 * fifth), 0.5);
  return { asked, answered, failed, wrong, grownBytes };
}

export const checks: readonly SoakCheck[] = [
  {
    id: "W1",
    title: "A handler that computes for 20 ms, again and again, and calls to another agent beside it, over the socket",
    pass: "with the heavy agent on a worker the other's p99 < 2 ms",
    async run({ seconds = 20 }) {
      const times = await probeTimes((seconds * 1000) / 2);
      const shown = [...times].map(
        ([place, all]) => `${place} p50 ${percentile(all, 0.5).toFixed(2)} ms, p99 ${percentile(all, 0.99).toFixed(2)} ms of ${all.length}`,
      );
      return { figure: shown.join("; "), passed: percentile(times.get("worker") ?? [], 0.99) < 2 };
    },
  },
  {
    id: "W2",
    title: "A handler of 200 µs on the runtime’s thread, on one worker and on a pool of two, in process, on two cores",
    pass: "two threads do ≥ 1.7 × what one does",
    async run({ seconds = 24 }) {
      const done = await throughput(seconds / 6, seconds / 6);
      const one = Math.max(done.get("in place") ?? 0, done.get("one thread") ?? 0);
      const ratio = (done.get("two threads") ?? 0) / one;
      const shown = [...done].map(([place, rate]) => `${place} ${Math.round(rate)}/s`);
      return { figure: `${shown.join(", ")}: ${ratio.toFixed(2)} × the better of one`, passed: ratio >= 1.7 };
    },
  },
  {
    id: "W3",
    title: "A worker that is told to loop for ever, and ended, under the load of eight clients",
    pass: "100 kills: each request has one outcome, memory < 10 MiB more in the last 20 than in the second 20",
    async run({ rounds = 100 }) {
      const { asked, answered, failed, wrong, grownBytes } = await kills(rounds);
      const failures = [...failed].map(([code, count]) => `${count} ${code}`).join(", ");
      const lost = asked - answered - [...failed.values()].reduce((sum, count) => sum + count, 0) - wrong;
      const figure = `${rounds} kills, ${asked} requests: ${answered} answered, ${failures || "none failed"}, ${wrong} wrong, ${lost} without an outcome; memory ${mib(grownBytes)} more`;
      return { figure, passed: wrong === 0 && lost === 0 && grownBytes < 10 * 2 ** 20 };
    },
  },
];
