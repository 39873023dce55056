// A server in a process of its own whose socket others may be let in to, for tests of who can: run as one user, reached by
// another. Says `serving` or what went wrong, and ends with its standard input.

import { ActonApp } from "acton";
import { silentLog } from "../../src/log.ts";
import { Seen, testAgents } from "./test-services.ts";

const [path = "", socketMode = "", rules = "[]"] = process.argv.slice(2);
const runtime = ActonApp.launch({ log: silentLog });
for (const blueprint of testAgents(new Seen())) runtime.ipcExpose(blueprint.name, await runtime.start(blueprint));
try {
  await runtime.startIpcListener({ socketPath: path, socketMode, policyRules: { default: "deny", rules: JSON.parse(rules) } });
  process.stdout.write("serving\n");
  for await (const _ of console);
  await runtime.shutdownAll();
} catch (error) {
  process.stdout.write(`${String(error)}\n`);
}
process.exit(0);
