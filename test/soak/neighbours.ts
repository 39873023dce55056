// N1: what a well-behaved client feels of others that are not. Each storm goes on beside it, alone, for a while.

import { request } from "../support/test-server.ts";
import type { SoakCheck } from "./check.ts";
import { Attack, type AttackKind } from "./parts/attack.ts";
import { callTimes, percentile } from "./parts/measures.ts";
import { Served } from "./parts/served.ts";

const storms = ["blast", "waves", "cancel", "subscribe"] as const;

/** Milliseconds of the victim's calls beside each storm, and beside none. Every call is answered, or this rejects. */
export async function victimTimes(msEach: number): Promise<ReadonlyMap<string, readonly number[]>> {
  await using server = await Served.start();
  await using victim = await server.connect();
  const times = new Map<string, readonly number[]>([["calm", await callTimes(victim, msEach)]]);
  for (const storm of storms) {
    await using _ = storm === "waves" ? await waves(server) : await Attack.begin(server.socket, storm satisfies AttackKind, 1);
    times.set(storm, await callTimes(victim, msEach));
  }
  return times;
}

/** Broadcasts that are broadcast again as they come in. */
async function waves(server: Served): Promise<AsyncDisposable> {
  const client = await server.connect();
  await client.ask(request("sea", "Raise", { waves: 1000 }));
  return {
    async [Symbol.asyncDispose]() {
      await client.ask(request("sea", "Calm", {}));
      client.destroy();
    },
  };
}

export const checks: readonly SoakCheck[] = [
  {
    id: "N1",
    title: "Noisy neighbour: 256 KiB writes, a re-broadcast storm, a cancel storm, a subscription storm, one after the other",
    pass: "the victim's p99 < 5 ms",
    async run({ seconds = 40 }) {
      const times = await victimTimes((seconds * 1000) / (storms.length + 1));
      const p99s = [...times].map(([storm, all]) => [storm, percentile(all, 0.99), percentile(all, 0.5)] as const);
      const figure = p99s.map(([storm, p99, p50]) => `${storm} p99 ${p99.toFixed(1)} ms (p50 ${p50.toFixed(1)})`).join(", ");
      return { figure, passed: p99s.every(([storm, p99]) => storm === "calm" || p99 < 5) };
    },
  },
];
