// A program that starts an agent on a thread, and exports no application for the thread to find it in. Prints what comes of it.

import { ActonApp, silentLog } from "acton";
import { actor } from "../scene.ts";
import { outcomeOf } from "../stage.ts";

if (Bun.isMainThread) {
  await using runtime = ActonApp.launch({ log: silentLog });
  process.stdout.write(JSON.stringify(await outcomeOf(runtime.start(actor.runOn("worker")))));
}
