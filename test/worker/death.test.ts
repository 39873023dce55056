// Threads that end in the middle of their work: each request has one outcome, and what had not begun is worked on once, by
// the next life.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { agent, type AgentHandle } from "acton";
import { shortLived } from "./modules/short-lived.ts";
import { Beside, BesideFlow, deciding, Do, Order, Told } from "./scene.ts";
import { heard, outcomeOf, outcomesOf, passing, read, type Stage, stage, until } from "./stage.ts";

// A thread takes its time on a machine that is busy.
setDefaultTimeout(30_000);

type Mortal = AgentHandle<typeof Do | typeof Beside | typeof Order | typeof BesideFlow>;
/** How many there are of each outcome. */
function tally(outcomes: readonly unknown[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes as (Failed & { readonly value?: unknown })[]) {
    const what = outcome.code === undefined ? `value ${String(outcome.value)}` : `${outcome.code} ${outcome.ran}`;
    counts[what] = (counts[what] ?? 0) + 1;
  }
  return counts;
}

type Failed = { readonly code: string; readonly ran: string };

const stuckMs = 200;
const limits = { backoffMs: 1, backoffMaxMs: 2 };

/** What each of the numbered messages came to, and which of them were worked on, in order. */
async function beset(scene: Stage, handle: Mortal, deed: string): Promise<{ outcomes: unknown[]; worked: unknown[]; ends: unknown }> {
  const told = heard(scene, Told);
  const numbers = Array.from({ length: 150 }, (_, i) => i);
  // Answered by itself: what is said in the very turn in which a thread ends may end with it.
  await handle.ask(Do, { deed: "tell", with: ["before"] });
  const begun = outcomeOf(handle.ask(Do, { deed }));
  const asked = numbers.map((i) =>
    i % 3 === 0 ? handle.send(Order, { deed: "tell", with: [`${i}`] }) : handle.ask(Do, { deed: "tell", with: [`${i}`] }),
  );
  const outcomes = await outcomesOf(asked);
  const ends = await begun;
  return { outcomes, worked: told.map(({ payload }) => payload), ends };
}

const numbered = ["before", ...Array.from({ length: 150 }, (_, i) => `${i}`)];

describe.each(["forever", "exit", "hoard"])("a thread that ends by %s", (deed) => {
  const blueprint = (base: typeof deciding.default) => base.runOn("worker", { stuckMs, heapBytesMax: 100e6 });

  const ways = deed === "exit" ? (["default", "restart", "supervised"] as const) : (["supervised"] as const);
  test.each(ways)("leaves what it had not begun to its next life: %s", async (how) => {
    await using scene = stage("scene.ts", { limits });
    const keeper = await scene.runtime.start(agent("keeper", () => ({})));
    const base = how === "supervised" ? deciding.default : deciding[how];
    const handle: Mortal = how === "supervised" ? await keeper.supervise(blueprint(base)) : await scene.runtime.start(blueprint(base));
    const { outcomes, worked, ends } = await beset(scene, handle, deed);
    expect(ends).toMatchObject({ code: "AGENT_STOPPED", ran: "yes" });
    await until(() => worked.length >= 0 && handle.status === "running");
    expect(tally(outcomes)).toEqual({ "value undefined": 50, "value broadcast": 100 });
    expect(worked).toEqual(numbered);
    expect(await handle.ask(Beside, { deed: "status" })).toEqual(["running", 2]);
    expect(scene.lines.filter(({ message }) => message === "worker lost")).toHaveLength(1);
  });

  if (deed === "hoard") return;

  test("fails what it had not begun when its policy is to stop", async () => {
    await using scene = stage("scene.ts", { limits });
    const handle: Mortal = await scene.runtime.start(blueprint(deciding.stop));
    const { outcomes, worked, ends } = await beset(scene, handle, deed);
    expect(ends).toMatchObject({ code: "AGENT_STOPPED", ran: "yes" });
    expect(tally(outcomes)).toEqual({ "value undefined": 50, "AGENT_STOPPED no": 100 });
    expect(worked).toEqual(["before"]);
    await handle.reached("stopped");
  });

  test("fails what it had not begun when it is stopping already", async () => {
    await using scene = stage("scene.ts", { limits });
    const handle: Mortal = await scene.runtime.start(blueprint(deciding.default));
    await handle.ask(Do, { deed: "status" });
    const asked = outcomesOf([handle.ask(Do, { deed }), ...Array.from({ length: 100 }, () => handle.ask(Do, { deed: "status" }))]);
    await Promise.all([handle.stop(), asked]);
    const [ends, ...others] = (await asked) as Failed[];
    expect(ends).toMatchObject({ code: "AGENT_STOPPED", ran: "yes" });
    expect(tally(others)).toEqual({ "AGENT_STOPPED no": 100 });
    expect(scene.lines.filter(({ message }) => message === "agent stopped by force")).toEqual([]);
  });
});

describe("what runs beside the handler that ends a thread", () => {
  test("fails too, begun as it was: requests, streams, and answers that were put off", async () => {
    await using scene = stage("scene.ts", { limits });
    const handle: Mortal = await scene.runtime.start(deciding.default.runOn("worker", { stuckMs }));
    const deferred = outcomeOf(handle.ask(Do, { deed: "defer" }));
    const hanging = outcomesOf(Array.from({ length: 5 }, () => handle.ask(Beside, { deed: "hang" })));
    const stream = handle.stream(BesideFlow, { deed: "endless" });
    await handle.ask(Beside, { deed: "status" });
    const ends = outcomeOf(handle.ask(Beside, { deed: "forever" }));
    expect(await ends).toMatchObject({ code: "AGENT_STOPPED", ran: "yes" });
    for (const outcome of [await deferred, ...(await hanging), await read(stream)])
      expect(outcome).toMatchObject({ code: "AGENT_STOPPED", ran: "yes" });
    expect(await handle.ask(Do, { deed: "echo", with: 1 })).toBe(1);
  });

  test("is told nothing more when it was answered before", async () => {
    await using scene = stage("scene.ts", { limits });
    const handle: Mortal = await scene.runtime.start(deciding.default.runOn("worker", { stuckMs }));
    const [first, second] = await outcomesOf([handle.ask(Do, { deed: "echo", with: 1 }), handle.ask(Beside, { deed: "exit" })]);
    // What was answered in the turn in which the thread ended may not have come out any more; then it had begun.
    expect([{ value: 1 }, { code: "AGENT_STOPPED" }].some((known) => Bun.deepMatch(known, first))).toBe(true);
    expect(second).toMatchObject({ code: "AGENT_STOPPED", ran: "yes" });
  });
});

describe("what nobody awaits in a thread", () => {
  test("is logged with its agent, which lives on", async () => {
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "faulty-process.ts")], { stdout: "pipe", stderr: "inherit" });
    const { status, faults } = JSON.parse(await new Response(child.stdout).text());
    expect(faults.sort()).toEqual([
      ["default", "floating"],
      ["default", "in a timer"],
    ]);
    expect([status, await child.exited]).toEqual([["running", 1], 0]);
  });
});

test("an agent alone whose threads end before they have done anything is not started for ever", async () => {
  await using scene = stage("modules/short-lived.ts", { limits: { restartsMax: 3 } });
  const handle = await scene.runtime.start(shortLived);
  await until(() => handle.status === "stopped", "the end");
  expect(handle.generation).toBeLessThanOrEqual(5);
  expect(scene.lines.filter(({ message }) => message === "worker lost").length).toBeGreaterThan(3);
});

test("a program waits for what its threads still say, and then ends by itself", async () => {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "forgetful-process.ts")], { stdout: "pipe", stderr: "inherit" });
  expect(await new Response(child.stdout).text()).toBe("[0,1,2,3]");
  expect(await child.exited).toBe(0);
});

describe("stopping a stuck agent", () => {
  test("takes no longer than every stop may, and each request has its outcome", async () => {
    await using scene = stage("scene.ts", { limits: { stopTimeoutMs: 300 } });
    const handle: Mortal = await scene.runtime.start(deciding.default.runOn("worker", { stuckMs: Infinity }));
    await handle.ask(Do, { deed: "status" });
    const asked = outcomesOf([handle.ask(Do, { deed: "forever" }), handle.ask(Do, { deed: "status" })]);
    await passing(50);
    await handle.stop();
    expect(await asked).toMatchObject([
      { code: "AGENT_STOPPED", ran: "yes" },
      { code: "AGENT_STOPPED", ran: "no" },
    ]);
    expect(handle.status).toBe("stopped");
  });

  test("by shutting down takes no longer either", async () => {
    const scene = stage("scene.ts", { limits: { stopTimeoutMs: 300 } });
    const handles: Mortal[] = await Promise.all([1, 2].map(() => scene.runtime.start(deciding.default.runOn("worker", { stuckMs: Infinity }))));
    const asked = outcomesOf(handles.flatMap((handle) => [handle.ask(Do, { deed: "forever" }), handle.ask(Do, { deed: "status" })]));
    await passing(50);
    expect(await scene.runtime.shutdownAll()).toMatchObject({ complete: false });
    const codes = ((await asked) as Failed[]).map(({ code, ran }) => [code, ran]);
    expect(codes).toEqual([
      ["AGENT_STOPPED", "yes"],
      ["AGENT_STOPPED", "no"],
      ["AGENT_STOPPED", "yes"],
      ["AGENT_STOPPED", "no"],
    ]);
  });
});

describe("many deaths", () => {
  test("leave each request with one outcome, and nothing done twice", async () => {
    await using scene = stage("scene.ts", { limits: { ...limits, restartsMax: 100 } });
    const told = heard(scene, Told);
    const keeper = await scene.runtime.start(agent("keeper", () => ({})));
    const handle: Mortal = await keeper.supervise(deciding.default.runOn("worker"));
    const asked = Array.from({ length: 200 }, (_, i) =>
      i % 40 === 20 ? handle.ask(Beside, { deed: "exit" }) : handle.ask(i % 2 === 0 ? Do : Beside, { deed: "tell", with: [`${i}`] }),
    );
    const outcomes = (await outcomesOf(asked)) as (Failed & { value?: unknown })[];
    expect(outcomes.filter(({ code }) => code !== undefined && code !== "AGENT_STOPPED")).toEqual([]);
    expect(outcomes.filter((_, i) => i % 40 === 20)).toMatchObject(Array.from({ length: 5 }, () => ({ code: "AGENT_STOPPED", ran: "yes" })));
    const worked = told.map(({ payload }) => payload as string);
    expect(new Set(worked).size).toBe(worked.length);
    for (const [i, { value }] of outcomes.entries()) if (value !== undefined) expect(worked).toContain(`${i}`);
  });
});
