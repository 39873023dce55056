// Agents that do not start, or not always, or start others where none can be started.

import { existsSync, writeFileSync } from "node:fs";
import { agent, app, message } from "acton";
import { z } from "zod";

const Said = message("Said", z.string());
export const Ask = message("Ask", {}).replies(Said);
export const Crash = message("Crash", {});

export const badModel = agent("bad-model", (): object => {
  throw new Error("no model");
}).runOn("worker");
export const badHook = agent("bad-hook", () => ({}))
  .beforeStart(() => Promise.reject(new Error("no start")))
  .runOn("worker");
export const badChild = agent("bad-child", () => ({}))
  .supervise(
    agent("child", (): object => {
      throw new Error("no child");
    }),
  )
  .runOn("worker");
export const neverUp = agent("never-up", () => ({}))
  .beforeStart(() => new Promise<void>(() => {}))
  .runOn("worker");
export const badAfter = agent("bad-after", () => ({}))
  .actOn(Ask, () => "up")
  .afterStart(() => {
    throw new Error("after start");
  })
  .runOn("worker");

/** Starts once, and then only when the file is there no more. */
export const once = agent("once", () => {
  const path = process.env["ACTON_TEST_ONCE"] ?? "";
  if (existsSync(path)) throw new Error("only once");
  writeFileSync(path, "");
  return {};
})
  .actOn(Ask, () => "up")
  .mutateOn(Crash, () => {
    throw new Error("crash");
  })
  .runOn("worker");

/** Its thread would have to start a thread. */
export const nester = agent("nester", () => ({}))
  .actOn(Ask, async ({ start }) => (await start(badAfter)).name)
  .runOn("worker");

export default app({ agents: [badModel, badHook, badChild, neverUp, badAfter, once, nester] });
