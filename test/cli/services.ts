// What the tests of the command line serve: payloads of every shape, streams with and without an end, bursts of pushes, silence.

import { agent, app, message } from "acton";
import { z } from "zod";

const Order = message("Order", { order: z.looseObject({}) });
const PlaceOrder = message("PlaceOrder", {
  item: z.string(),
  count: z.int().positive(),
  price: z.number().optional(),
  express: z.boolean().default(false),
  colour: z.enum(["red", "green", "blue"]).optional(),
  address: z.object({ city: z.string(), zip: z.string().optional() }).optional(),
  tags: z.array(z.string()).optional(),
  sizes: z.array(z.int()).optional(),
  note: z.string().nullable().optional(),
  labels: z.record(z.string(), z.int()).optional(),
  any: z.json().optional(),
}).replies(Order);

const orders = agent("orders", () => ({})).actOn(PlaceOrder, ({ message }) => ({ order: message }));

const Counted = message("Counted", { n: z.int() });
const CountUp = message("CountUp", { from: z.int() }).streams(Counted);
const CountDown = message("CountDown", { from: z.int() }).streams(Counted);

const counter = agent("counter", () => ({}))
  .actOn(CountUp, async function* ({ message, signal, log }) {
    signal.addEventListener("abort", () => log.info("left"));
    for (let n = message.from; ; n++) yield { n };
  })
  .actOn(CountDown, function* ({ message }) {
    for (let n = message.from; n > 0; n--) yield { n };
    return { n: 0 };
  });

const Alarm = message("Alarm", { n: z.int() });
const AlarmOver = message("AlarmOver", {});
const Sent = message("Sent", {});
const Burst = message("Burst", { count: z.int() }).replies(Sent);

const siren = agent("siren", () => ({})).actOn(Burst, ({ message, broker }) => {
  for (let n = 0; n < message.count; n++) broker.broadcast(Alarm, { n });
  broker.broadcast(AlarmOver, {});
  return {};
});

const Wait = message("Wait", {}).replies(Sent);

const sleeper = agent("sleeper", () => ({})).actOn(Wait, ({ log }) => {
  log.info("asleep");
  return new Promise<never>(() => {});
});

export default app({ name: "services", version: "2.0.0", agents: [orders, counter, siren, sleeper], publishes: [Alarm, AlarmOver] });
