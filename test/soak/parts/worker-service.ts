// What is served while workers are checked: the same heavy handler on the runtime's thread, on one of its own and on two; a
// light one beside it; and an agent that loops for ever when it is told to.

import { agent, app, message, pool } from "acton";
import { z } from "zod";

const Echoed = message("Echoed", z.json());
const Echo = message("Echo", z.json()).replies(Echoed);
const Burnt = message("Burnt", { rounds: z.number() });
export const Burn = message("Burn", { ms: z.number() }).replies(Burnt);
const Spin = message("Spin", {}).replies(Burnt);
const Written = message("Written", { n: z.int() });
const Write = message("Write", { n: z.int() }).replies(Written);

export const plain = agent("plain", () => ({})).actOn(Echo, ({ message: given }) => given);

const burner = (name: string) => agent(name, () => ({})).actOn(Burn, ({ message: { ms } }) => ({ rounds: burn(ms) }));
export const inPlace = burner("in-place");
export const worker = burner("worker").runOn("worker");
export const pair = burner("pair").runOn(pool({ size: 2 }));

const fragile = agent("fragile", () => ({}))
  .mutateOn(Write, ({ message: { n } }) => ({ n }))
  .mutateOn(Spin, () => {
    for (;;);
  })
  .runOn("worker", { stuckMs: 200 });

export default app({ name: "workers", agents: [plain, inPlace, worker, pair, fragile] });

/** Holds its thread for so long. */
function burn(ms: number): number {
  const end = performance.now() + ms;
  let rounds = 0;
  while (performance.now() < end) rounds += 1;
  return rounds;
}
