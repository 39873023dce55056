import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { agent } from "../../src/agent/blueprint.ts";
import type { AgentHandle } from "../../src/agent/handle.ts";
import { message } from "../../src/message/message-type.ts";
import { DeadLetter } from "../../src/runtime/dead-letter.ts";
import { Latch, testSystem, turns } from "../support/system.ts";

const Note = message("Note", { id: z.int() });
const Strange = message("Strange", { id: z.int() });

function readDeadLetters(system: ReturnType<typeof testSystem>["system"]) {
  const letters: { agent: string; type: string; payload?: unknown; reason: string }[] = [];
  system.broker.subscribe(DeadLetter, (letter) => letters.push(letter));
  return letters;
}

describe("dead letters are a topic", () => {
  test("for a message that its agent does not handle: its agent, type, payload and why", async () => {
    const { system } = testSystem();
    const letters = readDeadLetters(system);
    const handle = (await system.start(agent("a", () => ({})).mutateOn(Note, () => {}))) as AgentHandle as AgentHandle<typeof Strange>;
    expect(handle.trySend(Strange, { id: 1 })).toBe(false);
    await handle.send(Strange, { id: 2 }).catch(() => {});
    await turns();
    expect(letters).toMatchObject([
      { agent: "a", type: "Strange", payload: { id: 1 } },
      { agent: "a", type: "Strange", payload: { id: 2 } },
    ]);
    expect(letters[0]?.reason).toContain("no handler");
    expect(system.counters.deadLetters).toBe(2);
  });

  test("for what was left over when its agent was stopped by force", async () => {
    const { system, clock } = testSystem();
    const letters = readDeadLetters(system);
    const latch = new Latch();
    const handle = await system.start(agent("a", () => ({})).mutateOn(Note, () => latch.wait()));
    for (const id of [1, 2, 3]) void handle.send(Note, { id });
    await turns();
    const stopped = handle.stop();
    await turns();
    clock.advance(10_000);
    await stopped;
    await turns();
    expect(letters.map(({ payload }) => payload)).toEqual([{ id: 2 }, { id: 3 }]);
  });

  test("for what is sent to an agent that has stopped: it is undeliverable", async () => {
    const { system } = testSystem();
    const letters = readDeadLetters(system);
    const handle = await system.start(agent("a", () => ({})).mutateOn(Note, () => {}));
    await handle.stop();
    await handle.send(Note, { id: 1 }).catch(() => {});
    await turns();
    expect(letters).toMatchObject([{ agent: "a", type: "Note", payload: { id: 1 } }]);
  });

  test("and a dead letter that cannot be delivered makes no other", async () => {
    const { system } = testSystem();
    const handle = (await system.start(agent("a", () => ({})))) as AgentHandle<typeof DeadLetter>;
    expect(handle.trySend(DeadLetter, { agent: "b", type: "T", payload: 1, reason: "r" })).toBe(false);
    await turns();
    expect(system.counters.deadLetters).toBe(0);
  });

  test("may be handled by an agent that subscribes to them", async () => {
    const { system } = testSystem();
    const seen: string[] = [];
    await system.start(
      agent("undertaker", () => ({}))
        .mutateOn(DeadLetter, ({ message }) => void seen.push(message.type))
        .subscribe(DeadLetter),
    );
    const handle = (await system.start(agent("a", () => ({})))) as AgentHandle<typeof Note>;
    handle.trySend(Note, { id: 1 });
    await turns();
    expect(seen).toEqual(["Note"]);
  });
});
