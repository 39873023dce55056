// A thread of a built program: runs one agent of its application.

import { runThread } from "../../worker/run-thread.ts";
import { builtApplication } from "./application.ts";
import type { BuiltProgram } from "./built-program.ts";

export function runBuiltThread(program: BuiltProgram): void {
  runThread(() => builtApplication(program));
}
