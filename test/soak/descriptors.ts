// X1: more clients than there are descriptors. Those who can be are served, all others are told why not, and nothing spins.

import { request } from "../support/test-server.ts";
import type { SoakCheck } from "./check.ts";
import { Crowd, type CrowdSaid } from "./parts/crowd.ts";
import { within } from "./parts/measures.ts";
import { Served } from "./parts/served.ts";

const openFiles = 64;
/** Three quarters of them, which is the most that a listener may be given. */
const connections = 48;

export interface Crowded extends CrowdSaid {
  readonly processorShare: number;
  readonly recoveryMs: number;
}

/** With `atOnce` all of the crowd are accepted in one turn of the server. */
export async function crowded(clients: number, atOnce: boolean): Promise<Crowded> {
  await using server = await Served.start({ openFiles, config: { MAX_CONNECTIONS: connections } });
  if (atOnce) process.kill(server.pid, "SIGSTOP");
  await using crowd = await Crowd.come(server.socket, clients);
  if (atOnce) process.kill(server.pid, "SIGCONT");
  // Nobody has read yet, or hung up.
  await Bun.sleep(1000);
  const [spent, started] = [server.processorMs, performance.now()];
  await Bun.sleep(1000);
  const processorShare = (server.processorMs - spent) / (performance.now() - started);
  const said = await crowd.said();
  await crowd[Symbol.asyncDispose]();
  const left = performance.now();
  const recovered = await within(5000, async () => isServed(server));
  return { ...said, processorShare, recoveryMs: recovered ? performance.now() - left : Infinity };
}

async function isServed(server: Served): Promise<boolean> {
  await using client = await server.connect();
  try {
    return (await client.ask(request("plain", "Echo", 1)))["success"] === true;
  } catch {
    return false;
  }
}

export const checks: readonly SoakCheck[] = [
  {
    id: "X1",
    title: `Descriptors used up: \`ulimit -n ${openFiles}\`, 200 clients one after the other and 200 in one turn`,
    pass: "CPU < 20 % after 1 s, every client served or refused in words, recovery < 1 s",
    async run() {
      const [inTurn, atOnce] = [await crowded(200, false), await crowded(200, true)];
      const figure = [inTurn, atOnce]
        .map(
          (seen) =>
            `${seen.served} served, ${seen.refused} refused, ${seen.neither} neither, CPU ${(seen.processorShare * 100).toFixed(0)} %, ${seen.recoveryMs.toFixed(0)} ms`,
        )
        .join("; ");
      return { figure, passed: [inTurn, atOnce].every((seen) => seen.neither === 0 && seen.processorShare < 0.2 && seen.recoveryMs < 1000) };
    },
  },
];
