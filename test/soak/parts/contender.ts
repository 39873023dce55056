// A process that tries to serve a path whenever it is told to, at a given instant, and says what came of it. As `naive` it
// decides as one would without a lock: nobody answers, so the socket is stale, so it is removed.

import { unlinkSync } from "node:fs";
import { ActonApp } from "acton";
import { silentLog } from "../../../src/log.ts";
import { jsonFrame } from "../../support/raw-client.ts";

let stop: () => Promise<void> = async () => {};

async function serve(path: string): Promise<string> {
  const runtime = ActonApp.launch({ log: silentLog });
  stop = async () => void (await runtime.shutdownAll());
  try {
    await runtime.startIpcListener({ socketPath: path });
    return "serving";
  } catch (error) {
    await runtime.shutdownAll();
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}

async function serveNaively(path: string): Promise<string> {
  try {
    (await Bun.connect({ unix: path, socket: { data() {} } })).end();
    return "ADDRESS_IN_USE";
  } catch {
    try {
      unlinkSync(path);
    } catch {
      // It was not there.
    }
  }
  try {
    const server = Bun.listen({ unix: path, socket: { data: (socket) => void socket.write(jsonFrame({ success: true })) } });
    stop = async () => server.stop(true);
    return "serving";
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}

process.stdout.write("ready\n");
for await (const line of console) {
  const [word, path = "", instant = "0", how = ""] = line.split("\t");
  if (word === "stop") {
    await stop();
    stop = async () => {};
    process.stdout.write("stopped\n");
    continue;
  }
  while (performance.timeOrigin + performance.now() < Number(instant));
  process.stdout.write(`${await (how === "naive" ? serveNaively(path) : serve(path))}\n`);
}
