// G1: a server that is told to stop under load, again and again. What its handlers have answered is what its clients have
// got, and no client sees more of the end than the end.

import { join } from "node:path";
import { temporaryDirectory } from "../cli/executable.ts";
import { request } from "../support/test-server.ts";
import type { SoakCheck } from "./check.ts";
import { BunClient, type DrainClient, PythonClient } from "./parts/drain-clients.ts";
import { figuresOf, percentile, within } from "./parts/measures.ts";
import { Served } from "./parts/served.ts";

export interface Restarts {
  /** Replies that a handler has given and no client has got, or the other way about. */
  readonly lost: number;
  readonly answered: number;
  readonly pushes: number;
  readonly unanswered: number;
  readonly cutStreams: number;
  readonly failed: number;
  readonly misordered: number;
  readonly resets: number;
  readonly unclean: number;
  readonly stopMs: readonly number[];
}

export async function restarts(rounds: number, clientsEach = 2, inFlight = 512): Promise<Restarts> {
  using directory = temporaryDirectory();
  const socket = join(directory.path, "s.sock");
  const clients: DrainClient[] = [];
  for (let n = 0; n < clientsEach; n++) clients.push(new BunClient(socket, inFlight), new PythonClient(socket, inFlight));
  const sum = { lost: 0, answered: 0, pushes: 0, unanswered: 0, cutStreams: 0, failed: 0, misordered: 0, resets: 0, unclean: 0 };
  const stopMs: number[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      await using server = await Served.start({}, socket);
      await using steering = await server.connect();
      await steering.ask(request("press", "Publishing", { everyMs: 5, count: 4, size: 100 }));
      const lives = clients.map((client) => client.live());
      // Told at another moment in each round: while they begin, and at the height of the load.
      if (!(await within(10_000, async () => (await figuresOf(steering)).activeConnections === clients.length + 1)))
        throw new Error("the clients do not come");
      await Bun.sleep((round % 20) * 10);
      const told = performance.now();
      const status = await server.stop();
      stopMs.push(performance.now() - told);
      sum.unclean += status === 0 ? 0 : 1;
      let answered = 0;
      for (const life of await Promise.all(lives)) {
        answered += life.answered;
        sum.pushes += life.pushes;
        sum.unanswered += life.unanswered;
        sum.cutStreams += life.cut;
        sum.failed += life.failed;
        sum.misordered += life.misordered;
        sum.resets += life.reset;
      }
      sum.answered += answered;
      sum.lost += Math.abs(server.answered - answered);
    }
  } finally {
    for (const client of clients) await client[Symbol.asyncDispose]();
  }
  return { ...sum, stopMs };
}

export const checks: readonly SoakCheck[] = [
  {
    id: "G1",
    title: "Restarts under load: SIGTERM under 2 Bun and 2 Python clients with 512 requests in flight each, streams and pushes running",
    pass: "100 restarts: 0 acknowledged replies lost, 0 resets, exit 0, p99 < 1 s",
    async run({ rounds = 100 }) {
      const seen = await restarts(rounds);
      const p99 = percentile(seen.stopMs, 0.99);
      const faults = seen.lost + seen.resets + seen.unclean + seen.unanswered + seen.cutStreams + seen.failed + seen.misordered;
      const figure =
        `${rounds} restarts, ${seen.answered} replies, ${seen.pushes} pushes: ${seen.lost} lost, ${seen.resets} resets, ${seen.unclean} exits other than 0, ` +
        `${seen.unanswered} unanswered, ${seen.cutStreams} streams cut, ${seen.failed} failed, ${seen.misordered} out of order, p99 ${p99.toFixed(0)} ms`;
      return { figure, passed: faults === 0 && seen.answered > 0 && seen.pushes > 0 && p99 < 1000 };
    },
  },
];
