// Several threads behind one handle.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { agent, AgentRestarted, type AgentHandle, pool, SupervisionEscalated } from "acton";
import { Exit, Heard, Keep, Kept, Spin, Stop, team, teams, usual, Who } from "./pooled.ts";
import { Told } from "./scene.ts";
import { heard, outcomeOf, outcomesOf, passing, stage, until } from "./stage.ts";

// A thread takes its time on a machine that is busy.
setDefaultTimeout(30_000);

const limits = { backoffMs: 1, backoffMaxMs: 2 };
const module = "pooled.ts";

function counted(names: readonly unknown[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[String(name)] = (counts[String(name)] ?? 0) + 1;
  return counts;
}

describe("a pool", () => {
  test("has as many members as it says, and one handle", async () => {
    await using scene = stage(module);
    const told = heard(scene, Told);
    const handle = await scene.runtime.start(teams.roundRobin);
    await until(() => told.length === 3);
    expect(told.map(({ payload }) => String(payload)).sort()).toEqual(["up roundRobin-1", "up roundRobin-2", "up roundRobin-3"]);
    expect([handle.name, handle.status, handle.generation]).toEqual(["roundRobin", "running", 1]);
    await handle.stop();
    await until(() => told.length === 6);
    expect(await outcomesOf([handle.ask(Who, {}), handle.send(Keep, { key: "" })])).toMatchObject([
      { code: "AGENT_STOPPED", ran: "no" },
      { code: "AGENT_STOPPED", ran: "no" },
    ]);
    expect(handle.trySend(Keep, { key: "" })).toBe(false);
  });

  test.each([0, -1, 1.5, NaN, Infinity])("of %p members is refused", (size) => expect(() => pool({ size })).toThrow(RangeError));

  test("by turns gives each member as many", async () => {
    await using scene = stage(module);
    const handle = await scene.runtime.start(teams.roundRobin);
    const names = await Promise.all(Array.from({ length: 30 }, () => handle.ask(Who, {})));
    expect(counted(names)).toEqual({ "roundRobin-1": 10, "roundRobin-2": 10, "roundRobin-3": 10 });
  });

  test("by load leaves a busy member alone", async () => {
    await using scene = stage(module);
    const handle = await scene.runtime.start(teams.leastLoaded);
    const busy = handle.ask(Spin, { ms: 200 });
    const names = [];
    for (let i = 0; i < 10; i++) names.push(await handle.ask(Who, {}));
    expect(names).not.toContain(await busy);
    expect(Object.keys(counted(names))).toHaveLength(2);
    const together = counted(await Promise.all(Array.from({ length: 30 }, () => handle.ask(Who, {}))));
    expect(Object.keys(together)).toHaveLength(3);
  });

  test("by key gives what has one key to one member, in order", async () => {
    await using scene = stage(module);
    const handle = await scene.runtime.start(teams.byKey);
    const keys = Array.from({ length: 20 }, (_, i) => `key ${i}`);
    const first = await Promise.all(keys.map((key) => handle.ask(Who, { key })));
    expect(new Set(first).size).toBe(3);
    expect(await Promise.all(keys.map((key) => handle.ask(Who, { key })))).toEqual(first);
    for (let i = 0; i < 300; i++) await handle.send(Keep, { key: "key 1" });
    const kept = await handle.ask(Kept, { key: "key 1" });
    expect(kept.length).toBe(300);
  });

  test("whose key cannot be found fails that request alone", async () => {
    await using scene = stage(module);
    const handle = await scene.runtime.start(teams.byKey);
    const outcomes = await outcomesOf([handle.ask(Who, { key: "bad" }), handle.send(Keep, { key: "bad" }), handle.ask(Who, { key: "good" })]);
    expect(outcomes).toMatchObject([
      { code: "HANDLER_FAILED", message: expect.stringContaining("no such key"), ran: "no" },
      { code: "HANDLER_FAILED", ran: "no" },
      { value: expect.stringContaining("byKey-") },
    ]);
  });

  test("gives each broadcast to exactly one member", async () => {
    await using scene = stage(module);
    await scene.runtime.start(teams.roundRobin);
    const told = heard(scene, Told);
    for (let i = 0; i < 12; i++) scene.runtime.broker().broadcast(Heard, `${i}`);
    await until(() => told.length >= 12);
    await passing(30);
    const said = told.map(({ payload }) => String(payload).split(" "));
    expect(said.map(([, text]) => Number(text)).sort((a, b) => a - b)).toEqual([...Array(12).keys()]);
    expect(counted(said.map(([name]) => name))).toEqual({ "roundRobin-1": 4, "roundRobin-2": 4, "roundRobin-3": 4 });
  });

  test("works off what is queued when it stops, in all of its members", async () => {
    await using scene = stage(module);
    const handle = await scene.runtime.start(usual);
    const asked = outcomesOf(Array.from({ length: 200 }, () => handle.ask(Who, {})));
    await handle.stop();
    expect(counted((await asked).map((outcome) => (outcome as { value?: string }).value))).toEqual({
      "usual-1": expect.any(Number),
      "usual-2": expect.any(Number),
    });
  });

  test("goes on while a member ends: each request has one outcome, and the member comes back", async () => {
    await using scene = stage(module, { limits });
    const restarted = heard(scene, AgentRestarted);
    const handle = await scene.runtime.start(teams.roundRobin);
    for (const killer of [() => handle.ask(Exit, {}), () => handle.ask(Spin, { ms: 60_000 })]) {
      const before = restarted.length;
      const ends = outcomeOf(killer());
      const asked = await outcomesOf(Array.from({ length: 60 }, () => handle.ask(Who, {})));
      expect(await ends).toMatchObject({ code: "AGENT_STOPPED", ran: "yes" });
      expect(asked.filter((outcome) => (outcome as { value?: unknown }).value === undefined)).toEqual([]);
      await until(() => restarted.length === before + 1);
      expect(handle.status).toBe("running");
    }
    expect(Object.keys(counted(await Promise.all(Array.from({ length: 30 }, () => handle.ask(Who, {})))))).toHaveLength(3);
  });

  test("brings a member back that stopped", async () => {
    await using scene = stage(module, { limits });
    const restarted = heard(scene, AgentRestarted);
    const handle = await scene.runtime.start(usual);
    await handle.send(Stop, {});
    await until(() => restarted.length === 1);
    expect(await handle.ask(Who, {})).toStartWith("usual-");
  });

  test.each(["alone", "supervised"])("goes down as a whole when a member is given up: %s", async (how) => {
    await using scene = stage(module, { limits: { ...limits, restartsMax: 1 } });
    const escalated = heard(scene, SupervisionEscalated);
    const restarted = heard(scene, AgentRestarted);
    const keeper = await scene.runtime.start(agent("keeper", () => ({})));
    const handle: AgentHandle<typeof Exit | typeof Who> =
      how === "alone" ? await scene.runtime.start(teams.byKey) : await keeper.supervise(teams.byKey);
    expect(await outcomeOf(handle.ask(Exit, {}))).toMatchObject({ code: "AGENT_STOPPED", ran: "yes" });
    await until(() => restarted.length === 1);
    expect(await outcomeOf(handle.ask(Exit, {}))).toMatchObject({ code: "AGENT_STOPPED", ran: "yes" });
    await until(() => escalated.length === 1);
    if (how === "alone") return handle.reached("stopped");
    await until(() => handle.generation === 2 && handle.status === "running");
    expect(await handle.ask(Who, { key: "a" })).toStartWith("byKey-");
    return undefined;
  });

  test("that is full refuses, as one agent does", async () => {
    await using scene = stage(module, { limits: { mailboxSize: 2, waitingSendersMax: 1, sendTimeoutMs: 10 } });
    const handle = await scene.runtime.start(usual);
    const busy = outcomesOf([handle.ask(Spin, { ms: 150 }), handle.ask(Spin, { ms: 150 })]);
    let taken = 0;
    while (handle.trySend(Keep, { key: "" })) taken += 1;
    expect(taken).toBeLessThan(20);
    const sends = await outcomesOf(Array.from({ length: 6 }, () => handle.send(Keep, { key: "" })));
    expect(counted(sends.map((each) => (each as { code: string }).code))).toEqual({ TARGET_BUSY: 6 });
    await busy;
    expect(await handle.ask(Who, {})).toStartWith("usual-");
  });
});

describe("a pool whose code is exchanged", () => {
  test("keeps the keys of members that are not there any more", async () => {
    await using scene = stage(module);
    const handle = await scene.runtime.start(team("shrinking", { size: 4, route: teams.byKey.definition.placement!.route }));
    const keys = Array.from({ length: 12 }, (_, i) => `${i}`);
    const names = async (): Promise<unknown> => Promise.all(keys.map((key) => handle.ask(Who, { key })));
    expect(new Set((await names()) as string[]).size).toBe(4);
    await handle.reload(team("shrinking", { size: 2, route: teams.byKey.definition.placement!.route }));
    expect([...new Set((await names()) as string[])].sort()).toEqual(["shrinking-1", "shrinking-2"]);
  });
});

test("a pool that is not up yet keeps what is broadcast", async () => {
  await using scene = stage(module);
  const told = heard(scene, Told);
  const starting = scene.runtime.start(usual);
  await until(() => told.some(({ payload }) => String(payload).startsWith("up")));
  scene.runtime.broker().broadcast(Heard, "early");
  await starting;
  await until(() => told.some(({ payload }) => String(payload).endsWith("early")));
});
