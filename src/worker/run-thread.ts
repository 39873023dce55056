// The one way into a worker thread, wherever its application comes from.

import { SystemClock } from "../clock.ts";
import { processHost } from "../host.ts";
import { parentPort } from "./bun-threads.ts";
import { runWorker, type WorkerApplication } from "./program.ts";

/** Runs until the thread is ended. `load` imports what has the application, and rejects with what is wrong with it. */
export function runThread(load: (module: string) => Promise<WorkerApplication>): void {
  const clock = new SystemClock();
  runWorker({ port: parentPort(), host: processHost(clock), clock, load });
}
