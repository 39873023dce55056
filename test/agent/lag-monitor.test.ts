// Who held the event loop: time passes here only while a handler says so, or while the loop sleeps.

import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { agent } from "../../src/agent/blueprint.ts";
import type { AgentHandle } from "../../src/agent/handle.ts";
import { HandlerTiming, LagMonitor } from "../../src/agent/lag-monitor.ts";
import type { Clock } from "../../src/clock.ts";
import { resolveRuntimeConfig } from "../../src/config.ts";
import { createLog } from "../../src/log.ts";
import { message, type MessageType } from "../../src/message/message-type.ts";
import { seededRandom } from "../../src/random.ts";
import { AgentSystem } from "../../src/runtime/agent-system.ts";
import { TurnScheduler } from "../../src/scheduler.ts";
import { type Timer, TimerWheel } from "../../src/timer-wheel.ts";
import { Latch, type LogLine, recordingLog, turns } from "../support/system.ts";

const Hold = message("Hold", { ms: z.number() });
const Fast = message("Fast", {});
const Sum = message("Sum", {});
const Ask = message("Ask", {}).replies(Sum);
const Item = message("Item", { ms: z.number() });
const List = message("List", { each: z.array(z.number()) }).streams(Item);

/** A clock whose timers expire only when the event loop sleeps, however late that is, as the host's do. */
class BusyClock implements Clock {
  readonly #wheel = new TimerWheel();
  #now = 0;

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  arm(timer: Timer, delayMs: number): void {
    this.armAt(timer, this.#now + delayMs);
  }

  armAt(timer: Timer, due: number): void {
    this.#wheel.add(timer, due);
  }

  disarm(timer: Timer): void {
    if (timer.place >= 0) this.#wheel.remove(timer);
  }

  get armed(): number {
    return this.#wheel.length;
  }

  /** Code runs so long. */
  hold(ms: number): void {
    this.#now += ms;
  }

  /** The event loop has nothing to do for so long but what timers bring. */
  sleep(ms = 0): void {
    this.#wheel.expireUntil(this.#now);
    for (const end = this.#now + ms; this.#now < end;) {
      this.#now = Math.min(end, this.#now + 1);
      this.#wheel.expireUntil(this.#now);
    }
  }
}

function watched(warnMs = 50) {
  const clock = new BusyClock();
  const lines: LogLine[] = [];
  const log = recordingLog(lines);
  const lag = new LagMonitor(clock, log, warnMs);
  const seams = { clock, log, random: seededRandom(1), scheduler: new TurnScheduler(clock, lag) };
  const system = new AgentSystem(seams, { limits: resolveRuntimeConfig(), validateLocal: false, lag });
  const told = (): unknown[] => lines.map(({ level, message, fields }) => ({ level, message, ...fields, hint: undefined }));
  const holder = agent("holder", () => ({}))
    .actOn(Hold, ({ message }) => clock.hold(message.ms))
    .actOn(Fast, () => {});
  return { clock, lag, lines, system, told, holder };
}

const one = { level: "warn", message: "event loop held by a handler" } as const;
const several = { level: "warn", message: "event loop held, maybe by one of these handlers" } as const;

async function sendAll(handle: object, ...messages: ReadonlyArray<readonly [MessageType, unknown]>): Promise<void> {
  for (const [type, payload] of messages) expect((handle as AgentHandle<MessageType>).trySend(type, payload)).toBe(true);
  await turns();
}

const fast = [Fast, {}] as const;
const hold = (ms: number) => [Hold, { ms }] as const;

describe("the first part of a handler", () => {
  test("is told with agent, type and time, and the way out, when it is longer than the limit", async () => {
    const { lag, lines, system, told, holder } = watched();
    const handle = await system.start(holder);
    await sendAll(handle, hold(50));
    expect([told(), lag.lags, lag.longestLagMs]).toEqual([[], 0, 0]);
    await sendAll(handle, hold(70), hold(51));
    expect(told()).toEqual([
      { ...one, agent: "holder", type: "Hold", heldMs: 70 },
      { ...one, agent: "holder", type: "Hold", heldMs: 51 },
    ]);
    expect(lines[0]?.fields["hint"]).toContain('runOn("worker")');
    expect([lag.lags, lag.longestLagMs]).toEqual([2, 70]);
  });

  test("is told apart from its neighbours', in one agent and beside others", async () => {
    const { clock, system, told, holder } = watched();
    const handles = [await system.start(holder, { name: "a" }), await system.start(holder, { name: "b" }), await system.start(holder, { name: "c" })];
    for (const [index, handle] of handles.entries()) {
      for (const ms of [0, 30, index === 1 ? 60 : 30, 0]) {
        handle.trySend(Hold, { ms });
        handle.trySend(Fast, {});
      }
    }
    clock.hold(500);
    await turns(40);
    expect(told()).toEqual([{ ...one, agent: "b", type: "Hold", heldMs: 60 }]);
  });

  test("counts when the handler throws, and when it is the beginning of an async one or of a stream", async () => {
    const { clock, lag, system, lines } = watched();
    const handle = await system.start(
      agent("various", () => ({}))
        .actOn(Hold, ({ message: { ms } }) => {
          clock.hold(ms);
          throw new Error("no");
        })
        .actOn(Fast, async () => {
          clock.hold(61);
          await Promise.resolve();
        })
        .actOn(List, function* ({ message: { each } }) {
          for (const ms of each) {
            clock.hold(ms);
            yield { ms };
          }
        }),
    );
    await sendAll(handle, hold(60), fast);
    for await (const item of handle.stream(List, { each: [62] })) expect(item.ms).toBe(62);
    expect(lines.filter(({ level }) => level === "warn").map(({ fields }) => [fields["type"], fields["heldMs"]])).toEqual([
      ["Hold", 60],
      ["Fast", 61],
      ["List", 62],
    ]);
    expect(lag.lags).toBe(3);
  });

  test("of a handler that was brief so far: those between two readings are named, and the next time it alone", async () => {
    const { system, told, holder } = watched();
    const handle = await system.start(holder);
    for (let i = 0; i < 40; i++) await sendAll(handle, fast, hold(0));
    await sendAll(handle, fast, hold(80), fast, fast);
    await sendAll(handle, fast, hold(90), fast, fast);
    expect(told()).toEqual([
      { ...several, handlers: "holder Fast, holder Hold", heldMs: 80 },
      { ...one, agent: "holder", type: "Hold", heldMs: 90 },
    ]);
  });

  test("is named alone when nothing else has run between two readings, though it was brief so far", async () => {
    const { system, told, holder } = watched();
    const handle = await system.start(holder);
    for (let i = 0; i < 40; i++) await sendAll(handle, fast, hold(0));
    await sendAll(handle, hold(80));
    expect(told()).toEqual([{ ...one, agent: "holder", type: "Hold", heldMs: 80 }]);
  });

  test("is timed again once brief handlers take their time, before they take too much", async () => {
    const { system, told, holder } = watched();
    const handle = await system.start(holder);
    for (let i = 0; i < 40; i++) await sendAll(handle, fast, hold(0));
    await sendAll(handle, fast, hold(2), fast, fast);
    await sendAll(handle, fast, hold(80), fast, fast);
    expect(told()).toEqual([{ ...one, agent: "holder", type: "Hold", heldMs: 80 }]);
  });
});

describe("code after an await", () => {
  /** An agent whose handler waits for the latch, and then holds the loop. */
  async function waiting(count: number) {
    const world = watched();
    const { clock, system } = world;
    const latches: Latch[] = [];
    const handles = [];
    for (let i = 0; i < count; i++) {
      const latch = new Latch();
      const waits = agent(`waiter${i}`, () => ({})).actOn(Hold, async ({ message }) => {
        await latch.wait();
        clock.hold(message.ms);
        if (message.ms === 65) await new Promise(() => {});
      });
      const handle = await system.start(waits);
      latches.push(latch);
      handles.push(handle);
    }
    return { ...world, latches, handles };
  }

  test("is named when an answer from another agent has brought it on", async () => {
    const { clock, system, told } = watched();
    const answers = await system.start(agent("answers", () => ({})).actOn(Ask, () => ({})));
    const handle = await system.start(
      agent("asks", () => ({})).actOn(Hold, async ({ message }) => {
        await answers.ask(Ask, {});
        clock.hold(message.ms);
      }),
    );
    await sendAll(handle, hold(50));
    clock.sleep(10_000);
    await sendAll(handle, hold(51));
    expect(told()).toEqual([{ ...one, agent: "asks", type: "Hold", heldMs: 51, part: "after an await" }]);
  });

  test("is named when something outside has brought it on while the loop slept, but for a fifth of the limit", async () => {
    const { clock, told, latches, handles } = await waiting(1);
    await sendAll(handles[0] as object, hold(63));
    clock.sleep(10_003);
    latches[0]?.open();
    await turns();
    clock.sleep();
    expect(told()).toEqual([{ ...one, agent: "waiter0", type: "Hold", heldMs: expect.any(Number), part: "after an await" }]);
    expect((told() as { heldMs: number }[])[0]?.heldMs).toBeWithin(53, 64);
  });

  test("is named too when it has not come to its end, and when messages come before the tick", async () => {
    const { clock, told, latches, handles, system, holder } = await waiting(1);
    const other = await system.start(holder);
    await sendAll(handles[0] as object, hold(65));
    clock.sleep(10_000);
    latches[0]?.open();
    await turns();
    await sendAll(other, hold(45));
    clock.sleep();
    expect(told()).toEqual([{ ...one, agent: "waiter0", type: "Hold", heldMs: 55, part: "after an await" }]);
  });

  test("names all that it may have been", async () => {
    const { clock, lag, told, latches, handles } = await waiting(7);
    for (const handle of handles) await sendAll(handle, hold(65));
    clock.sleep(10_000);
    latches[3]?.open();
    await turns();
    clock.sleep();
    const handlers = "waiter0 Hold, waiter1 Hold, waiter2 Hold, waiter3 Hold, waiter4 Hold and 2 more";
    expect(told()).toEqual([{ ...several, handlers, heldMs: 55 }]);
    expect(lag.lags).toBe(1);
  });

  test("is not blamed for what others held, nor for a sleep", async () => {
    const { clock, told, handles, system, holder } = await waiting(1);
    const other = await system.start(holder);
    await sendAll(handles[0] as object, hold(65));
    clock.sleep(10_000);
    await sendAll(other, hold(200));
    await sendAll(other, hold(30));
    clock.sleep();
    clock.sleep(10_000);
    expect(told()).toEqual([{ ...one, agent: "holder", type: "Hold", heldMs: 200 }]);
  });

  test("is watched only while there is some: no timer stays", async () => {
    const { clock, latches, handles } = await waiting(2);
    expect(clock.armed).toBe(0);
    for (const handle of handles) await sendAll(handle, hold(0));
    clock.sleep(500);
    expect(clock.armed).toBe(1);
    for (const latch of latches) latch.open();
    await turns();
    clock.sleep(11);
    expect(clock.armed).toBe(0);
  });

  test("is not watched any more when its agent has gone on without it", async () => {
    const { clock, handles } = await waiting(1);
    await sendAll(handles[0] as object, hold(0));
    const stopped = handles[0]?.stop();
    clock.sleep(10_100);
    await turns();
    clock.sleep(100);
    await stopped;
    expect(clock.armed).toBe(0);
  });
});

test("a handler that is slow over and over does not fill the log, and each time counts", async () => {
  const clock = new BusyClock();
  let text = "";
  const output = { write: (more: string) => ((text += more), true), onDrain() {} };
  const lag = new LagMonitor(clock, createLog({ output, clock }), 50);
  const timing = new HandlerTiming("holder", "Hold");
  for (let i = 0; i < 1_000; i++) {
    const began = lag.begin();
    clock.hold(51);
    lag.end(timing, began);
    clock.sleep();
  }
  expect(lag.lags).toBe(1_000);
  // 51 seconds; in each one line, and then how often it was repeated.
  expect(text.split("\n").length).toBeWithin(90, 110);
});

test("code that belongs to no handler is not told of, however long it takes", async () => {
  const { clock, lag, system, told, holder } = watched();
  const handle = await system.start(holder);
  for (let i = 0; i < 3; i++) {
    clock.hold(500);
    await handle.send(Hold, { ms: 0 });
    clock.hold(500);
    await turns();
    clock.sleep(500);
  }
  expect([told(), lag.lags]).toEqual([[], 0]);
});

test("a hook is told with its name, as long as it waits for nothing", async () => {
  const { clock, system, told } = watched();
  const slow = agent("slow", () => ({})).beforeStart(() => clock.hold(70));
  await system.start(slow.afterStart(() => clock.hold(50)));
  expect(told()).toEqual([{ ...one, agent: "slow", hook: "beforeStart", heldMs: 70 }]);
});
