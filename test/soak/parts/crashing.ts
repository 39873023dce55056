// What the executable serves while user code fails in it: in a handler, in a schema, in what a handler returns, in hooks, and where
// nobody awaits it.

import { agent, app, message } from "acton";
import { z } from "zod";
import { crimes } from "../../support/crimes.ts";
import { ways } from "../../support/thrown.ts";

const Answer = message("Answer", z.any());
const How = { way: z.string() };
const Throw = message("Throw", How).replies(Answer);
const Reject = message("Reject", How).replies(Answer);
const Unwritable = message("Unwritable", How).replies(Answer);
const Refined = message("Refined", { way: z.string().refine((way) => failIn(way)()) }).replies(Answer);
const Yielding = message("Yielding", How).streams(Answer);
const Born = message("Born", How).replies(Answer);
const Dying = message("Dying", How).replies(Answer);
const Commit = message("Commit", { ...How, crime: z.string() }).replies(Answer);
const Ping = message("Ping", {}).replies(Answer);

function failIn(way: string): () => never {
  const fail = ways[way]?.fail;
  if (fail === undefined) throw new TypeError(`There is no way ${way}`);
  return fail;
}

const culprit = agent("culprit", () => ({}))
  .actOn(Throw, ({ message: { way } }) => failIn(way)())
  .actOn(Reject, async ({ message: { way } }) => {
    await Bun.sleep(0);
    failIn(way)();
  })
  .actOn(Unwritable, ({ message: { way } }) => Object.defineProperty({}, "a", { get: failIn(way), enumerable: true }) as never)
  .actOn(Refined, () => "let in")
  .actOn(Yielding, function* ({ message: { way } }) {
    yield 1;
    failIn(way)();
  })
  .actOn(Born, async ({ message: { way }, start }) => {
    await start(agent("child", () => ({})).beforeStart(failIn(way)));
  })
  .actOn(Dying, async ({ message: { way }, start }) => {
    const child = await start(
      agent("child", () => ({}))
        .beforeStop(failIn(way))
        .afterStop(failIn(way)),
    );
    await child.stop();
    return "stopped";
  })
  .actOn(Commit, ({ message: { crime, way }, clock }) => {
    crimes[crime]?.(failIn(way), { clock });
    return "done";
  })
  .actOn(Ping, () => "alive");

export default app({ name: "crashing", agents: [culprit] });
