// A thread of a built program: runs one agent of its application.

import { SystemClock } from "../../clock.ts";
import { processHost } from "../../host.ts";
import { parentPort } from "../../worker/bun-threads.ts";
import { runWorker } from "../../worker/program.ts";
import { builtApplication } from "./application.ts";
import type { BuiltProgram } from "./built-program.ts";

export function runBuiltThread(program: BuiltProgram): void {
  runWorker({ port: parentPort(), host: processHost(new SystemClock()), load: () => builtApplication(program) });
}
