// S1: another user tries every name in the socket's directory while a server with umask 0 starts and ends there. What mode
// and policy give to whom is a matter of counts, and stands in test/ipc/server/socket-access.test.ts.

import { chmodSync } from "node:fs";
import { join } from "node:path";
import { ActonApp, type ListenOptions } from "acton";
import { silentLog } from "../../src/log.ts";
import { linesOf } from "../support/serve-process-handle.ts";
import { TemporaryDirectory } from "../support/test-server.ts";
import type { SoakCheck } from "./check.ts";

export const canIntrude = process.geteuid?.() === 0 && Bun.which("python3") !== null;

export const openToAll: ListenOptions = { socketMode: "0666", policy: { admit: () => ({ identity: "anybody" }) } };

/** How often the other user tried, and got in. */
export async function intrusions(rounds: number, options: ListenOptions = {}): Promise<{ readonly tried: number; readonly entered: number }> {
  using directory = new TemporaryDirectory();
  chmodSync(directory.path, 0o755);
  const intruder = Bun.spawn(["python3", join(import.meta.dir, "parts/intruder.py"), directory.path], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const lines = linesOf(intruder.stdout);
  const umask = process.umask(0);
  try {
    await lines.next();
    for (let round = 0; round < rounds; round++) {
      await using runtime = ActonApp.launch({ log: silentLog });
      await runtime.startIpcListener({ ...options, socketPath: join(directory.path, "s") });
      await Bun.sleep(1);
    }
    await intruder.stdin.end();
    const [tried = NaN, entered = NaN] = ((await lines.next()).value ?? "").split(" ").map(Number);
    return { tried, entered };
  } finally {
    process.umask(umask);
    intruder.kill("SIGKILL");
    await intruder.exited;
  }
}

export const checks: readonly SoakCheck[] = [
  {
    id: "S1",
    title: "Another user connects to every name in the socket's directory while servers with umask 0 start and end there",
    pass: "400 rounds: 0 connections; with an open socket some, so that the attempt can succeed",
    async run({ rounds = 400 }) {
      if (!canIntrude) return { figure: "needs root and Python", passed: false };
      const control = await intrusions(20, openToAll);
      const { tried, entered } = await intrusions(rounds);
      const figure = `${rounds} rounds, ${tried} attempts: ${entered} connections; ${control.entered} to 20 open ones`;
      return { figure, passed: entered === 0 && tried > rounds && control.entered > 0 };
    },
  },
];
