import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { agent } from "../../src/agent/blueprint.ts";
import type { AgentHandle } from "../../src/agent/handle.ts";
import { message } from "../../src/message/message-type.ts";
import { Latch, outcome, testSystem, turns } from "../support/system.ts";

const Answer = message("Answer", z.int());
const Ask = message("Ask", { id: z.int() }).replies(Answer);
const Note = message("Note", { id: z.int() });

/** An agent whose first question waits for the latch. */
async function waiter() {
  const context = testSystem();
  const latch = new Latch<number>();
  const signals: AbortSignal[] = [];
  const handle = await context.system.start(
    agent("waiter", () => ({})).mutateOn(Ask, ({ message, signal }): number | Promise<number> => {
      signals.push(signal);
      return message.id === 0 ? latch.wait() : message.id;
    }),
  );
  return { ...context, latch, signals, handle };
}

describe("stop", () => {
  test("closes the mailbox first, then works off what is queued", async () => {
    const { handle, latch } = await waiter();
    const asked = [handle.ask(Ask, { id: 0 }), handle.ask(Ask, { id: 1 }), handle.ask(Ask, { id: 2 })];
    await turns();
    const stopped = handle.stop();
    expect(await outcome(handle.ask(Ask, { id: 3 }))).toBe("AGENT_STOPPED");
    expect(await outcome(handle.send(Ask, { id: 3 }))).toBe("AGENT_STOPPED");
    expect(handle.trySend(Ask, { id: 3 })).toBe(false);
    expect(await outcome(stopped)).toBe("pending");
    latch.open(0);
    expect(await Promise.all(asked)).toEqual([0, 1, 2]);
    await stopped;
  });

  test("of an agent with nothing to do is done at once, and leaves no timer", async () => {
    const { handle, clock } = await waiter();
    expect(await outcome(handle.stop())).toEqual({ value: undefined });
    expect(clock.armed).toBe(0);
  });

  test("called again gives the same end", async () => {
    const { handle, latch } = await waiter();
    const asked = handle.ask(Ask, { id: 0 });
    await turns();
    const stops = [handle.stop(), handle.stop()];
    await turns();
    latch.open(0);
    await Promise.all([...stops, asked]);
    await handle.stop();
  });

  test("is forced after 10 s: what runs and what waits ends with AGENT_STOPPED, and the signal aborts", async () => {
    const { handle, clock, signals, lines } = await waiter();
    const asked = Promise.allSettled([handle.ask(Ask, { id: 0 }), handle.ask(Ask, { id: 1 })]);
    await turns();
    const stopped = handle.stop();
    await turns();
    clock.advance(9_999);
    expect(await outcome(stopped)).toBe("pending");
    clock.advance(1);
    for (const result of await asked) expect(result).toMatchObject({ status: "rejected", reason: { code: "AGENT_STOPPED" } });
    expect(await outcome(stopped)).toEqual({ value: undefined });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    expect(lines.map(({ level, message }) => [level, message])).toEqual([["warn", "agent stopped by force"]]);
    expect(clock.armed).toBe(0);
  });

  test("by force is seen by a handler that looks at its signal for the first time afterwards", async () => {
    const { system, clock } = testSystem();
    const latch = new Latch();
    let aborted: boolean | undefined;
    const handle = await system.start(
      agent("waiter", () => ({})).mutateOn(Ask, async (argument) => {
        await latch.wait();
        aborted = argument.signal.aborted;
      }),
    );
    const asked = Promise.allSettled([handle.ask(Ask, { id: 0 })]);
    await turns();
    const stopped = handle.stop();
    await turns();
    clock.advance(10_000);
    await stopped;
    expect(await asked).toMatchObject([{ reason: { code: "AGENT_STOPPED" } }]);
    latch.open();
    await turns();
    expect(aborted).toBe(true);
  });

  test("is bounded whatever hangs: a hook, a child, the handler that awaits the stop itself", async () => {
    const never = new Promise<never>(() => {});
    const hanging = agent("child", () => ({})).beforeStop(() => never);
    const agents = [
      agent("hook", () => ({}))
        .beforeStop(() => never)
        .mutateOn(Note, () => {}),
      agent("late hook", () => ({}))
        .afterStop(() => never)
        .mutateOn(Note, () => {}),
      agent("parent", () => ({}))
        .beforeStart(({ start }) => start(hanging))
        .mutateOn(Note, () => {}),
      agent("self", () => ({})).mutateOn(Note, ({ self }) => self.stop()),
    ];
    for (const blueprint of agents) {
      const { system, clock } = testSystem();
      const handle = await system.start(blueprint);
      let watched = 0;
      handle.watch(() => (watched += 1));
      await handle.send(Note, { id: 1 });
      await turns();
      const stopped = handle.stop();
      expect(await outcome(stopped)).toBe("pending");
      clock.advance(10_000);
      expect(await outcome(stopped)).toEqual({ value: undefined });
      expect(watched).toBe(1);
    }
  });

  test("by a handler that does not wait for it is done when that handler and the mailbox are", async () => {
    const { system } = testSystem();
    const seen: number[] = [];
    const handle = await system.start(
      agent("self", () => ({})).mutateOn(Note, ({ self, message }) => {
        seen.push(message.id);
        if (message.id === 1) void self.stop();
      }),
    );
    let stopped = false;
    handle.watch(() => (stopped = true));
    for (const id of [1, 2, 3]) void handle.send(Note, { id });
    await turns();
    expect(seen).toEqual([1, 2, 3]);
    expect(stopped).toBe(true);
  });

  test("ends an agent's subscriptions", async () => {
    const { system } = testSystem();
    const seen: number[] = [];
    const handle = await system.start(
      agent("a", () => ({}))
        .mutateOn(Note, ({ message }) => void seen.push(message.id))
        .subscribe(Note),
    );
    system.broker.broadcast(Note, { id: 1 });
    await handle.stop();
    system.broker.broadcast(Note, { id: 2 });
    await turns();
    expect(seen).toEqual([1]);
    expect(system.counters.deadLetters).toBe(0);
  });

  test("lets nothing that a forced handler does later bring it back", async () => {
    const { system, clock } = testSystem();
    const latch = new Latch();
    let child: AgentHandle<typeof Ask> | undefined;
    const notes: number[] = [];
    const handle = await system.start(
      agent("zombie", () => ({})).mutateOn(Note, async ({ self, sendEvery, start }) => {
        await latch.wait();
        sendEvery(10, Note, { id: 1 });
        await (self as AgentHandle<typeof Note>).send(Note, { id: 2 }).catch(() => notes.push(2));
        child = await start(agent("child", () => ({})).actOn(Ask, () => 1));
      }),
    );
    await handle.send(Note, { id: 0 });
    await turns();
    const stopped = handle.stop();
    await turns();
    clock.advance(10_000);
    await stopped;
    latch.open();
    await turns();
    clock.advance(1_000);
    await turns();
    expect(clock.armed).toBe(0);
    expect(notes).toEqual([2]);
    if (child !== undefined) expect(await outcome(child.ask(Ask, { id: 0 }))).toBe("AGENT_STOPPED");
  });
});

describe("watch", () => {
  test("calls back once, after the agent has stopped", async () => {
    const { handle } = await waiter();
    let calls = 0;
    handle.watch(() => (calls += 1));
    expect(calls).toBe(0);
    await handle.stop();
    await handle.stop();
    expect(calls).toBe(1);
  });

  test("calls back at once when it has stopped already, and not at all once ended", async () => {
    const { handle } = await waiter();
    let calls = 0;
    handle.watch(() => (calls += 1))();
    await handle.stop();
    expect(calls).toBe(0);
    handle.watch(() => (calls += 1));
    expect(calls).toBe(1);
  });

  test("survives a watcher that throws, which is logged", async () => {
    const { handle, lines } = await waiter();
    let calls = 0;
    handle.watch(() => {
      throw new Error("watcher");
    });
    handle.watch(() => (calls += 1));
    await handle.stop();
    expect(calls).toBe(1);
    expect(lines.map(({ level }) => level)).toEqual(["error"]);
  });
});
