import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { agent, type AgentArgument } from "../../src/agent/blueprint.ts";
import { Schedule } from "../../src/agent/schedule.ts";
import { every } from "../../src/agent/schedule-plan.ts";
import type { Clock, Timer } from "../../src/clock.ts";
import { Envelope } from "../../src/message/envelope.ts";
import type { Recipient } from "../../src/message/recipient.ts";
import { message } from "../../src/message/message-type.ts";
import { testSystem, turns } from "../support/system.ts";

const Tick = message("Tick", { id: z.int() });
const Block = message("Block", {});

/** An agent that notes when each tick reached it, and its argument, to schedule with. */
async function ticker(limits: Parameters<typeof testSystem>[0] = {}) {
  const context = testSystem(limits);
  const ticks: [id: number, at: number][] = [];
  let argument: AgentArgument<object> | undefined;
  let unblock = (): void => {};
  const handle = await context.system.start(
    agent("ticker", () => ({}))
      .beforeStart((given) => void (argument = given))
      .mutateOn(Tick, ({ message, clock }) => void ticks.push([message.id, clock.monotonic()]))
      .mutateOn(Block, () => new Promise<void>((resolve) => (unblock = resolve))),
  );
  const advance = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 5) {
      context.clock.advance(Math.min(5, left));
      await turns(1);
    }
  };
  return { ...context, ticks, handle, advance, at: argument as AgentArgument<object>, unblock: () => unblock() };
}

describe("sendAfter", () => {
  test("sends once, when the time has come", async () => {
    const { at, ticks, advance } = await ticker();
    const schedule = at.sendAfter(20, Tick, { id: 1 });
    expect(schedule.active).toBe(true);
    await advance(15);
    expect(ticks).toEqual([]);
    await advance(100);
    expect(ticks).toEqual([[1, 20]]);
    expect(schedule.active).toBe(false);
  });

  test("with the same delay keeps the order of the calls", async () => {
    const { at, ticks, advance } = await ticker();
    for (let id = 0; id < 50; id++) at.sendAfter(10, Tick, { id });
    await advance(20);
    expect(ticks.map(([id]) => id)).toEqual(Array.from({ length: 50 }, (_, id) => id));
  });

  test("cancelled in time sends nothing; cancelled twice or too late does nothing", async () => {
    const { at, ticks, advance, clock } = await ticker();
    const schedule = at.sendAfter(20, Tick, { id: 1 });
    const other = at.sendAfter(20, Tick, { id: 2 });
    schedule.cancel();
    schedule.cancel();
    await advance(50);
    other.cancel();
    expect(ticks.map(([id]) => id)).toEqual([2]);
    expect(clock.armed).toBe(0);
  });

  test("refuses a delay of NaN at once", async () => {
    const { at, clock } = await ticker();
    expect(() => at.sendAfter(NaN, Tick, { id: 1 })).toThrow(RangeError);
    expect(clock.armed).toBe(0);
  });

  test("waits for room when the mailbox is full", async () => {
    const { at, ticks, handle, advance, unblock } = await ticker({ mailboxSize: 1 });
    await handle.send(Block, {});
    await turns();
    handle.trySend(Tick, { id: 0 });
    at.sendAfter(10, Tick, { id: 1 });
    await advance(20);
    unblock();
    await turns();
    expect(ticks.map(([id]) => id)).toEqual([0, 1]);
  });
});

describe("sendAt", () => {
  test("sends at a wall-clock time; one that has passed is now", async () => {
    const { at, ticks, advance, clock } = await ticker();
    at.sendAt(clock.now() + 20, Tick, { id: 1 });
    at.sendAt(clock.now() - 1_000, Tick, { id: 2 });
    await advance(30);
    expect(ticks).toEqual([
      [2, 5],
      [1, 20],
    ]);
  });

  test("does not come early, however far away the time is", async () => {
    const { at, ticks, clock } = await ticker();
    const days = 24 * 60 * 60 * 1_000;
    at.sendAt(clock.now() + 60 * days, Tick, { id: 1 });
    clock.advance(59 * days);
    await turns();
    expect(ticks).toEqual([]);
    clock.advance(days);
    await turns();
    expect(ticks.map(([id]) => id)).toEqual([1]);
  });
});

describe("sendEvery", () => {
  test("sends after each period until it is cancelled", async () => {
    const { at, ticks, advance, clock } = await ticker();
    const schedule = at.sendEvery(20, Tick, { id: 1 });
    await advance(70);
    expect(ticks.map(([, time]) => time)).toEqual([20, 40, 60]);
    schedule.cancel();
    await advance(100);
    expect(ticks.length).toBe(3);
    expect(clock.armed).toBe(0);
  });

  test("may be cancelled by the handler that it calls", async () => {
    const { system, clock } = testSystem();
    let calls = 0;
    let schedule: Schedule | undefined;
    await system.start(
      agent("a", () => ({}))
        .beforeStart(({ sendEvery }) => void (schedule = sendEvery(10, Tick, { id: 1 })))
        .mutateOn(Tick, () => {
          calls += 1;
          schedule?.cancel();
        }),
    );
    for (let i = 0; i < 5; i++) {
      clock.advance(10);
      await turns(2);
    }
    expect(calls).toBe(1);
  });

  test("refuses a period that is not positive", async () => {
    const { at } = await ticker();
    for (const period of [0, -1, NaN]) expect(() => at.sendEvery(period, Tick, { id: 1 })).toThrow(RangeError);
  });

  test("lets ticks that find the mailbox full coalesce into the next one, and goes on", async () => {
    const { at, ticks, handle, advance, unblock } = await ticker({ mailboxSize: 1 });
    at.sendEvery(10, Tick, { id: 1 });
    await handle.send(Block, {});
    await advance(55);
    expect(ticks).toEqual([]);
    unblock();
    await turns();
    expect(ticks.length).toBe(1);
    await advance(20);
    expect(ticks.length).toBe(3);
  });

  test("ends when its agent stops, and so does every schedule", async () => {
    const { at, ticks, handle, advance, clock } = await ticker();
    const schedules = [at.sendEvery(10, Tick, { id: 1 }), at.sendAfter(10, Tick, { id: 2 }), at.sendAt(clock.now() + 10, Tick, { id: 3 })];
    await handle.stop();
    expect(schedules.map(({ active }) => active)).toEqual([false, false, false]);
    expect(clock.armed).toBe(0);
    await advance(50);
    expect(ticks).toEqual([]);
  });
});

describe("a clock that wakes late", () => {
  /** Jumps over any number of due times and expires once, as a host that slept does. */
  class LateClock implements Clock {
    time = 0;
    #timer: Timer | undefined;
    now = (): number => this.time;
    monotonic = (): number => this.time;
    arm(timer: Timer, delayMs: number): void {
      this.armAt(timer, this.time + delayMs);
    }
    armAt(timer: Timer, due: number): void {
      timer.due = due;
      timer.place = 0;
      this.#timer = timer;
    }
    disarm(timer: Timer): void {
      timer.place = -1;
      this.#timer = undefined;
    }
    jumpTo(time: number): void {
      this.time = time;
      const timer = this.#timer;
      if (timer === undefined || timer.due > time) return;
      this.disarm(timer);
      timer.expire();
    }
  }

  function schedule(fixed: "rate" | "delay") {
    const clock = new LateClock();
    const times: number[] = [];
    const recipient = { offer: () => void times.push(clock.time), post: () => {} } as unknown as Recipient;
    new Schedule(clock, recipient, new Envelope(Tick, { id: 1 }, null, undefined, undefined), every(clock, 10, { fixed })).begin(undefined, () => {});
    return { clock, times };
  }

  test("costs a fixed rate the ticks it missed, not its rhythm", () => {
    const { clock, times } = schedule("rate");
    for (const time of [10, 47, 49, 50, 60, 90, 100]) clock.jumpTo(time);
    expect(times).toEqual([10, 47, 50, 60, 90, 100]);
  });

  test("gives no rate two ticks at one time, where its period is no whole number", () => {
    expect(every(new LateClock(), 0.1).next(3.7000000000000006, 4)).toBe(4.1);
  });

  test("moves a fixed delay: the next tick is one period after the last", () => {
    const { clock, times } = schedule("delay");
    for (const time of [10, 47, 50, 56, 57, 67]) clock.jumpTo(time);
    expect(times).toEqual([10, 47, 57, 67]);
  });
});
