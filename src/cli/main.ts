// The executable's entry.

import { runCommandLine } from "./command-line.ts";
import { commandLine } from "./tree/program.ts";

// The same executable runs the threads of the agents that have their own.
if (Bun.isMainThread) process.exit(await runCommandLine(Bun.argv.slice(2), commandLine));
else (await import("./worker-thread.ts")).runServedThread();
