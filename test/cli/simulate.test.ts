import { afterAll, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run, temporaryDirectory } from "./executable.ts";

const directory = temporaryDirectory();
afterAll(() => directory[Symbol.dispose]());
const at = (name: string): string => join(directory.path, name);

/** A counter that two clients read and write; `alone` says whether that is one message or two. */
function counter(alone: boolean): string {
  return `
import { agent, message } from "acton";
import { z } from "zod";
const Count = message("Count", z.int());
const Read = message("Read", {}).replies(Count);
const Write = message("Write", { count: z.int() }).replies(Count);
const Add = message("Add", {}).replies(Count);
const counter = agent("counter", () => ({ count: 0 }))
  .actOn(Read, ({ model }) => model.count)
  .mutateOn(Write, ({ model, message }) => (model.count = message.count))
  .mutateOn(Add, ({ model }) => (model.count += 1));
export default async (world) => {
  const app = world.process().launch();
  const handle = await app.start(counter);
  app.ipcExpose("counter", handle);
  await app.startIpcListener({ socketPath: "/tmp/counter.sock" });
  const client = await world.process().connect("/tmp/counter.sock", { reconnect: true });
  let added = 0;
  return {
    operations: {
      async add() {
        try {
          if (${alone}) await client.ask("counter", Add, {});
          else await client.ask("counter", Write, { count: (await client.ask("counter", Read, {})) + 1 });
          added += 1;
        } catch {}
      },
    },
    async end() {
      const count = await handle.ask(Read, {});
      if (count < added) throw new Error(count + " of " + added);
    },
  };
};
`;
}

test("finds the order that breaks a program, keeps it, and shows it again", async () => {
  writeFileSync(at("broken.sim.ts"), counter(false));
  const found = await run(["simulate", at("broken.sim.ts"), "--seeds", "50", "--events", "200"]);
  expect(found.exitCode).toBe(1);
  const { seeds, failures, hash } = JSON.parse(found.stdout) as {
    seeds: number;
    failures: { seed: number; what: string; file: string }[];
    hash: string;
  };
  const [failure] = failures;
  expect([failures.length, seeds, /^[\da-f]{8}$/.test(hash)]).toEqual([1, failure?.seed ?? 0, true]);
  expect(failure?.what).toMatch(/^end rejected: \d+ of \d+$/);
  expect(found.stderr).toContain(failure?.what ?? "");
  expect(readdirSync(at("regressions"))).toEqual([`seed-${failure?.seed}.json`]);

  const again = await run(["simulate", at("broken.sim.ts"), "--replay", failure?.file ?? ""]);
  expect([again.exitCode, again.stdout]).toEqual([1, ""]);
  writeFileSync(at("broken.sim.ts"), readFileSync(at("broken.sim.ts"), "utf8").replace("if (false)", "if (true)"));
  const mended = await run(["simulate", at("broken.sim.ts"), "--replay", failure?.file ?? ""]);
  expect([mended.exitCode, mended.stdout]).toEqual([0, `${failure?.file} fails no more\n`]);
}, 30_000);

test("says nothing of a program that holds, but how much was tried; the same seeds make the same runs", async () => {
  writeFileSync(at("sound.sim.ts"), counter(true));
  const runs = await Promise.all([1, 2].map(() => run(["simulate", at("sound.sim.ts"), "--seeds", "20", "--from", "7", "--events", "100"])));
  const [one, other] = runs.map(({ stdout }) => JSON.parse(stdout) as { seeds: number; events: number; failures: unknown[]; hash: string });
  expect(runs.map(({ exitCode, stderr }) => [exitCode, stderr])).toEqual([
    [0, ""],
    [0, ""],
  ]);
  expect([one?.seeds, one?.events, one?.failures, one?.hash]).toEqual([20, 2000, [], other?.hash]);
}, 30_000);

test("refuses what is no scenario, and what it has not kept", async () => {
  writeFileSync(at("none.ts"), "export default 1;\n");
  const none = await run(["simulate", at("none.ts")]);
  expect([none.exitCode, none.stderr.includes("does not export a scenario")]).toEqual([2, true]);
  const kept = await run(["simulate", at("sound.sim.ts"), "--replay", at("none.ts")]);
  expect([kept.exitCode, kept.stderr.includes("is not what a simulation has kept")]).toEqual([2, true]);
  expect((await run(["simulate", at("sound.sim.ts"), "--seeds", "0"])).exitCode).toBe(2);
});
