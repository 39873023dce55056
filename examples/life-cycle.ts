// Life: hooks around an agent's start and stop, children that stop with their parent, and what a crash does.
//
//   node_modules/.bin/bun examples/life-cycle.ts

import { ActonApp, type AgentRef, agent, message } from "acton";
import { z } from "zod";

const Worked = message("Worked", { by: z.string(), count: z.int() });
const Work = message("Work", { item: z.string() }).replies(Worked);

const worker = agent("worker", () => ({ count: 0 }))
  .beforeStart(({ self }) => console.log(`${self.name} starts`))
  .mutateOn(Work, ({ model, message: { item }, self }) => {
    if (item === "poison") throw new TypeError("nobody can work on poison");
    model.count += 1;
    return { by: self.name, count: model.count };
  })
  // A crash costs the request that caused it, and here the model too: the next request finds a fresh one.
  .onCrash("restart")
  .afterStop(({ self }) => console.log(`${self.name} has stopped`));

// Hands each piece of work to the next of its two children.
const crew = agent("crew", () => ({ turn: 0, workers: new Array<AgentRef<typeof Work>>() }))
  .beforeStart(async ({ model, start }) => {
    for (const name of ["north", "south"]) model.workers.push(await start(worker, { name }));
  })
  .afterStart(({ model }) => console.log(`the crew has ${model.workers.length} workers`))
  .mutateOn(Work, ({ model: { turn, workers }, model, message, reply }) => {
    const next = workers[turn % workers.length];
    model.turn += 1;
    return next === undefined ? reply.fail("the crew has nobody") : next.ask(Work, message);
  })
  .beforeStop(() => console.log("the crew goes home"));

await using runtime = ActonApp.launch();
const handle = await runtime.start(crew);

for (const item of ["stone", "stone", "poison", "stone", "stone"]) {
  try {
    const { by, count } = await handle.ask(Work, { item });
    console.log(`${by} has done ${count}`);
  } catch (failure) {
    console.log(String(failure));
  }
}
