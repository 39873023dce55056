import { describe, expect, test } from "bun:test";
import { agent } from "../../src/agent/blueprint.ts";
import { Latch, testSystem, turns } from "../support/system.ts";
import { Add, childOf, crash, pass, worker } from "./workers.ts";

const parent = agent("parent", () => ({}));

describe("a parent that goes down", () => {
  test.each(["unsupervise", "release"] as const)("by a stop does not mind that a child is taken away by %s meanwhile", async (how) => {
    const { system, clock } = testSystem();
    const latch = new Latch();
    const handle = await system.start(parent);
    const a = await handle.supervise(worker("a"));
    await handle.supervise(worker("b").beforeStop(() => latch.wait()));
    const stopped = handle.stop();
    await turns();
    const left = handle[how](a);
    latch.open();
    await stopped;
    await left;
    expect([handle.status, a.status]).toEqual(["stopped", how === "release" ? "running" : "stopped"]);
    await system.stopAll();
    expect([a.status, clock.armed]).toEqual(["stopped", 0]);
  });

  test.each(["unsupervise", "release"] as const)("by a crash does not mind that a child is taken away by %s meanwhile", async (how) => {
    const { system, clock } = testSystem();
    const latch = new Latch();
    const middle = worker("middle");
    const handle = childOf(await system.start(parent.supervise(middle)), middle);
    const a = await handle.supervise(worker("a"));
    await handle.supervise(worker("b").beforeStop(() => latch.wait()));
    await crash(handle);
    const left = handle[how](a);
    latch.open();
    await left;
    await turns();
    await pass(clock, 100);
    expect([handle.status, handle.generation, a.status]).toEqual(["running", 2, how === "release" ? "running" : "stopped"]);
  });

  test("by a crash and is stopped meanwhile stops, and ends its children once", async () => {
    const { system, clock } = testSystem();
    const latch = new Latch();
    const diary: string[] = [];
    const middle = worker("middle", diary);
    const top = await system.start(parent.supervise(middle));
    const handle = childOf(top, middle);
    await handle.supervise(worker("a", diary));
    await handle.supervise(worker("b", diary).beforeStop(() => latch.wait()));
    diary.length = 0;
    await crash(handle);
    const stopped = top.stop();
    latch.open();
    await stopped;
    expect(diary).toEqual(["-b", "-a", "-middle"]);
    expect([top.status, handle.status, clock.armed]).toEqual(["stopped", "stopped", 0]);
  });

  test("alone by a crash, and is stopped by force meanwhile, does not come back", async () => {
    const { system, clock } = testSystem();
    const stuck = worker("stuck").beforeStop(() => new Promise(() => {}));
    const handle = await system.start(worker("alone").supervise(stuck).onCrash("restart"));
    await crash(handle);
    const stopped = handle.stop();
    await pass(clock, 10_000);
    await pass(clock, 10_000);
    await stopped;
    await pass(clock, 20_000);
    expect([handle.status, handle.generation, handle.children, clock.armed]).toEqual(["stopped", 1, [], 0]);
  });
});

describe("a sibling that goes down with its group", () => {
  test("and is stopped meanwhile runs its stop hooks once", async () => {
    const { system, clock } = testSystem();
    const latch = new Latch();
    const diary: string[] = [];
    const b = worker("b", diary).beforeStop(() => {
      diary.push("~b");
      return latch.wait();
    });
    const handle = await system.start(parent.supervise(worker("a", diary)).supervise(b).supervision({ strategy: "oneForAll" }));
    diary.length = 0;
    await crash(childOf(handle, worker("a")));
    expect(diary).toEqual(["~b"]);
    const stopped = handle.stop();
    await turns();
    latch.open();
    await stopped;
    expect(diary.filter((word) => word !== "-a")).toEqual(["~b", "-b"]);
    expect(clock.armed).toBe(0);
  });
});

describe("the end of everything", () => {
  test("takes along a child that its parent releases as it stops", async () => {
    const { system, clock } = testSystem();
    const a = worker("a");
    const handle = await system.start(parent.supervise(a).beforeStop(({ self }) => self.release(childOf(self, a))));
    const child = childOf(handle, a);
    await system.stopAll();
    expect([child.status, clock.armed]).toEqual(["stopped", 0]);
  });

  test("comes to whatever children are down or coming up", async () => {
    const { system, clock } = testSystem();
    let starts = 0;
    const hanging = worker("hanging").beforeStart(() => (++starts === 1 ? undefined : new Promise(() => {})));
    const handle = await system.start(parent.supervise(worker("a")).supervise(hanging).supervise(worker("c")));
    const children = handle.children.map((child) => child.handle);
    await crash(childOf(handle, hanging));
    await pass(clock, 100);
    await crash(childOf(handle, worker("a")));
    const a = childOf(handle, worker("a"));
    const asked = children.map((child) => (child as typeof a).ask(Add, {}).catch(String));
    const stopped = system.stopAll();
    await turns();
    for (let i = 0; i < 6; i++) await pass(clock, 5_000);
    await stopped;
    expect(await Promise.all(asked)).toEqual(["AgentStopped: the agent has stopped", "AgentStopped: the agent has stopped", 1]);
    expect([children.map(({ status }) => status), clock.armed]).toEqual([["stopped", "stopped", "stopped"], 0]);
  });
});
