// Threads that come and go leave nothing behind: no thread, no open file, no memory that grows with their number.

import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { agent, AgentRestarted } from "acton";
import { actor, Beside, deciding, Do, Order } from "./scene.ts";
import { heard, outcomeOf, type Stage, stage, until } from "./stage.ts";

// A thread takes its time on a machine that is busy.
setDefaultTimeout(30_000);

interface Census {
  readonly threads: number;
  readonly files: number;
  /** Megabytes. */
  readonly resident: number;
}

function census(): Census {
  const resident = /^VmRSS:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return { threads: readdirSync("/proc/self/task").length, files: readdirSync("/proc/self/fd").length, resident: Number(resident) / 1024 };
}

async function startAndStop({ runtime }: Stage): Promise<void> {
  const handles = await Promise.all([1, 2, 3, 4].map(() => runtime.start(actor.runOn("worker"))));
  await Promise.all(handles.map((handle) => handle.ask(Do, { deed: "echo", with: 1 })));
  await Promise.all(handles.map((handle) => handle.stop()));
}

test.skipIf(process.platform !== "linux")(
  "agents that started and stopped on threads",
  async () => {
    await using scene = stage("scene.ts");
    for (let round = 0; round < 2; round++) await startAndStop(scene);
    const before = census();
    for (let round = 0; round < 5; round++) await startAndStop(scene);
    let after = census();
    await until(
      () => {
        after = census();
        return after.threads <= before.threads + 4 && after.files <= before.files + 8;
      },
      `threads and files as before: ${JSON.stringify([before, after])}`,
    );
    expect(after.resident - before.resident).toBeLessThan(60);
  },
  60_000,
);

test.skipIf(process.platform !== "linux")(
  "an agent whose thread ended again and again",
  async () => {
    await using scene = stage("scene.ts", { limits: { backoffMs: 1, backoffMaxMs: 1, restartsMax: 100 } });
    const restarted = heard(scene, AgentRestarted);
    const keeper = await scene.runtime.start(agent("keeper", () => ({})));
    const handle = await keeper.supervise(deciding.default.runOn("worker"));
    const main = await scene.runtime.start(agent("main", () => ({})).actOn(Beside, () => handle.ask(Do, { deed: "echo", with: 1 })));
    let before = census();
    for (let death = 1; death <= 14; death++) {
      await main.ask(Beside, { deed: "" });
      await outcomeOf(handle.ask(Do, { deed: "exit" }));
      await handle.send(Order, { deed: "note", with: death });
      await until(() => restarted.length === death);
      if (death === 4) before = census();
    }
    let after = census();
    await until(
      () => {
        after = census();
        return after.threads <= before.threads + 2 && after.files <= before.files + 8;
      },
      `threads and files as before: ${JSON.stringify([before, after])}`,
    );
    expect(after.resident - before.resident).toBeLessThan(60);
  },
  60_000,
);
