// What the executable serves while it is checked: calls that keep books, streams and pushes of any size, calls that never
// end, handlers that fail in every way, and a look at the process from inside.

import { agent, app, message } from "acton";
import { connect } from "acton/client";
import { z } from "zod";

const Echoed = message("Echoed", z.json());
const Echo = message("Echo", z.json()).replies(Echoed);
const Held = message("Held", z.json());
const Hold = message("Hold", z.json()).replies(Held);
const Pause = message("Pause", { ms: z.int() }).replies(Echoed);
const Drip = message("Drip", z.json()).streams(Held);
const Item = message("Item", { n: z.int(), filler: z.string().optional() });
const Items = message("Items", { count: z.int(), size: z.int().optional(), pauseMs: z.int().optional() }).streams(Item);
const Tallied = message("Tallied", { n: z.int(), seen: z.int() });
const Tally = message("Tally", { n: z.int() }).replies(Tallied);
const News = message("News", { n: z.int(), text: z.string() });
const Publishing = message("Publishing", { everyMs: z.int(), count: z.int(), size: z.int() }).replies(Echoed);
const Wave = message("Wave", { n: z.int() });
const Raise = message("Raise", { waves: z.int() }).replies(Echoed);
const Calm = message("Calm", {}).replies(Echoed);
const Inside = message("Inside", { rss: z.int(), heap: z.int() });
const Inspect = message("Inspect", { collect: z.boolean() }).replies(Inside);
const Say = message("Say", { lines: z.int(), text: z.string() }).replies(Echoed);
const Fail = message("Fail", { how: z.string(), text: z.string() }).replies(Echoed);
const FailStream = message("FailStream", { text: z.string() }).streams(Item);

const Round = message("Round", { socket: z.string() }).replies(Echoed);

const plain = agent("plain", () => ({}))
  .actOn(Echo, ({ message }) => message)
  .actOn(Inspect, ({ message }) => {
    if (message.collect) Bun.gc(true);
    const { rss, heapUsed } = process.memoryUsage();
    return { rss, heap: heapUsed };
  })
  .actOn(Say, ({ message, log }) => {
    for (let n = 0; n < message.lines; n++) log.info(`${message.text} ${n}`);
    return null;
  });

// Counts what it has answered, and says so in the log when it stops: what clients have got must be as many.
const work = agent("work", () => ({ answered: 0 }))
  .actOn(Pause, async ({ model, message }) => {
    await Bun.sleep(message.ms);
    (model as { answered: number }).answered += 1;
    return message.ms;
  })
  .afterStop(({ model, log }) => log.info("work done", { answered: model.answered }));

const ledger = agent("ledger", () => ({ seen: new Map<number, number>() })).mutateOn(Tally, ({ model, message, peer }) => {
  const seen = model.seen.get(peer?.connection ?? 0) ?? 0;
  model.seen.set(peer?.connection ?? 0, seen + 1);
  return { n: message.n, seen };
});

const streams = agent("streams", () => ({})).actOn(Items, async function* ({ message }) {
  const filler = message.size === undefined ? {} : { filler: "x".repeat(message.size) };
  for (let n = 0; n < message.count; n++) {
    if (message.pauseMs !== undefined) await Bun.sleep(message.pauseMs);
    yield { n, ...filler };
  }
});

const forever = agent("forever", () => ({}))
  .actOn(Hold, ({ reply }) => reply.defer())
  .actOn(Drip, ({ reply }) => reply.defer());

const press = agent("press", () => ({ n: 0, stop: () => {} })).mutateOn(Publishing, ({ model, message, broker }) => {
  model.stop();
  const { everyMs, count, size } = message;
  if (everyMs === 0) return null;
  const text = "n".repeat(size);
  const timer = setInterval(() => {
    for (let n = 0; n < count; n++) broker.broadcast(News, { n: (model.n += 1), text });
  }, everyMs);
  model.stop = () => clearInterval(timer);
  return null;
});

// Each wave that comes in goes out again, for ever, until it is calm.
const sea = agent("sea", () => ({ calm: true }))
  .mutateOn(Wave, ({ model, message, broker }) => {
    if (!model.calm) broker.broadcast(Wave, message);
  })
  .mutateOn(Raise, ({ model, message, broker }) => {
    model.calm = false;
    for (let n = 0; n < message.waves; n++) broker.broadcast(Wave, { n });
    return null;
  })
  .mutateOn(Calm, ({ model }) => {
    model.calm = true;
    return null;
  })
  .subscribe(Wave);

const faulty = agent("faulty", () => ({}))
  .actOn(Fail, ({ message, reply }) => {
    const { how, text } = message;
    if (how === "throw") throw new Error(text);
    if (how === "text") return Promise.reject(text);
    if (how === "cause") throw new TypeError(text, { cause: new Error(text) });
    if (how === "fail") return reply.fail(new Error(text));
    if (how === "recursion") return recursion(0);
    if (how === "unwritable") return { [text]: () => {} } as never;
    if (how === "late") void Promise.reject(new Error(text));
    return undefined;
  })
  .actOn(FailStream, function* ({ message }) {
    yield { n: 0 };
    throw new Error(message.text);
  });

// Asks itself, by way of the socket.
const roundabout = agent("roundabout", () => ({})).mutateOn(Round, async ({ message, reply }) => {
  const client = await connect(message.socket);
  try {
    return await client.ask("roundabout", Round, message);
  } catch (error) {
    return reply.fail(error);
  } finally {
    client.close();
  }
});

function recursion(depth: number): number {
  return recursion(depth + 1) + 1;
}

export default app({
  name: "soak",
  agents: [plain, work, ledger, streams, forever, press, sea, faulty, roundabout],
  publishes: [News, Wave],
});
