import { describe, expect, test } from "bun:test";
import { agent } from "../../src/agent/blueprint.ts";
import { AgentTerminated } from "../../src/supervision/events.ts";
import { Latch, testSystem } from "../support/system.ts";
import { crash, pass, worker } from "./workers.ts";

const parent = agent("parent", () => ({}));

/** A worker whose start number `n` waits for `latches[n]`, where there is one. */
function slow(name: string, latches: ReadonlyArray<Latch | undefined>, diary: string[] = []) {
  let starts = 0;
  return worker(name, diary).beforeStart(async () => {
    await latches[++starts]?.wait();
    diary.push(`+${name}`);
  });
}

describe("a child that is coming up", () => {
  test("that is unsupervised meanwhile is told of as unsupervised, and of nothing after that", async () => {
    const { system, clock } = testSystem();
    const reasons: string[] = [];
    system.broker.subscribe(AgentTerminated, ({ reason }) => reasons.push(reason));
    const handle = await system.start(parent);
    const child = await handle.supervise(slow("a", [undefined, undefined, new Latch()]));
    await crash(child);
    await pass(clock, 100);
    const ended = handle.unsupervise(child);
    await pass(clock, 10_000);
    await pass(clock, 10_000);
    await ended;
    expect(reasons).toEqual(["crashed", "unsupervised"]);
    expect([child.status, clock.armed]).toEqual(["stopped", 0]);
  });
});
