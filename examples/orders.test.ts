// Tests of an agent with the test kit: its neighbour is a probe, time is a clock in the test's hand, messages get lost.
//
//   node_modules/.bin/bun test ./examples/orders.test.ts
//   dist/acton test ./examples/orders.test.ts

import { expect, test } from "bun:test";
import { ActonApp, agent, type AgentRef, message, silentLog } from "acton";
import { connect } from "acton/client";
import { Faults, ManualClock, MemoryMachine, probe } from "acton/testing";
import { z } from "zod";

const Reserved = message("Reserved", { shelf: z.string() });
const Reserve = message("Reserve", { item: z.string() }).replies(Reserved);
const Ordered = message("Ordered", { number: z.int(), shelf: z.string() });
const Order = message("Order", { item: z.string() }).replies(Ordered);

/** Asks the warehouse for what is ordered, and once more when it has not answered within a second. */
const ordersFrom = (warehouse: AgentRef<typeof Reserve>) =>
  agent("orders", () => ({ taken: 0 })).mutateOn(Order, async ({ model, message: { item } }) => {
    const reserve = (): Promise<{ readonly shelf: string }> => warehouse.ask(Reserve, { item }, { timeoutMs: 1000 });
    const { shelf } = await reserve().catch(reserve);
    model.taken += 1;
    return { number: model.taken, shelf };
  });

test("an order is taken when the warehouse has reserved the item", async () => {
  await using runtime = ActonApp.launch();
  const warehouse = probe("warehouse", [Reserve]);
  const orders = await runtime.start(ordersFrom(await runtime.start(warehouse.blueprint)));

  const ordered = orders.ask(Order, { item: "tea" });
  const asked = await warehouse.expectMessage(Reserve);
  expect(asked.message).toEqual({ item: "tea" });
  asked.reply.end({ shelf: "B7" });
  expect(await ordered).toEqual({ number: 1, shelf: "B7" });
  await warehouse.expectNoMessage();
});

test("a warehouse that does not answer is asked once more, and no third time", async () => {
  const clock = new ManualClock();
  await using runtime = ActonApp.launch({ clock, log: silentLog });
  const warehouse = probe("warehouse", [Reserve]);
  const orders = await runtime.start(ordersFrom(await runtime.start(warehouse.blueprint)));

  const failed = orders.ask(Order, { item: "tea" }).catch(String);
  for (let asked = 0; asked < 2; asked++) {
    await warehouse.expectMessage(Reserve);
    clock.advance(1000);
  }
  expect(await failed).toBe("HandlerFailed: no reply within 1000 ms");
  await warehouse.expectNoMessage();
});

test("a client's order survives a crash in the warehouse", async () => {
  const machine = new MemoryMachine();
  const faults = new Faults();
  await using runtime = ActonApp.launch({ ...machine.process().seams, faults });
  const warehouse = await runtime.start(agent("warehouse", () => ({})).actOn(Reserve, () => ({ shelf: "C1" })));
  runtime.ipcExpose("orders", await runtime.start(ordersFrom(warehouse)));
  const { path } = await runtime.startIpcListener();
  await using client = await connect(path, machine.process());

  const crash = faults.crash({ agent: "warehouse", type: Reserve, times: 1 });
  expect(await client.ask("orders", Order, { item: "tea" })).toEqual({ number: 1, shelf: "C1" });
  expect(crash.hits).toBe(1);
});
