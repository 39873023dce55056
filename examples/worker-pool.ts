// Heavy work on other threads: the same agent, handles and errors, and nobody else waits for it.
//
//     acton serve examples/worker-pool.ts
//     acton call counter CountPrimes below=2000000
//     acton call clock WhatTime                       # answered at once, meanwhile

import { agent, app, message, pool } from "acton";
import { z } from "zod";

const PrimeCount = message("PrimeCount", { count: z.int() });
const CountPrimes = message("CountPrimes", { below: z.int().min(0).max(50_000_000) }).replies(PrimeCount);
const Time = message("Time", { iso: z.string() });
const WhatTime = message("WhatTime", {}).replies(Time);

// Two threads, each with a model of its own; a question goes to the one that has less to do. A handler that holds its thread
// for more than ten seconds is ended with it: its asker hears AGENT_STOPPED, and the pool starts another.
const counter = agent("counter", () => ({}))
  .actOn(CountPrimes, ({ message: { below } }) => ({ count: countPrimes(below) }))
  .runOn(pool({ size: 2, stuckMs: 10_000 }));

const clock = agent("clock", () => ({})).actOn(WhatTime, ({ clock: time }) => ({ iso: new Date(time.now()).toISOString() }));

// Each thread imports this module and takes the agent from here, by its name.
export default app({ name: "primes", agents: [counter, clock] });

/** The sieve of Eratosthenes: a long loop that awaits nothing. */
function countPrimes(below: number): number {
  const composite = new Uint8Array(below);
  let count = 0;
  for (let n = 2; n < below; n++) {
    if (composite[n] === 1) continue;
    count += 1;
    for (let multiple = n * n; multiple < below; multiple += n) composite[multiple] = 1;
  }
  return count;
}
