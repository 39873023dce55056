import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { agent } from "../../src/agent/blueprint.ts";
import { message } from "../../src/message/message-type.ts";
import { AgentTerminated } from "../../src/supervision/events.ts";
import { Latch, testSystem } from "../support/system.ts";
import { childOf, crash, pass, worker } from "./workers.ts";

const parent = agent("parent", () => ({}));
const Tick = message("Tick", {});
const Ticks = message("Ticks", {}).replies(message("TickCount", z.int()));

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

  test("keeps no schedule of an attempt that failed", async () => {
    const { system, clock } = testSystem();
    let starts = 0;
    let ticks = 0;
    const a = worker("a")
      .mutateOn(Tick, () => void (ticks += 1))
      .mutateOn(Ticks, () => ticks)
      .beforeStart(({ sendEvery }) => {
        sendEvery(10_000, Tick, {});
        if (++starts === 2 || starts === 3) throw new Error("not yet");
      });
    const handle = await system.start(parent.supervise(a));
    const child = childOf(handle, a);
    await crash(child);
    for (let i = 0; i < 8; i++) await pass(clock, 100);
    expect([child.status, starts]).toEqual(["running", 4]);
    await pass(clock, 10_000);
    expect(await child.ask(Ticks, {})).toBe(1);
  });
});
