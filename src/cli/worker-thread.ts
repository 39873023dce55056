// A thread of the executable: runs one agent of the application module that is served.

import { runThread } from "../worker/run-thread.ts";
import { loadApplication } from "./serve.ts";

export function runServedThread(): void {
  runThread(loadApplication);
}
