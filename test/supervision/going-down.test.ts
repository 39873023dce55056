import { describe, expect, test } from "bun:test";
import { agent } from "../../src/agent/blueprint.ts";
import { Latch, testSystem, turns } from "../support/system.ts";
import { childOf, crash, pass, worker } from "./workers.ts";

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
});
