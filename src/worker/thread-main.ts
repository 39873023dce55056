// What a thread runs outside of the executable, where modules lie on the disk as they are.

import { SystemClock } from "../clock.ts";
import { ActonError } from "../errors.ts";
import { processHost } from "../host.ts";
import { parentPort } from "./bun-threads.ts";
import { isApplication, runWorker, type WorkerApplication } from "./program.ts";

async function load(module: string): Promise<WorkerApplication> {
  const loaded: { readonly default?: unknown } = await import(module);
  if (isApplication(loaded.default)) return loaded.default;
  throw new ActonError("START_FAILED", `${module} has no default export that is an application: it needs 'export default app({ … })'`);
}

runWorker({ port: parentPort(), host: processHost(new SystemClock()), load });
