// When a thread of its own pays: `bun test/bench/workers.bench.ts`. The same handler in place, on a worker and on a pool of two,
// by how long it computes; what one question costs alone; and what large bytes cost.

import { join } from "node:path";
import { ActonApp, type AgentHandle, silentLog } from "acton";
import { bounceInPlace, bounceOnWorker, Bounce } from "./worker-application.ts";
import { Burn, inPlace, pair, worker } from "../soak/parts/worker-service.ts";

const computed = [0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];
const msEach = 400;

await using burning = ActonApp.launch({ module: join(import.meta.dir, "../soak/parts/worker-service.ts"), log: silentLog });
const places = { "in place": await burning.start(inPlace), worker: await burning.start(worker), "pool of 2": await burning.start(pair) };
console.log(
  `computes       ${Object.keys(places)
    .map((place) => place.padStart(12))
    .join("")}   handlers/s, 32 askers at once; then µs for one alone`,
);
for (const ms of computed) {
  const rates = await inTurn(Object.values(places), (handle) => perSecond(handle, ms, 32));
  const alone = await inTurn(Object.values(places), (handle) => perSecond(handle, ms, 1));
  const shown = [...rates.map((rate) => rate.toFixed(0)), ...alone.map((rate) => (1e6 / rate).toFixed(0))];
  console.log(`${String(ms * 1000).padStart(6)} µs     ${shown.map((text) => text.padStart(12)).join("")}`);
}

await using moving = ActonApp.launch({ module: join(import.meta.dir, "worker-application.ts"), log: silentLog });
const bouncers = { "in place": await moving.start(bounceInPlace), worker: await moving.start(bounceOnWorker) };
for (const kib of [1, 64, 255, 256, 1024, 8192]) {
  const times = await inTurn(Object.values(bouncers), (handle) => usThereAndBack(handle, kib * 1024));
  console.log(`${String(kib).padStart(6)} KiB there and back ${times.map((us) => `${us.toFixed(0).padStart(8)} µs`).join("")}`);
}

async function inTurn<From, To>(all: readonly From[], measure: (each: From) => Promise<To>): Promise<To[]> {
  const results: To[] = [];
  for (const each of all) results.push(await measure(each));
  return results;
}

async function perSecond(handle: AgentHandle<typeof Burn>, ms: number, askers: number): Promise<number> {
  const started = performance.now();
  let done = 0;
  const ask = async (): Promise<void> => {
    for (; performance.now() < started + msEach; done++) await handle.ask(Burn, { ms });
  };
  await Promise.all(Array.from({ length: askers }, ask));
  return (done * 1000) / (performance.now() - started);
}

async function usThereAndBack(handle: AgentHandle<typeof Bounce>, bytes: number): Promise<number> {
  const started = performance.now();
  let done = 0;
  for (; performance.now() < started + msEach; done++) await handle.ask(Bounce, { bytes: new Uint8Array(bytes) });
  return ((performance.now() - started) * 1000) / done;
}
