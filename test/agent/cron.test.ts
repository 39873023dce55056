// Cron expressions: which times they mean, and what becomes of them when the wall clock is set.

import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { agent } from "../../src/agent/blueprint.ts";
import { cronTimes } from "../../src/agent/cron.ts";
import { Schedule } from "../../src/agent/schedule.ts";
import { atTime, every, type SchedulePlan, type SendEveryOptions } from "../../src/agent/schedule-plan.ts";
import { type Clock, ManualClock } from "../../src/clock.ts";
import { Envelope } from "../../src/message/envelope.ts";
import { message } from "../../src/message/message-type.ts";
import type { Recipient } from "../../src/message/recipient.ts";
import { testSystem, turns } from "../support/system.ts";

const Tick = message("Tick", { id: z.int() });
const minutes = 60_000;
const hours = 60 * minutes;
const days = 24 * hours;

/** The first times of an expression after an instant, as text. */
function timesOf(expression: string, timeZone: string, from: string, count: number): string[] {
  const next = cronTimes(expression, timeZone);
  const times: string[] = [];
  for (let at = next(Date.parse(from)); at !== undefined && times.length < count; at = next(at)) times.push(new Date(at).toISOString().slice(0, 19));
  return times;
}

describe("a cron expression", () => {
  test("means the times strictly after another one", () => {
    const next = cronTimes("*/5 * * * *", "UTC");
    const noon = Date.UTC(2026, 0, 5, 12);
    expect([noon - 1, noon, noon + 1, noon + 5 * minutes].map((at) => (next(at) ?? 0) - noon)).toEqual([0, 5, 5, 10].map((each) => each * minutes));
  });

  test("has five fields, or six with seconds, or seven with years, or a nickname", () => {
    expect(timesOf("0 12 * * MON-FRI", "UTC", "2026-01-02T12:00Z", 2)).toEqual(["2026-01-05T12:00:00", "2026-01-06T12:00:00"]);
    expect(timesOf("*/20 * * * * *", "UTC", "2026-01-01T00:00Z", 3)).toEqual(["2026-01-01T00:00:20", "2026-01-01T00:00:40", "2026-01-01T00:01:00"]);
    expect(timesOf("@daily", "Europe/Berlin", "2026-01-01T00:00Z", 1)).toEqual(["2026-01-01T23:00:00"]);
    expect(timesOf("0 0 0 29 2 * 2028-2032", "UTC", "2026-01-01T00:00Z", 9)).toEqual(["2028-02-29T00:00:00", "2032-02-29T00:00:00"]);
  });

  test("of one time a day comes once where the clocks change, after the gap if its time falls into it", () => {
    const berlin = (from: string): string[] => timesOf("30 2 * * *", "Europe/Berlin", from, 3);
    expect(berlin("2026-03-28T00:00Z")).toEqual(["2026-03-28T01:30:00", "2026-03-29T01:00:00", "2026-03-30T00:30:00"]);
    expect(berlin("2026-10-24T00:00Z")).toEqual(["2026-10-24T00:30:00", "2026-10-25T00:30:00", "2026-10-26T01:30:00"]);
  });

  test("of several times a day skips those in a gap, and comes at both of those that occur twice", () => {
    const berlin = (from: string): string[] => timesOf("15 1-3 * * *", "Europe/Berlin", from, 4);
    expect(berlin("2026-03-28T20:00Z")).toEqual(["2026-03-29T00:15:00", "2026-03-29T01:15:00", "2026-03-29T23:15:00", "2026-03-30T00:15:00"]);
    expect(berlin("2026-10-24T20:00Z")).toEqual(["2026-10-24T23:15:00", "2026-10-25T00:15:00", "2026-10-25T01:15:00", "2026-10-25T02:15:00"]);
  });

  test("of an interval keeps its rhythm where the clocks change, by half an hour too", () => {
    for (const [zone, from] of [
      ["Europe/Berlin", "2026-03-28T20:00Z"],
      ["Europe/Berlin", "2026-10-24T20:00Z"],
      ["America/New_York", "2026-11-01T00:00Z"],
      ["Australia/Lord_Howe", "2026-04-04T10:00Z"],
      ["Australia/Lord_Howe", "2026-10-03T10:00Z"],
    ] as const) {
      const times = timesOf("*/5 * * * *", zone, from, 288).map((time) => Date.parse(`${time}Z`));
      expect(new Set(times.map((time, index) => time - (times[index - 1] ?? Date.parse(from))))).toEqual(new Set([5 * minutes]));
    }
  });

  test("that cannot be read, that never comes, or whose time zone does not exist is a TypeError at once that names it", async () => {
    const { system, clock } = testSystem();
    const handle = await system.start(agent("a", () => ({})).mutateOn(Tick, () => {}));
    const bad = ["", "often", "* * * *", "61 * * * *", "*/0 * * * *", "* * * * * * * *", "2026-01-01T00:00:00", "0 0 30 2 *", "0 0 0 1 1 * 2020"];
    for (const expression of bad) {
      const schedule = (): unknown => handle.sendEvery(expression, Tick, { id: 1 });
      expect(schedule).toThrow(TypeError);
      expect(schedule).toThrow(JSON.stringify(expression));
    }
    expect(() => handle.sendEvery("* * * * *", Tick, { id: 1 }, { timeZone: "Mars/Base" })).toThrow(TypeError);
    expect(() => handle.sendEvery("* * * * *", Tick, { id: 1 }, { timeZone: "Mars/Base" })).toThrow(`by "* * * * *" in the time zone "Mars/Base"`);
    expect(clock.armed).toBe(0);
  });

  test("is read by nobody until there is one", () => {
    const script = `
      const loaded = () => Object.keys(require.cache).some((path) => path.includes("/croner/"));
      const { ActonApp, agent, message } = await import("./src/index.ts");
      const Tick = message("Tick", {});
      await using runtime = ActonApp.launch();
      const handle = await runtime.start(agent("a", () => ({})).mutateOn(Tick, () => {}));
      handle.sendEvery(1_000, Tick, {});
      const before = loaded();
      handle.sendEvery("@daily", Tick, {});
      console.log(before, loaded());`;
    const { stdout } = Bun.spawnSync([process.execPath, "-e", script], { cwd: `${import.meta.dir}/../..`, timeout: 4_000 });
    expect(stdout.toString()).toBe("false true\n");
  });
});

describe("a schedule at a time of the wall clock", () => {
  test("waits longer when that is set back, and comes within a minute when it leaps over the time", () => {
    for (const [shift, waited] of [
      [-10 * minutes, 70 * minutes],
      [2 * hours, 2 * minutes],
    ] as const) {
      const { clock, sent, schedule } = onSettableClock((_, start) => atTime(start + hours));
      clock.advance(minutes);
      clock.offset += shift;
      clock.advance(waited - 2 * minutes);
      expect(sent).toEqual([]);
      clock.advance(minutes);
      expect(schedule.outcome).toEqual({ kind: "delivered" });
    }
  });
});

describe("a schedule by cron", () => {
  test("sends at each of its times, in its time zone", () => {
    const { clock, sent, schedule } = bySettableClock("0 9 * * *", { timeZone: "Asia/Kathmandu" });
    expect(schedule.due).toBe(Date.parse("2023-06-01T03:15Z"));
    clock.advance(3 * days);
    expect(sent).toEqual(["2023-06-01T03:15Z", "2023-06-02T03:15Z", "2023-06-03T03:15Z"].map((time) => Date.parse(time)));
    expect([schedule.deliveries, clock.armed]).toEqual([3, 1]);
    schedule.cancel();
    expect(clock.armed).toBe(0);
  });

  test("may be made from a handle and from a handler's argument", async () => {
    const { system, clock } = testSystem();
    const minutesSeen: number[] = [];
    const handle = await system.start(
      agent("a", () => ({}))
        .afterStart(({ sendEvery }) => sendEvery("*/10 * * * *", Tick, { id: 10 }, { timeZone: "UTC" }))
        .mutateOn(Tick, ({ message }) => void minutesSeen.push(message.id)),
    );
    handle.sendEvery("*/20 * * * *", Tick, { id: 20 }, { timeZone: "UTC" });
    for (let minute = 0; minute < 30; minute++) {
      clock.advance(minutes);
      await turns(1);
    }
    expect(minutesSeen.toSorted((one, other) => one - other)).toEqual([10, 10, 10, 20, 20]);
    await handle.stop();
    expect(clock.armed).toBe(0);
  });

  test("has settled as delivered after the last of its times", async () => {
    const { clock, sent, schedule } = bySettableClock("0 0 0 1 7-8 * 2023");
    clock.advance(100 * days);
    expect(sent.map((at) => new Date(at).toISOString())).toEqual(["2023-07-01T00:00:00.000Z", "2023-08-01T00:00:00.000Z"]);
    expect(await schedule.settled()).toEqual({ kind: "delivered" });
    expect([schedule.deliveries, clock.armed]).toEqual([2, 0]);
  });

  test("sends nothing twice when the wall clock goes back, and goes on when it has come so far again", () => {
    const { clock, sent, start } = bySettableClock("0 * * * *");
    clock.advance(hours);
    expect(sent).toEqual([start + hours]);
    clock.offset -= 30 * minutes;
    clock.advance(30 * minutes);
    expect(sent.length).toBe(1);
    clock.advance(hours);
    expect(sent).toEqual([start + hours, start + 2 * hours]);
  });

  test("waits longer when the wall clock goes back before its time", () => {
    const { clock, sent, start } = bySettableClock("0 * * * *");
    clock.advance(59 * minutes);
    clock.offset -= 10 * minutes;
    clock.advance(5 * minutes);
    expect(sent).toEqual([]);
    clock.advance(6 * minutes);
    expect(sent).toEqual([start + hours]);
  });

  test("sends once for all the times that the wall clock has leapt over, within a minute", () => {
    const { clock, sent, start, schedule } = bySettableClock("0 * * * *");
    clock.advance(minutes);
    clock.offset += 5 * hours + 30 * minutes;
    clock.advance(minutes);
    expect(sent).toEqual([start + 5 * hours + 32 * minutes]);
    expect(schedule.due).toBe(start + 6 * hours);
    clock.advance(28 * minutes);
    expect(sent).toEqual([start + 5 * hours + 32 * minutes, start + 6 * hours]);
  });
});

/** The wall clock may be set: `offset` is what was added to it. */
class SettableClock extends ManualClock {
  offset = 0;

  override now(): number {
    return super.now() + this.offset;
  }
}

function bySettableClock(expression: string, options: SendEveryOptions = { timeZone: "UTC" }) {
  return onSettableClock((clock) => every(clock, expression, options));
}

function onSettableClock(planned: (clock: Clock, start: number) => SchedulePlan) {
  const start = Date.UTC(2023, 5, 1);
  const clock = new SettableClock(start);
  const sent: number[] = [];
  const note = (): void => void sent.push(clock.now());
  const post = (_: Envelope, settled: (failure: undefined) => void): void => {
    note();
    settled(undefined);
  };
  const recipient = { offer: note, post } as unknown as Recipient;
  const schedule = new Schedule(clock, recipient, new Envelope(Tick, { id: 1 }, null, undefined, undefined), planned(clock, start));
  schedule.begin(undefined, () => {});
  return { clock, sent, start, schedule };
}
