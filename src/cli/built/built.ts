// The program that `acton build` makes: what its entry, which acton writes, calls with the user's module.

import { runCommandLine } from "../command-line.ts";
import type { BuiltProgram } from "./built-program.ts";
import { builtCommandLine } from "./commands.ts";

/** Ends the process; but in a thread of one of the agents that have their own, runs that. */
export async function runBuilt(program: BuiltProgram): Promise<void> {
  if (Bun.isMainThread) process.exit(await runCommandLine(Bun.argv.slice(2), builtCommandLine(program)));
  (await import("./thread.ts")).runBuiltThread(program);
}
