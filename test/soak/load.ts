// L1: everything at once for a while: 100 connections with calls, streams and pushes, beside others that come and go in every
// state. Books are kept on both sides, and what is left at the end is what there was at the beginning.

import { type Fields, RawClient } from "../support/raw-client.ts";
import { request, streamRequest } from "../support/test-server.ts";
import type { SoakCheck } from "./check.ts";
import { figuresOf, mib, slopeOf, within } from "./parts/measures.ts";
import { Served } from "./parts/served.ts";

export interface LoadOptions {
  readonly seconds: number;
  readonly connections: number;
  readonly churnPerSecond: number;
}

export interface Loaded {
  readonly calls: number;
  readonly items: number;
  readonly pushes: number;
  readonly pushesDropped: number;
  readonly churned: number;
  readonly churnFailed: number;
  /** Calls, items and pushes that are missing, double or out of order. */
  readonly faults: number;
  /** Growth of the server's memory after collection, MiB a minute, over the last two thirds. */
  readonly slope: number;
  /** The same of what its objects take of that. */
  readonly heapSlope: number;
  readonly rssBytes: number;
  readonly descriptorsMore: number;
  readonly unclean: number;
}

const books = { calls: 0, items: 0, pushes: 0, pushesDropped: 0, churned: 0, churnFailed: 0, faults: 0 };
type Books = typeof books;

export async function load({ seconds, connections, churnPerSecond }: LoadOptions): Promise<Loaded> {
  await using server = await Served.start({ config: { MAX_CONNECTIONS: connections + 2000 } });
  await using steering = await server.connect();
  // What the first timers of the process open stays open.
  await steering.ask(request("work", "Pause", { ms: 20 }));
  const descriptors = server.descriptors;
  const sum = { ...books };
  const end = performance.now() + seconds * 1000;
  await steering.ask(request("press", "Publishing", { everyMs: 20, count: 2, size: 200 }));
  const patterns = [calls, streams, pushes];
  const running = Array.from({ length: connections }, async (_, n) => {
    await using client = await server.connect();
    await (patterns[n % patterns.length] ?? calls)(client, sum, end);
  });
  const churning = churn(server.socket, sum, end, churnPerSecond);
  const samples: [number, number][] = [];
  const heapSamples: [number, number][] = [];
  let rssBytes = 0;
  while (performance.now() < end) {
    const inside = (await steering.ask(request("plain", "Inspect", { collect: true })))["payload"] as { readonly rss: number; readonly heap: number };
    rssBytes = inside.rss;
    samples.push([performance.now() / 60_000, inside.rss / 2 ** 20]);
    heapSamples.push([performance.now() / 60_000, inside.heap / 2 ** 20]);
    await Bun.sleep(Math.min(1000, seconds * 50));
  }
  await Promise.all([...running, churning]);
  await steering.ask(request("press", "Publishing", { everyMs: 0, count: 0, size: 0 }));
  const alone = await within(5000, async () => (await figuresOf(steering)).activeConnections === 1);
  const descriptorsMore = alone ? server.descriptors - descriptors : Infinity;
  const [slope, heapSlope] = [samples, heapSamples].map((all) => slopeOf(all.slice(Math.floor(all.length / 3))));
  return { ...sum, slope: slope ?? NaN, heapSlope: heapSlope ?? NaN, rssBytes, descriptorsMore, unclean: (await server.stop()) === 0 ? 0 : 1 };
}

/** Calls whose answers say how many came before from this connection: eight in flight. */
async function calls(client: RawClient, sum: Books, end: number): Promise<void> {
  let asked = 0;
  const ask = (): void => {
    client.send(request("ledger", "Tally", { n: asked }, { request_id: `c${asked}` }));
    asked += 1;
  };
  while (asked < 8) ask();
  for (let n = 0; n < asked; n++) {
    const { request_id: id, payload } = await client.next();
    const { n: said, seen } = payload as { readonly n: number; readonly seen: number };
    if (id !== `c${n}` || said !== n || seen !== n) sum.faults += 1;
    sum.calls += 1;
    await Bun.sleep(1);
    if (performance.now() < end) ask();
  }
}

async function streams(client: RawClient, sum: Books, end: number): Promise<void> {
  for (let round = 0; performance.now() < end; round++) {
    const count = (round * 37) % 200;
    client.send(streamRequest("streams", "Items", { count, size: (round * 101) % 2000 }, { request_id: `s${round}` }));
    for (let n = 0; n <= count; n++) {
      const frame = await client.next();
      const last = n === count;
      const wrong = frame["stream_id"] !== `s${round}` || frame["is_final"] !== last || frame["sequence"] !== n;
      if (wrong || (!last && (frame["payload"] as { readonly n: number }).n !== n)) sum.faults += 1;
      sum.items += last ? 0 : 1;
    }
    await Bun.sleep(5);
  }
}

async function pushes(client: RawClient, sum: Books, end: number): Promise<void> {
  let next = 0;
  const hear = (push: Fields): void => {
    const dropped = Number(push["dropped"] ?? 0);
    sum.pushesDropped += dropped;
    sum.pushes += 1;
    if (push["seq"] !== next) sum.faults += 1;
    next = Number(push["seq"]) + 1;
  };
  client.send({ message_types: ["News"] });
  while (performance.now() < end) {
    await client.until(() => client.frames.length > 0 || client.ended);
    hear(await client.next());
  }
}

/** Clients that come and go: after an answer, in the middle of a frame, without a word, with a call open. */
async function churn(path: string, sum: Books, end: number, perSecond: number): Promise<void> {
  const started = performance.now();
  let begun = 0;
  const open = new Set<Promise<void>>();
  while (performance.now() < end) {
    const due = Math.min(((performance.now() - started) / 1000) * perSecond, begun + 100);
    for (; begun < due && open.size < 200; begun++) {
      const one = visit(path, begun).then(
        () => void (sum.churned += 1),
        () => void (sum.churnFailed += 1),
      );
      open.add(one);
      void one.then(() => open.delete(one));
    }
    await Bun.sleep(2);
  }
  await Promise.all(open);
}

async function visit(path: string, n: number): Promise<void> {
  await using client = await RawClient.connect(path);
  if (n % 4 === 0) await client.ask(request("plain", "Echo", n));
  else if (n % 4 === 1) client.write(Buffer.from([0, 0, 1, 0, 0x7b, 0x22]));
  else if (n % 4 === 2) client.send(request("forever", "Hold", n));
}

export const checks: readonly SoakCheck[] = [
  {
    id: "L1",
    title: "Load: 100 connections with calls, streams and pushes, 1,000 connections a second that come and go in every state",
    pass: "60 s: nothing lost, double or out of order; memory < 1 MiB/min after 20 s; descriptors back to base",
    async run({ seconds = 60 }) {
      const seen = await load({ seconds, connections: 100, churnPerSecond: 1000 });
      const figure =
        `${seconds} s, ${seen.calls} calls, ${seen.items} items, ${seen.pushes} pushes (${seen.pushesDropped} dropped and told), ` +
        `${seen.churned} connections (${Math.round(seen.churned / seconds)}/s, ${seen.churnFailed} failed): ${seen.faults} lost, double or out of order; ` +
        `${seen.slope.toFixed(2)} MiB/min at ${mib(seen.rssBytes)}, of that objects ${seen.heapSlope.toFixed(2)} MiB/min; ${seen.descriptorsMore} descriptors more`;
      const clean = seen.faults === 0 && seen.churnFailed === 0 && seen.descriptorsMore === 0 && seen.unclean === 0;
      return { figure, passed: clean && seen.slope < 1 && seen.churned >= seconds * 900 };
    },
  },
];
