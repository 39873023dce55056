// The simulation as its users have it: runs that repeat, failures that shrink, and what counts as one.

import { describe, expect, test } from "bun:test";
import { type AgentHandle, agent, message } from "acton";
import { replay, type Scenario, simulate, type Simulation, type World } from "acton/testing";
import { z } from "zod";
import { after } from "../../src/clock.ts";

const Left = message("Left", { left: z.int() });
const CountStock = message("CountStock", {}).replies(Left);
const Take = message("Take", {});
const Sold = message("Sold", { sold: z.boolean() });
const Buy = message("Buy", {}).replies(Sold);

const stock = agent("stock", () => ({ left: 3 }))
  .actOn(CountStock, ({ model }) => ({ left: model.left }))
  .mutateOn(Take, ({ model }) => void (model.left -= 1));

/** A careless shop has another buyer served while it looks into its stock, and may sell what is sold. */
function shop(careless: boolean, stock: AgentHandle<typeof CountStock | typeof Take>) {
  const blueprint = agent("shop", () => ({}));
  const sell = async (): Promise<{ sold: boolean }> => {
    const { left } = await stock.ask(CountStock, {});
    if (left > 0) await stock.send(Take, {});
    return { sold: left > 0 };
  };
  return careless ? blueprint.actOn(Buy, sell) : blueprint.mutateOn(Buy, sell);
}

const selling =
  (careless: boolean): Scenario =>
  async (world) => {
    const app = world.process().launch();
    app.ipcExpose("shop", await app.start(shop(careless, await app.start(stock))));
    await app.startIpcListener({ socketPath: "/tmp/shop.sock" });
    const client = await world.process().connect("/tmp/shop.sock", { reconnect: true });
    let sold = 0;
    return {
      operations: {
        async buy() {
          const answer = await client.ask("shop", Buy, {}).catch(() => undefined);
          if (answer?.sold === true) sold += 1;
        },
      },
      check() {
        if (sold > 3) throw new Error(`${sold} were sold, and there were 3`);
      },
    };
  };

test("a scenario runs under many seeds, and the same seeds make the same runs", async () => {
  const one = await simulate(selling(false), { seeds: 20, events: 300 });
  expect(one.failures).toEqual([]);
  expect([one.seeds, one.events]).toEqual([20, 6000]);
  expect((await simulate(selling(false), { seeds: 20, events: 300 })).hash).toBe(one.hash);
  expect((await simulate(selling(false), { seeds: 20, from: 2, events: 300 })).hash).not.toBe(one.hash);
});

test("what fails is made small, and fails again when it is replayed", async () => {
  const { failures } = await simulate(selling(true), { seeds: 50 });
  const [failure] = failures;
  expect(failures).toHaveLength(1);
  expect(failure?.what).toBe("check: 4 were sold, and there were 3");
  expect(failure?.recording.events).toBeLessThan(60);
  expect(failure?.trace.filter((line) => line.endsWith(" buy")).length).toBeLessThan(8);
  expect((await replay(selling(true), failure!.recording))?.what).toBe(failure!.what);
  expect(await replay(selling(false), failure!.recording)).toBeUndefined();
});

describe("a run fails when", () => {
  const failureOf = async (begin: (world: World) => Simulation | Promise<Simulation>): Promise<string | undefined> => {
    const { failures } = await simulate(begin, { seeds: 1, events: 50, shrinkRuns: 0 });
    return failures[0]?.what;
  };
  const nothing = (): void => {};

  test("an operation rejects, throws, or never settles", async () => {
    expect(await failureOf(() => ({ operations: { fall: () => Promise.reject(new RangeError("down")) } }))).toBe("fall rejected: down");
    const thrown = (): never => {
      throw new RangeError("up");
    };
    expect(await failureOf(() => ({ operations: { rise: thrown } }))).toBe("uncaught in rise: up");
    expect(await failureOf(() => ({ operations: { wait: () => new Promise(nothing) } }))).toBe("wait never settled");
  });

  test("a check, the end or what comes after it throws", async () => {
    const fail = (): never => {
      throw new RangeError("not so");
    };
    expect(await failureOf(() => ({ operations: {}, check: fail }))).toBe("check: not so");
    expect(await failureOf(() => ({ operations: {}, end: async () => fail() }))).toBe("end rejected: not so");
    expect(await failureOf(() => ({ operations: {}, after: fail }))).toBe("after: not so");
  });

  test("a handler throws, unless that was to be expected", async () => {
    const crashing = (expected: readonly string[]) => async (world: World) => {
      for (const message of expected) world.expectedErrors.add(message);
      const app = world.process().launch();
      const crasher = await app.start(
        agent("crasher", () => ({})).actOn(Take, () => {
          throw new RangeError("crashed");
        }),
      );
      return { operations: { crash: () => crasher.send(Take, {}) } };
    };
    expect(await failureOf(crashing([]))).toStartWith("log: handler failed");
    expect(await failureOf(crashing(["handler failed"]))).toBeUndefined();
  });

  test("a timer goes on for ever after everything was shut down", async () => {
    const ticking = (world: World): Simulation => {
      const { clock } = world.process();
      const tick = (): void => void after(clock, 1000, tick);
      return { operations: { tick: nothing }, end: tick };
    };
    expect(await failureOf(ticking)).toBe("1 timers are left");
  });
});

test("a killed process does nothing more, and another may take its path over", async () => {
  let ticks = 0;
  const scenario: Scenario = async (world) => {
    const serve = async () => {
      const process = world.process();
      const ticker = agent("ticker", () => ({}))
        .afterStart(({ sendEvery }) => sendEvery(10, Take, {}))
        .mutateOn(Take, () => {
          ticks += 1;
          if (process.isDead) world.fail("the dead go on");
        });
      const app = process.launch();
      await app.start(ticker);
      app.ipcExpose("stock", await app.start(stock));
      await app.startIpcListener({ socketPath: "/tmp/stock.sock" });
      return process;
    };
    let serving = serve();
    return {
      operations: {
        restart() {
          serving = serving.then((process) => {
            process.kill();
            return serve();
          });
          return serving;
        },
      },
      async end() {
        await serving;
        const client = await world.process().connect("/tmp/stock.sock");
        const { left } = await client.ask("stock", CountStock, {});
        if (left !== 3) throw new Error(`${left} are left`);
      },
    };
  };
  expect((await simulate(scenario, { seeds: 20, events: 200 })).failures.map(({ what }) => what)).toEqual([]);
  expect(ticks).toBeGreaterThan(100);
});
