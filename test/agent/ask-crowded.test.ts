// Asks that wait for room which only their own askers could make. No test here advances the clock.

import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { agent } from "../../src/agent/blueprint.ts";
import type { AgentHandle } from "../../src/agent/handle.ts";
import { ActonError } from "../../src/errors.ts";
import { message } from "../../src/message/message-type.ts";
import { Latch, outcome, testSystem, turns } from "../support/system.ts";

const Answer = message("Answer", z.string());
const Ping = message("Ping", {}).replies(Answer);
const Peek = message("Peek", {}).replies(Answer);
const Set = message("Set", {}).replies(Answer);
const Go = message("Go", {}).replies(Answer);

function codeOf(error: unknown): string {
  return error instanceof ActonError ? error.code : "other";
}

/** An agent whose readers ask it for something concurrent once the latch opens. */
async function selfAsker(readersMax: number) {
  const { system } = testSystem({ readersMax });
  const latch = new Latch();
  const handle = await system.start(
    agent("a", () => ({}))
      .actOn(Peek, async ({ self }) => {
        await latch.wait();
        return (self as AgentHandle<typeof Ping>).ask(Ping, {}).catch(codeOf);
      })
      .mutateOn(Set, () => "set")
      .actOn(Ping, () => "pong"),
  );
  return { handle, latch };
}

describe("a reader that asks its own agent for something concurrent", () => {
  test("is answered while there is room for it", async () => {
    const { handle, latch } = await selfAsker(2);
    const asked = handle.ask(Peek, {});
    latch.open();
    expect(await outcome(asked)).toEqual({ value: "pong" });
  });

  test("does not wait for the deadline when its own kind takes all the room", async () => {
    const { handle, latch } = await selfAsker(2);
    const asked = Promise.all([handle.ask(Peek, {}), handle.ask(Peek, {})]);
    await turns();
    latch.open();
    expect(await outcome(asked)).not.toBe("pending");
    expect(await handle.ask(Set, {})).toBe("set");
  });
});

describe("an exclusive ask that is queued behind others", () => {
  test("waits its turn: what stands before it ends by itself", async () => {
    const { system } = testSystem();
    const latch = new Latch<string>();
    const b = await system.start(
      agent("b", () => ({}))
        .mutateOn(Set, () => latch.wait())
        .mutateOn(Go, () => "b"),
    );
    const a = await system.start(
      agent("a", () => ({}))
        .mutateOn(Go, () => b.ask(Go, {}))
        .actOn(Ping, () => "pong"),
    );
    const set = b.ask(Set, {});
    await turns();
    const go = a.ask(Go, {});
    expect(await outcome(go)).toBe("pending");
    latch.open("set");
    expect(await Promise.all([set, go])).toEqual(["set", "b"]);
  });

  test("fails at once when what stands before it asks back", async () => {
    const { system } = testSystem();
    const latch = new Latch();
    let a: AgentHandle<typeof Go | typeof Ping> | undefined;
    const b = await system.start(
      agent("b", () => ({}))
        .mutateOn(Set, async () => {
          await latch.wait();
          return (await a?.ask(Ping, {}).catch(codeOf)) ?? "nobody";
        })
        .mutateOn(Go, () => "b"),
    );
    a = await system.start(
      agent("a", () => ({}))
        .mutateOn(Go, () => b.ask(Go, {}))
        .actOn(Ping, () => "pong"),
    );
    const set = b.ask(Set, {});
    const go = a.ask(Go, {});
    await turns();
    latch.open();
    expect(await outcome(set)).toEqual({ value: "ASK_CYCLE" });
    expect(await outcome(go)).toEqual({ value: "b" });
  });
});
