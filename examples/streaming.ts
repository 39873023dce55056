// A stream: one request, any number of items. The generator is held back to its reader's pace,
// so even an endless stream costs little more than what is read of it.
//
//   dist/acton serve examples/streaming.ts
//
// examples/clients/ shows how a client reads a stream.

import { agent, app, message } from "acton";
import { z } from "zod";

const Prime = message("Prime", { value: z.int() });
const ListPrimes = message("ListPrimes", { from: z.int().min(0), below: z.int().optional() }).streams(Prime);

const primes = agent("primes", () => ({})).actOn(ListPrimes, function* ({ message: { from, below = Infinity }, log, signal }) {
  try {
    for (let value = from; value < below; value++) if (isPrime(value)) yield { value };
  } finally {
    // Runs however the stream ends: after its last item, or because the reader has left.
    if (signal.aborted) log.info("the reader left early");
  }
});

function isPrime(value: number): boolean {
  for (let divisor = 2; divisor * divisor <= value; divisor++) if (value % divisor === 0) return false;
  return value > 1;
}

export default app({ name: "numbers", version: "1.0.0", agents: [primes] });
