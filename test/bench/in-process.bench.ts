// What agents of one process cost: `bun test/bench/in-process.bench.ts`. Compare figures of one run only.

import { ActonApp, agent, message, silentLog } from "acton";
import { z } from "zod";
import { measure } from "./measure.ts";

const Tick = message("Tick", { n: z.int() });
const Sum = message("Sum", { sum: z.int() });
const Add = message("Add", { a: z.int(), b: z.int() }).replies(Sum);
const AddLater = message("AddLater", { a: z.int(), b: z.int() }).replies(Sum);
const Item = message("Item", { id: z.int() });
const List = message("List", { count: z.int() }).streams(Item);

const worker = agent("worker", () => ({ ticks: 0 }))
  .mutateOn(Tick, ({ model, message: { n } }) => {
    model.ticks += n;
  })
  .mutateOn(Add, ({ message: { a, b } }) => ({ sum: a + b }))
  .mutateOn(AddLater, async ({ message: { a, b } }) => ({ sum: a + b }))
  .actOn(List, function* ({ message: { count } }) {
    for (let id = 0; id < count; id++) yield { id };
  });

await using runtime = ActonApp.launch({ log: silentLog });
const handle = await runtime.start(worker);

await measure("send, each awaited", 1_000_000, async () => {
  for (let i = 0; i < 1_000_000; i++) await handle.send(Tick, { n: 1 });
});

await measure("send, a mailbox at a time", 1_000_000, async () => {
  for (let i = 0; i < 1_000_000; i++) {
    if (!handle.trySend(Tick, { n: 1 })) await handle.send(Tick, { n: 1 });
  }
});

await measure("ask, one after the other", 300_000, async () => {
  for (let i = 0; i < 300_000; i++) await handle.ask(Add, { a: i, b: 1 });
});

await measure("ask, an async handler", 300_000, async () => {
  for (let i = 0; i < 300_000; i++) await handle.ask(AddLater, { a: i, b: 1 });
});

await measure("ask, 64 at once", 320_000, async () => {
  for (let i = 0; i < 5_000; i++) await Promise.all(Array.from({ length: 64 }, () => handle.ask(Add, { a: i, b: 1 })));
});

await measure("stream, items to one reader", 300_000, async () => {
  for await (const item of handle.stream(List, { count: 300_000 })) if (item.id < 0) break;
});

const subscriber = agent("subscriber", () => ({ ticks: 0 }))
  .mutateOn(Tick, ({ model }) => {
    model.ticks += 1;
  })
  .subscribe(Tick);
for (let i = 0; i < 100; i++) await runtime.start(subscriber);
await measure("broadcast, deliveries to 100 agents", 1_000_000, async () => {
  for (let i = 0; i < 10_000; i++) {
    runtime.broker().broadcast(Tick, { n: 1 });
    if (i % 500 === 0) await runtime.broker().flush();
  }
  await runtime.broker().flush();
});

await measure("start an agent", 20_000, async () => {
  for (let i = 0; i < 20_000; i++) await runtime.start(worker);
});
