// The program that `acton build` makes: what its entry, which acton writes, calls with the user's module.

import { runCommandLine } from "../command-line.ts";
import type { BuiltProgram } from "./built-program.ts";
import { builtCommandLine } from "./commands.ts";

/** Ends the process. */
export async function runBuilt(program: BuiltProgram): Promise<never> {
  process.exit(await runCommandLine(Bun.argv.slice(2), builtCommandLine(program)));
}
