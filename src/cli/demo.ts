// The demo services, run by `acton serve` when it is given no module. Written as a user would write theirs.

import { z } from "zod";
import { ActonError, agent, app, message } from "../index.ts";

const AddResult = message("AddResult", { sum: z.int() });
const AddRequest = message("AddRequest", { a: z.int(), b: z.int() }).replies(AddResult);

const calculator = agent("calculator", () => ({ calls: 0 })).mutateOn(AddRequest, ({ model, message: { a, b } }) => {
  model.calls += 1;
  return { sum: a + b };
});

const ListItem = message("ListItem", { id: z.int(), name: z.string() });
const ListRequest = message("ListRequest", { page_size: z.int().positive() }).streams(ListItem);

const listService = agent("list_service", () => ({})).actOn(ListRequest, function* ({ message: { page_size } }) {
  for (let id = 0; id < page_size; id++) yield { id, name: `item-${id}` };
});

const ValueSet = message("ValueSet", { key: z.string() });
const SetValue = message("SetValue", { key: z.string(), value: z.json() }).replies(ValueSet);
const Value = message("Value", { key: z.string(), value: z.json(), found: z.boolean() });
const GetValue = message("GetValue", { key: z.string() }).replies(Value);

const keyCountMax = 10_000;

const kvStore = agent("kv_store", () => ({ values: new Map<string, z.output<ReturnType<typeof z.json>>>() }))
  .mutateOn(SetValue, ({ model: { values }, message: { key, value }, reply }) => {
    if (values.size >= keyCountMax && !values.has(key))
      return reply.fail(new ActonError("TARGET_BUSY", `the store is full: it holds ${keyCountMax} keys`));
    values.set(key, value);
    return { key };
  })
  .actOn(GetValue, ({ model: { values }, message: { key } }) => ({ key, value: values.get(key) ?? null, found: values.has(key) }));

const PriceUpdate = message("PriceUpdate", { symbol: z.string(), price: z.number() });
const Tick = message("Tick", {});

// A child is not exposed, so its clockwork is nobody's business outside. What it publishes carries its parent's name.
const ticker = agent("price_feed", () => ({ symbol: "ACME", price: 100 }))
  .mutateOn(Tick, ({ model, broker, random }) => {
    model.price = Math.max(1, Math.round((model.price + random.next() - 0.5) * 100) / 100);
    broker.broadcast(PriceUpdate, { ...model });
  })
  .afterStart(({ sendEvery }) => sendEvery(1000, Tick, {}));

const priceFeed = agent("price_feed", () => ({})).afterStart(({ start }) => start(ticker));

const HealthStatus = message("HealthStatus", { status: z.literal("ok") });
const HealthCheck = message("HealthCheck", {}).replies(HealthStatus);

const health = agent("health", () => ({})).actOn(HealthCheck, () => ({ status: "ok" as const }));

export const demo = app({
  name: "demo",
  version: "1.0.0",
  agents: [calculator, listService, kvStore, priceFeed, health],
  publishes: [PriceUpdate],
});
