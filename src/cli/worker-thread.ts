// A thread of the executable: runs one agent of the application module that is served.

import { SystemClock } from "../clock.ts";
import { processHost } from "../host.ts";
import { parentPort } from "../worker/bun-threads.ts";
import { runWorker } from "../worker/program.ts";
import { loadApplication } from "./serve.ts";

export function runThread(): void {
  runWorker({ port: parentPort(), host: processHost(new SystemClock()), load: loadApplication });
}
