// Publish and subscribe: one agent broadcasts prices, another one and any number of clients listen.
//
//   dist/acton serve examples/price-feed.ts
//   dist/acton call price_watch GetRange
//
// examples/clients/ shows how a client subscribes.

import { agent, app, message } from "acton";
import { z } from "zod";

const PriceUpdate = message("PriceUpdate", { symbol: z.string(), price: z.number() });
const Tick = message("Tick", {});

// Not exposed: clients see its broadcasts, and cannot send it anything.
const priceFeed = agent("price_feed", () => ({ symbol: "ACME", price: 100 }))
  .afterStart(({ sendEvery }) => sendEvery(100, Tick, {}))
  .mutateOn(Tick, ({ model, broker, random }) => {
    model.price = Math.max(1, model.price + random.next() - 0.5);
    broker.broadcast(PriceUpdate, { ...model });
  });

const PriceRange = message("PriceRange", { lowest: z.number(), highest: z.number() });
const GetRange = message("GetRange", {}).replies(PriceRange);

const priceWatch = agent("price_watch", () => ({ lowest: 100, highest: 100 }))
  .mutateOn(PriceUpdate, ({ model, message: { price } }) => {
    model.lowest = Math.min(model.lowest, price);
    model.highest = Math.max(model.highest, price);
  })
  .subscribe(PriceUpdate)
  .actOn(GetRange, ({ model }) => model);

export default app({
  name: "prices",
  version: "1.0.0",
  agents: [priceWatch],
  publishes: [PriceUpdate],
  async setup(runtime) {
    await runtime.start(priceFeed);
  },
});
