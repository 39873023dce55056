// What a thread runs outside of the executable, where modules lie on the disk as they are.

import { ActonError } from "../errors.ts";
import { isRecord } from "../record.ts";
import type { WorkerApplication } from "./program.ts";
import { runThread } from "./run-thread.ts";

function isApplication(exported: unknown): exported is WorkerApplication {
  return isRecord(exported) && Array.isArray(exported["agents"]);
}

async function load(module: string): Promise<WorkerApplication> {
  const loaded: { readonly default?: unknown } = await import(module);
  if (isApplication(loaded.default)) return loaded.default;
  throw new ActonError("START_FAILED", `${module} has no default export that is an application: it needs 'export default app({ … })'`);
}

runThread(load);
