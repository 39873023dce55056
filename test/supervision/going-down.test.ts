import { describe, expect, test } from "bun:test";
import { agent } from "../../src/agent/blueprint.ts";
import { testSystem } from "../support/system.ts";
import { childOf, worker } from "./workers.ts";

const parent = agent("parent", () => ({}));

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
