// A program that is its own application module, and asks its agent on a thread. Prints the answer, and where it ran.

import { ActonApp, agent, app, message, silentLog } from "acton";
import { z } from "zod";

const Place = message("Place", { main: z.boolean() });
const Where = message("Where", {}).replies(Place);
const placed = agent("placed", () => ({}))
  .actOn(Where, () => ({ main: Bun.isMainThread }))
  .runOn("worker");

const application = app({
  agents: [placed],
  setup: () => void process.stdout.write("set up\n"),
});

if (Bun.isMainThread && process.argv[2] === "direct") {
  const runtime = ActonApp.launch({ log: silentLog });
  const handle = await runtime.start(placed);
  process.stdout.write(`${JSON.stringify(await handle.ask(Where, {}))}\n`);
  await runtime.shutdownAll();
  process.exit(0);
}

export default application;
