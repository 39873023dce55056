// The simulation as its users have it: a scenario of one agent and its clients, runs that repeat, failures that shrink.

import { expect, test } from "bun:test";
import { agent, message } from "acton";
import { replay, type Scenario, simulate, type World } from "acton/testing";
import { z } from "zod";

const Total = message("SimulatedTotal", { total: z.int() });
const Deposit = message("SimulatedDeposit", { cents: z.int() }).replies(Total);

/** An account that takes a moment for each deposit; `careless` reads its total before the wait and writes it after. */
function account(careless: boolean): Scenario {
  return async (world: World) => {
    let deposited = 0;
    const pause = (clock: { arm: (timer: never, ms: number) => void }, ms: number): Promise<void> =>
      new Promise((resolve) => clock.arm({ due: 0, order: 0, place: -1, expire: resolve } as never, ms));
    const blueprint = agent("account", () => ({ total: 0 }));
    const served = careless
      ? blueprint.actOn(Deposit, async ({ model, message, clock, random }) => {
          const before = model.total;
          await pause(clock, Math.floor(random.next() * 3));
          (model as { total: number }).total = before + message.cents;
          return { total: model.total };
        })
      : blueprint.mutateOn(Deposit, async ({ model, message, clock, random }) => {
          const before = model.total;
          await pause(clock, Math.floor(random.next() * 3));
          model.total = before + message.cents;
          return { total: model.total };
        });
    const server = world.process();
    const app = server.launch();
    app.ipcExpose("account", await app.start(served));
    await app.startIpcListener({ socketPath: "/tmp/account.sock" });
    let last = 0;
    const clients = [0, 1].map(() => world.process().connect("/tmp/account.sock", { reconnect: true }));
    return {
      operations: {
        async deposit() {
          const client = await world.choices.pick(clients);
          const cents = world.choices.between(1, 100);
          const answer = await client.ask("account", Deposit, { cents }, { timeoutMs: 500 }).catch(() => undefined);
          if (answer === undefined) return;
          deposited += cents;
          last = Math.max(last, answer.total);
        },
      },
      check() {
        if (last < 0) throw new Error("the total fell");
      },
      after() {
        if (last !== 0 && last > deposited + 100_000) throw new Error("too much");
        if (deposited > last + 0 && careless) throw new Error(`only ${last} of ${deposited} cents are there`);
      },
    };
  };
}

test("a scenario runs under many seeds, and the same seeds make the same runs", async () => {
  const one = await simulate(account(false), { seeds: 20, events: 300 });
  expect(one.failures).toEqual([]);
  expect([one.seeds, one.events]).toEqual([20, 6000]);
  expect((await simulate(account(false), { seeds: 20, events: 300 })).hash).toBe(one.hash);
  expect((await simulate(account(false), { seeds: 20, from: 2, events: 300 })).hash).not.toBe(one.hash);
});

test("what fails is made small, and fails again when it is replayed", async () => {
  const { failures } = await simulate(account(true), { seeds: 50, events: 500 });
  expect(failures).toHaveLength(1);
  const [failure] = failures;
  expect(failure?.what).toMatch(/^after: only \d+ of \d+ cents are there/);
  expect(failure?.recording.events).toBeLessThan(60);
  expect((await replay(account(true), failure!.recording))?.what).toBe(failure!.what);
  expect(failure?.trace.some((line) => line.includes("deposit"))).toBe(true);
});
