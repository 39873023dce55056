// A whole application is exchanged under its clients: on a machine in memory, with one connection from first to last.

import { afterEach, expect, test } from "bun:test";
import { z } from "zod";
import { ActonApp, agent, type Application, app, ManualClock, message, type MessageType } from "acton";
import { type Client, connect } from "acton/client";
import { MemoryMachine } from "acton/testing";
import { RunningApplication } from "../src/running-application.ts";
import { oneRound } from "./support/conditions.ts";
import { failure, Latch, type LogLine, recordingLog, turns } from "./support/system.ts";

const path = "/tmp/test.sock";
const Total = message("Total", { code: z.string(), total: z.int() });
const Add = message("Add", { n: z.int() }).replies(Total);
const News = message("News", { text: z.string() });
type Handler = (n: number) => unknown;

const counter = (code: string, before: Handler = () => {}) =>
  agent("counter", () => ({ total: 0 }))
    .carryOver((old: { total: number }) => ({ total: old.total }))
    .mutateOn(Add, async ({ model, message: { n } }) => {
      await before(n);
      return { code, total: (model.total += n) };
    });
const named = (name: string, code: string) => agent(name, () => ({})).actOn(Add, ({ message: { n } }) => ({ code, total: n }));

const source = (application: Application) => ({ application, module: undefined });

const open: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

async function served(application: Application) {
  const clock = new ManualClock();
  const machine = new MemoryMachine();
  const lines: LogLine[] = [];
  const log = recordingLog(lines);
  const runtime = ActonApp.launch({ ...machine.process().seams, clock, log });
  const running = await RunningApplication.start(application, runtime, log);
  await runtime.startIpcListener({ socketPath: path });
  const client = await connect(path, { transport: machine.process().transport, clock, keepAliveMs: 0 });
  open.push(async () => {
    let done = false;
    void runtime.shutdownAll().then(() => (done = true));
    while (!done) {
      clock.advance(60_000);
      await oneRound();
    }
    await client.close();
  });
  return { runtime, running, client, lines };
}

const agentsOf = async (client: Client) => (await client.discover()).agents?.map(({ name }) => name).sort();

test("code and models are exchanged under a connection, and what was asked meanwhile is answered by the new code", async () => {
  const latch = new Latch();
  const { running, client } = await served(app({ agents: [counter("old", (n) => (n === 2 ? latch.wait() : undefined))] }));
  expect(await client.ask("counter", Add, { n: 1 })).toEqual({ code: "old", total: 1 });
  const runs = client.ask("counter", Add, { n: 2 });
  while (latch.waiting === 0) await oneRound();
  const reload = running.reload(source(app({ agents: [counter("new")] })));
  const queued = client.ask("counter", Add, { n: 3 });
  await turns();
  latch.open();
  expect(await Promise.all([runs, queued])).toEqual([
    { code: "old", total: 3 },
    { code: "new", total: 6 },
  ]);
  await reload;
});

test("agents that are new are exposed, those that are gone are stopped and hidden", async () => {
  const { running, client } = await served(app({ agents: [named("a", "old"), named("b", "old")] }));
  await running.reload(source(app({ agents: [named("c", "new"), named("b", "new")] })));
  expect(await agentsOf(client)).toEqual(["b", "c"]);
  expect(await client.ask("b", Add, { n: 1 })).toEqual({ code: "new", total: 1 });
  expect(await client.ask("c", Add, { n: 1 })).toEqual({ code: "new", total: 1 });
  expect((await failure(client.ask("a", Add, { n: 1 }))).code).toBe("ACTOR_NOT_FOUND");
});

test("an agent that had stopped by itself starts again", async () => {
  const Stop = message("Stop", {});
  const stopping = named("a", "old").mutateOn(Stop, ({ self }) => void self.stop());
  const { running, client } = await served(app({ agents: [stopping] }));
  await client.send("a", Stop, {});
  while ((await client.ask("a", Add, { n: 1 }).catch(() => undefined)) !== undefined) await oneRound();
  await running.reload(source(app({ agents: [named("a", "new")] })));
  expect(await client.ask("a", Add, { n: 1 })).toEqual({ code: "new", total: 1 });
});

test("a type takes the schema of the new code, in validation too where JSON Schema does not show it", async () => {
  const even = (text: string) => message("Even", { n: z.int().refine((n) => n % 2 === 0, text) }).replies(Total);
  const taking = (type: MessageType<"Even", { n: number }, "request", { code: string; total: number }>) =>
    app({ agents: [agent("a", () => ({})).actOn(type, ({ message: { n } }) => ({ code: "", total: n }))] });
  const { running, client } = await served(taking(even("is odd")));
  await running.reload(source(taking(even("cannot be halved"))));
  expect((await failure(client.ask("a", even(""), { n: 1 }))).message).toContain("cannot be halved");
  const text = message("Even", { n: z.string() }).replies(Total);
  await running.reload(source(app({ agents: [agent("a", () => ({})).actOn(text, ({ message: { n } }) => ({ code: n, total: 0 }))] })));
  expect(await client.ask("a", text, { n: "two" })).toEqual({ code: "two", total: 0 });
});

test("subscriptions of clients go on by name", async () => {
  const { running, client, runtime } = await served(app({ agents: [], publishes: [News] }));
  const pushes = client.subscribe(News)[Symbol.asyncIterator]();
  const first = pushes.next();
  await client.ping();
  runtime.broker().broadcast(News, { text: "old" });
  expect((await first).value).toMatchObject({ payload: { text: "old" } });
  await running.reload(source(app({ agents: [], publishes: [message("News", { text: z.string(), by: z.string() })] })));
  const second = pushes.next();
  runtime.broker().broadcast(message("News", { text: z.string(), by: z.string() }), { text: "new", by: "me" });
  expect((await second).value).toMatchObject({ payload: { text: "new", by: "me" } });
});

test("with `changed`, only the agents of these names are touched", async () => {
  const { running, client } = await served(app({ agents: [named("a", "old"), named("b", "old")] }));
  await running.reload(source(app({ agents: [named("a", "new"), named("b", "new")] })), new Set(["b"]));
  expect(await client.ask("a", Add, { n: 1 })).toEqual({ code: "old", total: 1 });
  expect(await client.ask("b", Add, { n: 1 })).toEqual({ code: "new", total: 1 });
});

test("with `changed`, an agent that had stopped runs once, however often its code changes", async () => {
  const Stop = message("Stop", {});
  let alive = 0;
  const version = (code: string, other: ReturnType<typeof named> = named("b", code)) => {
    const stopping = named("a", code)
      .afterStart(() => void (alive += 1))
      .afterStop(() => void (alive -= 1));
    return app({ agents: [stopping.mutateOn(Stop, ({ self }) => void self.stop()), other] });
  };
  const { running, client } = await served(version("old"));
  await client.send("a", Stop, {});
  while (alive > 0) await oneRound();
  const unstartable = named("b", "broken").beforeStart(() => Promise.reject(new TypeError("no database")));
  expect(await failure(running.reload(source(version("broken", unstartable)), new Set(["a", "b"])))).toHaveProperty("message");
  expect(alive).toBe(0);
  for (const code of ["new", "newer", "newest"]) {
    await running.reload(source(version(code)), new Set(["a"]));
    expect(await client.ask("a", Add, { n: 1 })).toEqual({ code, total: 1 });
    expect(alive).toBe(1);
  }
  await running.reload(source(app({ agents: [named("b", "last")] })));
  expect(alive).toBe(0);
});

const failing = agent("failing", () => ({})).beforeStart(() => {
  throw new TypeError("no database");
});
const clashing = agent("clashing", () => ({})).actOn(message("Add", { n: z.string() }).replies(Total), () => ({ code: "clash", total: 0 }));

test.each([
  ["an agent does not start", app({ agents: [counter("new"), named("added", "new"), failing] }), "no database"],
  ["two agents share a name", app({ agents: [named("added", "new"), counter("new"), named("added", "newer")] }), 'two agents named "added"'],
  ["two schemas share a name", app({ agents: [counter("new"), named("added", "new"), clashing] }), "another schema"],
  [
    "setup fails",
    app({
      agents: [counter("new"), named("added", "new")],
      setup() {
        throw new TypeError("no setup");
      },
    }),
    "no setup",
  ],
] as const)("the old code goes on as it was when %s", async (_, next, problem) => {
  const notes: string[] = [];
  const setup = () => {
    notes.push("set up");
    return () => void notes.push("undone");
  };
  const { running, client, runtime } = await served(app({ agents: [counter("old"), named("b", "old")], setup }));
  await client.ask("counter", Add, { n: 5 });
  expect(await running.reload(source(next)).catch((error: Error) => error.message)).toContain(problem);
  expect(await agentsOf(client)).toEqual(["b", "counter"]);
  expect(await client.ask("counter", Add, { n: 1 })).toEqual({ code: "old", total: 6 });
  expect(await client.ask("b", Add, { n: 1 })).toEqual({ code: "old", total: 1 });
  expect(runtime.ipcRegistry().find("Add")).toBe(Add);
  expect(notes).toEqual(problem.startsWith("two agents") ? ["set up"] : ["set up", "undone", "set up"]);
  await running.reload(source(app({ agents: [counter("mended")] })));
  expect(await client.ask("counter", Add, { n: 1 })).toEqual({ code: "mended", total: 7 });
});

test("setup runs again when the one before returned what undoes it, and else not, which is logged", async () => {
  const notes: string[] = [];
  const withSetup = (note: string, result?: () => void) =>
    app({
      setup: () => {
        notes.push(note);
        return result;
      },
    });
  const { running, lines } = await served(withSetup("1", () => void notes.push("1 undone")));
  await running.reload(source(withSetup("2")));
  await running.reload(source(withSetup("3")));
  expect(notes).toEqual(["1", "1 undone", "2"]);
  expect(lines.filter(({ level }) => level === "warn").map((line) => line.message)).toEqual([
    "setup is not run again: it did not return a function that undoes what it did",
  ]);
});
