// A server that dies on the way: `victim.ts PATH [N]` serves PATH, and kills itself before its Nth call into the file system or
// the transport, or after it when N ends in +, as SIGKILL from outside would. Ends in order when it is told `stop`.

import { ActonApp, agent, type FileSystem, message, type Transport } from "acton";
import { systemFiles } from "../../../src/files.ts";
import { bunTransport } from "../../../src/ipc/bun-transport.ts";
import { silentLog } from "../../../src/log.ts";

const [path = "", point = ""] = process.argv.slice(2);
let calls = 0;

/** Counts what is called, and dies where it shall. */
function mortal<T extends object>(whole: T): T {
  return new Proxy(whole, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      return (...given: readonly unknown[]): unknown => {
        calls += 1;
        const mine = calls;
        if (point === String(mine)) process.kill(process.pid, "SIGKILL");
        const result: unknown = Reflect.apply(member, target, given);
        if (point === `${mine}+`) process.kill(process.pid, "SIGKILL");
        return result;
      };
    },
  });
}

const files: FileSystem = mortal(systemFiles);
const transport: Transport = mortal(bunTransport);
const runtime = ActonApp.launch({ log: silentLog, files, transport });
const Wait = message("Wait", {}).replies(message("Waited", {}));
runtime.ipcExpose("waiter", await runtime.start(agent("waiter", () => ({})).actOn(Wait, ({ reply }) => reply.defer())));
const began = performance.now();
try {
  await runtime.startIpcListener({ socketPath: path, drainTimeoutMs: 1000 });
  process.stdout.write(`serving\t${calls}\t${performance.now() - began}\n`);
} catch (error) {
  process.stdout.write(`${String(error)}\n`);
  process.exit(1);
}
for await (const line of console) if (line === "stop") break;
process.stdout.write("stopping\n");
await runtime.shutdownAll();
process.stdout.write(`stopped\t${calls}\n`);
process.exit(0);
