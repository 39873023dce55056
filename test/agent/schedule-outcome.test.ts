// What a schedule tells of itself: when it is due, how often it has delivered, and what became of it; and when it ends with its agent.

import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { agent, type AgentArgument } from "../../src/agent/blueprint.ts";
import type { AgentHandle } from "../../src/agent/handle.ts";
import type { Schedule } from "../../src/agent/schedule.ts";
import { message, type MessageType } from "../../src/message/message-type.ts";
import { Latch, outcome, testSystem, turns } from "../support/system.ts";

const Tick = message("Tick", { id: z.int() });
const Block = message("Block", {});
const Crash = message("Crash", {});
const Alien = message("Alien", {});

/** An agent that notes the ticks that reach it and who sent them; `Block` keeps it busy until `unblock` is opened. */
async function ticker(limits: Parameters<typeof testSystem>[0] = {}, options: Parameters<typeof testSystem>[1] = {}) {
  const context = testSystem(limits, options);
  const ticks: number[] = [];
  const senders: (string | undefined)[] = [];
  const unblock = new Latch();
  let argument: AgentArgument<object> | undefined;
  const handle = await context.system.start(
    agent("ticker", () => ({}))
      .beforeStart((given) => void (argument = given))
      .mutateOn(Tick, ({ message, sender }) => {
        ticks.push(message.id);
        senders.push(sender?.name);
      })
      .mutateOn(Block, () => unblock.wait())
      .mutateOn(Crash, () => {
        throw new TypeError("as asked");
      })
      .onCrash("restart"),
  );
  const anything = handle as unknown as AgentHandle<MessageType>;
  const advance = async (ms: number): Promise<void> => {
    context.clock.advance(ms);
    await turns();
  };
  return { ...context, ticks, senders, unblock, handle, anything, at: argument as AgentArgument<object>, advance };
}

/** Counts who watches the agent: a schedule must leave nobody behind. */
function countWatchers(handle: AgentHandle<never>): () => number {
  let watchers = 0;
  const { recipient } = handle;
  const watch = recipient.watch.bind(recipient);
  recipient.watch = (stopped) => {
    watchers += 1;
    const unwatch = watch(stopped);
    return () => {
      watchers -= 1;
      unwatch();
    };
  };
  return () => watchers;
}

describe("a message that is sent once", () => {
  test("is due until it is delivered, and tells both", async () => {
    const { handle, ticks, clock, advance } = await ticker();
    const schedule = handle.sendAfter(20, Tick, { id: 1 });
    const settled = schedule.settled();
    const dueAt = clock.now() + 20;
    expect(state(schedule)).toEqual({ deliveries: 0, due: dueAt, outcome: undefined, active: true });
    await advance(19);
    expect(state(schedule)).toEqual({ deliveries: 0, due: dueAt, outcome: undefined, active: true });
    expect(await outcome(settled)).toBe("pending");
    await advance(1);
    expect(ticks).toEqual([1]);
    expect(state(schedule)).toEqual({ deliveries: 1, due: undefined, outcome: { kind: "delivered" }, active: false });
    expect([await settled, await schedule.settled()]).toEqual([{ kind: "delivered" }, { kind: "delivered" }]);
    expect(clock.armed).toBe(0);
  });

  test("keeps its first outcome: what is delivered cannot be cancelled, and what is cancelled is not delivered", async () => {
    const { handle, ticks, advance } = await ticker();
    const early = handle.sendAfter(10, Tick, { id: 1 });
    const cancelled = handle.sendAt(1_700_000_000_020, Tick, { id: 2 });
    cancelled.cancel();
    cancelled.cancel();
    await advance(50);
    early.cancel();
    expect([early.outcome, cancelled.outcome]).toEqual([{ kind: "delivered" }, { kind: "cancelled" }]);
    expect(await cancelled.settled()).toEqual({ kind: "cancelled" });
    expect(ticks).toEqual([1]);
  });

  test("waits for room as long as a sender does, and is undeliverable when none comes", async () => {
    const { handle, advance, clock } = await ticker({ mailboxSize: 1, sendTimeoutMs: 100 });
    await handle.send(Block, {});
    await turns();
    handle.trySend(Tick, { id: 0 });
    const schedule = handle.sendAfter(10, Tick, { id: 1 });
    await advance(10);
    expect(schedule.active).toBe(true);
    await advance(100);
    expect(schedule.outcome).toMatchObject({ kind: "undeliverable", failure: { code: "TARGET_BUSY" } });
    expect(schedule.deliveries).toBe(0);
    expect(clock.armed).toBe(0);
  });

  test("is owed once it is due: cancelling while it waits for room comes too late", async () => {
    const { handle, ticks, unblock, advance } = await ticker({ mailboxSize: 1 });
    await handle.send(Block, {});
    await turns();
    handle.trySend(Tick, { id: 0 });
    const schedule = handle.sendAfter(10, Tick, { id: 1 });
    await advance(10);
    schedule.cancel();
    expect(schedule.active).toBe(true);
    unblock.open();
    await turns();
    expect(ticks).toEqual([0, 1]);
    expect(schedule.outcome).toEqual({ kind: "delivered" });
  });

  test("comes in after a restart that finds it waiting for room", async () => {
    const { handle, at, ticks, unblock, advance } = await ticker({ mailboxSize: 1 });
    await handle.send(Block, {});
    await turns();
    handle.trySend(Tick, { id: 0 });
    const schedules = [at.sendAfter(10, Tick, { id: 1 }), handle.sendAfter(10, Tick, { id: 2 })];
    await advance(10);
    unblock.fail(new TypeError("as asked"));
    await turns();
    expect(ticks).toEqual([0, 1, 2]);
    expect(schedules.map(({ outcome }) => outcome)).toEqual([{ kind: "delivered" }, { kind: "delivered" }]);
  });

  test("is abandoned when the agent stops while it waits for room", async () => {
    const { handle, advance, unblock } = await ticker({ mailboxSize: 1 });
    await handle.send(Block, {});
    await turns();
    handle.trySend(Tick, { id: 0 });
    const schedule = handle.sendAfter(10, Tick, { id: 1 });
    await advance(10);
    const stopped = handle.stop();
    unblock.open();
    await stopped;
    expect(schedule.outcome).toEqual({ kind: "abandoned" });
  });

  test("is undeliverable to an agent that has no handler for it, and so is a repeated one", async () => {
    const { anything, advance, clock } = await ticker();
    const schedules = [anything.sendAfter(10, Alien, {}), anything.sendEvery(10, Alien, {})];
    await advance(100);
    for (const { outcome } of schedules) expect(outcome).toMatchObject({ kind: "undeliverable", failure: { code: "UNHANDLED" } });
    expect(clock.armed).toBe(0);
  });

  test("is undeliverable at once when local messages are validated and it is not valid", async () => {
    const { anything, at, clock } = await ticker({}, { validateLocal: true });
    const wrong = { id: "one" } as unknown as { id: number };
    for (const schedule of [anything.sendAfter(10, Tick, wrong), anything.sendEvery(10, Tick, wrong), at.sendAfter(10, Tick, wrong)]) {
      expect(schedule.outcome).toMatchObject({ kind: "undeliverable", failure: { code: "SERIALIZATION_ERROR" } });
    }
    expect(clock.armed).toBe(0);
  });
});

describe("a message that is sent again and again", () => {
  test("counts its deliveries and moves its due time on, and never settles by itself", async () => {
    const { handle, clock, advance } = await ticker();
    const schedule = handle.sendEvery(10, Tick, { id: 1 });
    const start = clock.now();
    for (const sent of [0, 1, 2, 3]) {
      expect(state(schedule)).toEqual({ deliveries: sent, due: start + 10 * (sent + 1), outcome: undefined, active: true });
      await advance(10);
    }
    schedule.cancel();
    expect(state(schedule)).toEqual({ deliveries: 4, due: undefined, outcome: { kind: "cancelled" }, active: false });
    await advance(100);
    expect(schedule.deliveries).toBe(4);
  });

  test("counts no tick that found the mailbox full", async () => {
    const { handle, unblock, ticks, advance } = await ticker({ mailboxSize: 1 });
    await handle.send(Block, {});
    await turns();
    const schedule = handle.sendEvery(10, Tick, { id: 1 });
    for (let i = 0; i < 5; i++) await advance(10);
    expect(schedule.deliveries).toBe(1);
    unblock.open();
    await turns();
    await advance(10);
    expect([schedule.deliveries, ticks.length]).toEqual([2, 2]);
    schedule.cancel();
  });

  test("tells who waits when there are so many deliveries, each at its own count", async () => {
    const { handle, advance } = await ticker();
    const schedule = handle.sendEvery(10, Tick, { id: 1 });
    const [two, three, ten] = [schedule.delivered(2), schedule.delivered(3), schedule.delivered(10)];
    await advance(10);
    expect(await outcome(two)).toBe("pending");
    await advance(10);
    expect([await two, await outcome(three)]).toEqual([2, "pending"]);
    await advance(10);
    expect([await three, await schedule.delivered(1)]).toEqual([3, 3]);
    schedule.cancel();
    expect(await ten).toBe(3);
    expect(await schedule.delivered(99)).toBe(3);
  });
});

describe("a schedule from a handle", () => {
  test("survives a restart of its agent, while the agent's own end there", async () => {
    const { handle, at, ticks, clock, advance } = await ticker();
    const outside = handle.sendEvery(10, Tick, { id: 1 });
    const own = [at.sendEvery(10, Tick, { id: 2 }), at.sendAfter(10, Tick, { id: 3 })];
    await handle.send(Crash, {});
    await turns();
    expect(own.map(({ outcome }) => outcome)).toEqual([{ kind: "abandoned" }, { kind: "abandoned" }]);
    await advance(10);
    expect(ticks).toEqual([1]);
    outside.cancel();
    expect(clock.armed).toBe(0);
  });

  test("is abandoned when its agent stops, and at once when it already has", async () => {
    const { handle, at, clock } = await ticker();
    const before = [handle.sendEvery(10, Tick, { id: 1 }), handle.sendAfter(10, Tick, { id: 2 }), at.sendAfter(10, Tick, { id: 3 })];
    const waiting = before.map((schedule) => schedule.delivered(5));
    await handle.stop();
    const after = [handle.sendAfter(10, Tick, { id: 4 }), handle.sendEvery("* * * * *", Tick, { id: 5 }), at.sendAfter(10, Tick, { id: 6 })];
    for (const schedule of [...before, ...after]) expect(await schedule.settled()).toEqual({ kind: "abandoned" });
    expect(await Promise.all(waiting)).toEqual([0, 0, 0]);
    expect(clock.armed).toBe(0);
  });

  test("is abandoned when it is due while its agent works off what is queued", async () => {
    const { handle, unblock, advance } = await ticker();
    await handle.send(Block, {});
    await turns();
    const stopped = handle.stop();
    const schedules = [handle.sendAfter(10, Tick, { id: 1 }), handle.sendEvery(10, Tick, { id: 2 })];
    await advance(10);
    expect(schedules.map(({ outcome }) => outcome)).toEqual([{ kind: "abandoned" }, { kind: "abandoned" }]);
    unblock.open();
    await stopped;
  });

  test("leaves nothing with its agent when it has settled", async () => {
    const { handle, anything, advance } = await ticker();
    const watchers = countWatchers(handle);
    const schedules = [handle.sendEvery(10, Tick, { id: 1 }), handle.sendAfter(10, Tick, { id: 2 }), handle.sendEvery("@daily", Tick, { id: 3 })];
    anything.sendAfter(10, Alien, {});
    expect(watchers()).toBe(4);
    await advance(10);
    expect(watchers()).toBe(2);
    for (const schedule of schedules) schedule.cancel();
    expect(watchers()).toBe(0);
    await handle.stop();
    handle.sendAfter(10, Tick, { id: 1 });
    expect(watchers()).toBe(0);
  });

  test("names as its sender the handler that made it, and the agent's own name the agent", async () => {
    const { system, handle, at, senders, advance } = await ticker();
    const starter = await system.start(
      agent("starter", () => ({})).mutateOn(Block, () => {
        handle.sendAfter(10, Tick, { id: 1 });
      }),
    );
    await starter.send(Block, {});
    await turns();
    handle.sendAfter(20, Tick, { id: 2 });
    at.sendAfter(30, Tick, { id: 3 });
    for (let i = 0; i < 3; i++) await advance(10);
    expect(senders).toEqual(["starter", undefined, "ticker"]);
  });

  test("refuses times that are none at once", async () => {
    const { handle, clock } = await ticker();
    expect(() => handle.sendAfter(NaN, Tick, { id: 1 })).toThrow(RangeError);
    expect(() => handle.sendAt(NaN, Tick, { id: 1 })).toThrow(RangeError);
    for (const period of [0, -1, NaN]) expect(() => handle.sendEvery(period, Tick, { id: 1 })).toThrow(RangeError);
    expect(clock.armed).toBe(0);
  });
});

function state({ deliveries, due, outcome, active }: Schedule) {
  return { deliveries, due, outcome, active };
}
