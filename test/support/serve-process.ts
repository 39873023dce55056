// A server in a process of its own, for tests of who gets a path: says on standard output what came of its start, serves
// pings until it is killed or its standard input ends, and then says how it ended.

import { ActonApp } from "acton";
import { silentLog } from "../../src/log.ts";

const [path = ""] = process.argv.slice(2);
const runtime = ActonApp.launch({ log: silentLog });
// Both starters of a race have done their loading when the line comes that lets them go.
process.stdout.write("ready\n");
const lines = console[Symbol.asyncIterator]();
await lines.next();
try {
  await runtime.startIpcListener({ socketPath: path });
  process.stdout.write("serving\n");
  await lines.next();
  await runtime.shutdownAll();
  process.stdout.write("stopped\n");
} catch (error) {
  process.stdout.write(`${error instanceof Error ? `${(error as Error & { code?: string }).code}: ${error.message}` : String(error)}\n`);
}
process.exit(0);
