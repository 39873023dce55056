import { describe, expect, test } from "bun:test";
import { agent } from "../../src/agent/blueprint.ts";
import type { RestartKind, Strategy } from "../../src/agent/definition.ts";
import { failure, outcome, testSystem, turns } from "../support/system.ts";
import { Add, childOf, crash, Hang, pass, Quit, worker } from "./workers.ts";

const names = ["a", "b", "c", "d"] as const;

/** A parent with the children a to d, and what its diary says after they have come up. */
async function group(strategy: Strategy, kinds: Partial<Record<string, RestartKind>> = {}, fails: (name: string) => boolean = () => false) {
  const { system, clock } = testSystem();
  const diary: string[] = [];
  const blueprints = names.map((name) => worker(name, diary, () => fails(name)));
  const parent = blueprints.reduce(
    (blueprint, child) => blueprint.supervise(child, { restart: kinds[child.name] ?? "permanent" }),
    agent("parent", () => ({})).supervision({ strategy }),
  );
  const handle = await system.start(parent);
  diary.length = 0;
  const children = Object.fromEntries(blueprints.map((blueprint) => [blueprint.name, childOf(handle, blueprint)]));
  const child = (name: string) => children[name] as (typeof children)["a"] & object;
  return { system, clock, diary, handle, child };
}

describe("a group", () => {
  test.each<[Strategy, string, string, string]>([
    ["oneForOne", "b", "", "+b"],
    ["oneForAll", "b", "-d -c -a", "+a +b +c +d"],
    ["oneForAll", "d", "-c -b -a", "+a +b +c +d"],
    ["restForOne", "b", "-d -c", "+b +c +d"],
    ["restForOne", "d", "", "+d"],
    ["restForOne", "a", "-d -c -b", "+a +b +c +d"],
  ])("under %s, when %s crashes, goes down at once in reverse order and comes back in order", async (strategy, name, down, up) => {
    const { clock, diary, child } = await group(strategy);
    await crash(child(name));
    expect(diary.join(" ")).toBe(down);
    diary.length = 0;
    await pass(clock, 100);
    expect(diary.join(" ")).toBe(up);
    expect(names.map((each) => child(each).status)).toEqual(["running", "running", "running", "running"]);
    expect(clock.armed).toBe(0);
  });

  test("counts a restart for the child that went down only", async () => {
    const { clock, handle, child } = await group("oneForAll");
    await crash(child("b"));
    await pass(clock, 100);
    expect(handle.children.map(({ recentRestarts }) => recentRestarts)).toEqual([0, 1, 0, 0]);
    expect(names.map((name) => child(name).generation)).toEqual([2, 2, 2, 2]);
    clock.advance(60_000);
    expect(handle.children.map(({ recentRestarts }) => recentRestarts)).toEqual([0, 0, 0, 0]);
  });

  test("does not bring back its temporary members, which end with it", async () => {
    const { clock, diary, handle, child } = await group("oneForAll", { c: "temporary" });
    await crash(child("a"));
    await pass(clock, 100);
    expect(diary.join(" ")).toBe("-d -c -b +a +b +d");
    expect([child("c").status, handle.children.length]).toEqual(["stopped", 3]);
  });

  test("does not mind a transient member that has ended in peace, and leaves it alone when it restarts", async () => {
    const { clock, diary, child } = await group("oneForAll", { b: "transient" });
    await child("b").send(Quit, {});
    await turns();
    expect(diary.join(" ")).toBe("-b");
    await crash(child("a"));
    await pass(clock, 100);
    expect(diary.join(" ")).toBe("-b -d -c +a +c +d");
    expect(child("b").status).toBe("stopped");
  });

  test("keeps the mailboxes of those that go down with another; what they ran ends", async () => {
    const { clock, child } = await group("oneForAll");
    const hanging = failure(child("d").ask(Hang, {}));
    await turns();
    await crash(child("a"));
    const asked = child("d").ask(Add, {});
    expect((await hanging).message).toBe("the agent restarted");
    expect(await outcome(asked)).toBe("pending");
    await pass(clock, 100);
    expect(await outcome(asked)).toEqual({ value: 1 });
  });

  test("that is down already counts a further crash of none of its members", async () => {
    const { clock, handle, child } = await group("oneForAll");
    await Promise.all([crash(child("a")), crash(child("b"))]);
    await pass(clock, 100);
    expect(handle.children.map(({ recentRestarts }) => recentRestarts)).toEqual([1, 0, 0, 0]);
    expect(names.map((name) => child(name).status)).toEqual(["running", "running", "running", "running"]);
  });

  test("is tried again as a whole when one of it does not come up: nobody comes up before those that started earlier", async () => {
    const failing = new Set<string>();
    const { clock, diary, child } = await group("oneForAll", {}, (name) => failing.has(name));
    failing.add("c");
    await crash(child("a"));
    diary.length = 0;
    await pass(clock, 100);
    expect(diary.join(" ")).toBe("+a +b -b -a");
    failing.clear();
    diary.length = 0;
    await pass(clock, 100);
    expect(diary.join(" ")).toBe("+a +b +c +d");
  });

  test("under restForOne waits for an earlier member that goes down while the later ones wait", async () => {
    const { clock, diary, child } = await group("restForOne");
    await crash(child("c"));
    await pass(clock, 40);
    await crash(child("b"));
    diary.length = 0;
    await pass(clock, 60);
    const early = diary.join(" ");
    await pass(clock, 40);
    expect([early, diary.join(" ")]).toEqual([early.startsWith("+c") ? "never" : early, "+b +c +d"]);
  });

  test("that takes long to go down comes up once, however many of it have ended meanwhile", async () => {
    const { system, clock } = testSystem();
    const leaving = { b: Promise.withResolvers<void>(), c: Promise.withResolvers<void>() };
    const members = names.slice(0, 3).map((name) => worker(name).afterStop(() => leaving[name as "b" | "c"]?.promise));
    const blueprint = members.reduce((parent, each) => parent.supervise(each), agent("parent", () => ({})).supervision({ strategy: "oneForAll" }));
    const handle = await system.start(blueprint);
    const [a, , c] = members.map((each) => childOf(handle, each));
    await c?.send(Quit, {});
    await crash(a);
    await pass(clock, 100);
    leaving.c.resolve();
    await turns();
    await pass(clock, 200);
    leaving.b.resolve();
    await turns();
    await pass(clock, 1_000);
    expect(handle.children.map(({ handle: child }) => [child.name, child.status, child.generation])).toEqual([
      ["a", "running", 2],
      ["b", "running", 2],
      ["c", "running", 2],
    ]);
  });

  test("does not bring back a transient member that ends in peace while its way up waits for that", async () => {
    const { system, clock } = testSystem();
    const [down, stopped] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const waits = [down.promise];
    const first = worker("first");
    const last = worker("last").afterStop(() => waits.shift() ?? stopped.promise);
    const handle = await system.start(
      agent("parent", () => ({}))
        .supervision({ strategy: "oneForAll" })
        .supervise(first)
        .supervise(last, { restart: "transient" }),
    );
    await crash(childOf(handle, first));
    const child = childOf(handle, last);
    void child.stop();
    down.resolve();
    await turns();
    await pass(clock, 100);
    stopped.resolve();
    await turns();
    await pass(clock, 1_000);
    expect([child.status, child.generation, childOf(handle, first).status]).toEqual(["stopped", 1, "running"]);
  });

  test("whose one member is given up goes on without it", async () => {
    const failing = new Set<string>();
    const { clock, handle, child } = await group("oneForAll", {}, (name) => failing.has(name));
    failing.add("b");
    await crash(child("a"));
    for (let i = 0; i < 12; i++) await pass(clock, 5_000);
    expect(names.map((name) => child(name).status)).toEqual(["running", "stopped", "running", "running"]);
    expect(handle.status).toBe("running");
    expect(clock.armed).toBe(0);
  });

  test("leaves a member alone that is unsupervised while it is down", async () => {
    const { clock, diary, handle, child } = await group("oneForAll");
    await crash(child("a"));
    await handle.unsupervise(child("c"));
    diary.length = 0;
    await pass(clock, 100);
    expect(diary.join(" ")).toBe("+a +b +d");
    expect(child("c").status).toBe("stopped");
  });

  test("stops with its parent, wherever it is on its way", async () => {
    for (const ms of [0, 50, 100]) {
      const { clock, handle, child } = await group("restForOne");
      await crash(child("b"));
      await pass(clock, ms);
      await handle.stop();
      await pass(clock, 1_000);
      expect(names.map((name) => child(name).status)).toEqual(["stopped", "stopped", "stopped", "stopped"]);
      expect(clock.armed).toBe(0);
    }
  });
});
