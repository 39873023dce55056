// Nothing starves the sockets: an agent yields to the event loop after 64 messages or 1 ms. Time stands still here, so
// it is the count that must do it. Every loop is bounded, so that a failure ends.

import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { agent, type HandlerArgument } from "../../src/agent/blueprint.ts";
import type { AgentHandle } from "../../src/agent/handle.ts";
import { ManualClock } from "../../src/clock.ts";
import { resolveRuntimeConfig } from "../../src/config.ts";
import { silentLog } from "../../src/log.ts";
import { message } from "../../src/message/message-type.ts";
import { seededRandom } from "../../src/random.ts";
import { AgentSystem } from "../../src/runtime/agent-system.ts";
import { type Scheduler, type Task, TurnScheduler } from "../../src/scheduler.ts";
import { testSystem, turns } from "../support/system.ts";

const Tick = message("Tick", { left: z.int() });
const Echo = message("Echo", { n: z.int() });
const Ask = message("Ask", { n: z.int() }).replies(Echo);

/** How many messages had been handled when the event loop first came round. */
function servedAt(handled: () => number): { at: number } {
  const served = { at: Infinity };
  setImmediate(() => (served.at = handled()));
  return served;
}

describe("the event loop has its turn", () => {
  test("after exactly 64 messages of a full mailbox", async () => {
    const { system } = testSystem();
    let handled = 0;
    const handle = await system.start(agent("busy", () => ({})).mutateOn(Tick, () => void (handled += 1)));
    for (let i = 0; i < 1000; i++) handle.trySend(Tick, { left: 0 });
    const seen: number[] = [];
    for (let i = 0; i < 5; i++) {
      await turns(1);
      seen.push(handled);
    }
    for (let i = 1; i < seen.length; i++) expect((seen[i] as number) - (seen[i - 1] as number)).toBeLessThanOrEqual(64);
    await turns(40);
    expect(handled).toBe(1000);
  });

  test("while an agent sends to itself without end", async () => {
    const { system } = testSystem();
    let handled = 0;
    const handle = await system.start(
      agent("restless", () => ({})).mutateOn(Tick, ({ self, message }) => {
        handled += 1;
        if (message.left > 0) (self as AgentHandle<typeof Tick>).trySend(Tick, { left: message.left - 1 });
      }),
    );
    const served = servedAt(() => handled);
    handle.trySend(Tick, { left: 5_000 });
    await turns(200);
    expect(handled).toBe(5_001);
    expect(served.at).toBeLessThanOrEqual(300);
  });

  test("while an agent with an async handler sends to itself without end", async () => {
    const { system } = testSystem();
    let handled = 0;
    const handle = await system.start(
      agent("restless", () => ({})).mutateOn(Tick, async ({ self, message }: HandlerArgument<object, typeof Tick>) => {
        handled += 1;
        if (message.left > 0) await (self as AgentHandle<typeof Tick>).send(Tick, { left: message.left - 1 });
      }),
    );
    const served = servedAt(() => handled);
    handle.trySend(Tick, { left: 5_000 });
    await turns(200);
    expect(handled).toBe(5_001);
    expect(served.at).toBeLessThanOrEqual(300);
  });

  test("while two agents send to each other without end", async () => {
    const { system } = testSystem();
    let handled = 0;
    const players: AgentHandle<typeof Tick>[] = [];
    for (const name of ["ping", "pong"]) {
      players.push(
        await system.start(
          agent(name, () => ({})).mutateOn(Tick, ({ self, message }) => {
            handled += 1;
            const other = players.find((player) => player.id !== self.id);
            if (message.left > 0) other?.trySend(Tick, { left: message.left - 1 });
          }),
        ),
      );
    }
    const served = servedAt(() => handled);
    players[0]?.trySend(Tick, { left: 5_000 });
    await turns(200);
    expect(handled).toBe(5_001);
    expect(served.at).toBeLessThanOrEqual(300);
  });

  test("while someone asks in a loop and the agent answers at once", async () => {
    const { system } = testSystem();
    let handled = 0;
    const handle = await system.start(
      agent("echo", () => ({})).actOn(Ask, ({ message }) => {
        handled += 1;
        return { n: message.n };
      }),
    );
    const served = servedAt(() => handled);
    for (let n = 0; n < 5_000; n++) expect((await handle.ask(Ask, { n })).n).toBe(n);
    expect(served.at).toBeLessThanOrEqual(300);
  });

  test("for one agent's neighbours too: a flood in one mailbox does not keep another agent waiting", async () => {
    const { system } = testSystem();
    let handled = 0;
    const flooded = await system.start(agent("flooded", () => ({})).mutateOn(Tick, () => void (handled += 1)));
    const other = await system.start(agent("other", () => ({})).actOn(Ask, ({ message }) => ({ n: message.n + handled })));
    for (let i = 0; i < 1024; i++) flooded.trySend(Tick, { left: 0 });
    expect((await other.ask(Ask, { n: 0 })).n).toBeLessThanOrEqual(64);
  });
});

test("an agent waits for its turn at most once, however often it sends to itself", async () => {
  const { clock, system, outstanding } = countingSystem();
  let handled = 0;
  let most = 0;
  const handle = await system.start(
    agent("restless", () => ({})).mutateOn(Tick, ({ self, message }) => {
      handled += 1;
      most = Math.max(most, outstanding());
      if (message.left > 0) (self as AgentHandle<typeof Tick>).trySend(Tick, { left: message.left - 1 });
    }),
  );
  handle.trySend(Tick, { left: 5_000 });
  await turns(200);
  expect(handled).toBe(5_001);
  expect(most).toBeLessThanOrEqual(1);
  expect(clock.armed).toBe(0);
});

/** A system that counts the tasks which wait with the scheduler. */
function countingSystem(): { readonly clock: ManualClock; readonly system: AgentSystem; readonly outstanding: () => number } {
  const clock = new ManualClock();
  const inner = new TurnScheduler(clock);
  let waiting = 0;
  const counted = (task: Task): Task => {
    waiting += 1;
    return {
      run() {
        waiting -= 1;
        task.run();
      },
    };
  };
  const scheduler: Scheduler = {
    enqueue: (task) => inner.enqueue(counted(task)),
    nextTurn: (task) => inner.nextTurn(counted(task)),
    atTurnEnd: (task) => inner.atTurnEnd(task),
    atLoopEnd: (task) => inner.atLoopEnd(task),
  };
  const seams = { clock, random: seededRandom(1), scheduler, log: silentLog };
  return { clock, system: new AgentSystem(seams, { limits: resolveRuntimeConfig(), validateLocal: false }), outstanding: () => waiting };
}
