import { describe, expect, test } from "bun:test";
import { after, ManualClock, SystemClock, type Timer } from "../src/clock.ts";
import { seededRandom } from "../src/random.ts";
import { atTheBottomOfTheStack } from "./support/spent-stack.ts";

function timer(expire: () => void): Timer {
  return { due: 0, order: 0, place: -1, expire };
}

describe("a manual clock", () => {
  test("starts at the wall-clock time it is given and moves only when it is told to", () => {
    const clock = new ManualClock(1_000);
    expect([clock.now(), clock.monotonic()]).toEqual([1_000, 0]);
    clock.advance(2.5);
    expect([clock.now(), clock.monotonic()]).toEqual([1_002, 2.5]);
  });

  test("never goes back", () => {
    const clock = new ManualClock();
    clock.advance(10);
    try {
      clock.advance(-5);
    } catch {
      // Refusing is as good.
    }
    expect(clock.monotonic()).toBe(10);
  });

  test("expires timers in the order of their time, and of their arming where that is the same", () => {
    const clock = new ManualClock();
    const order: string[] = [];
    after(clock, 30, () => order.push("30"));
    after(clock, 10, () => order.push("10"));
    after(clock, 20, () => order.push("20"));
    const letters = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for (const letter of letters) after(clock, 15, () => order.push(letter));
    clock.advance(30);
    expect(order).toEqual(["10", ...letters, "20", "30"]);
  });

  test("shows each timer the time at which it is due", () => {
    const clock = new ManualClock();
    const times: number[] = [];
    for (const delay of [5, 1, 3]) after(clock, delay, () => times.push(clock.monotonic()));
    clock.advance(100);
    expect(times).toEqual([1, 3, 5]);
    expect(clock.monotonic()).toBe(100);
  });

  test("expires a timer at its time, not before, and once", () => {
    const clock = new ManualClock();
    let expired = 0;
    const one = after(clock, 10, () => (expired += 1));
    clock.advance(9.999);
    expect(expired).toBe(0);
    clock.advance(0.001);
    expect(expired).toBe(1);
    expect(one.place).toBe(-1);
    clock.advance(1_000);
    expect(expired).toBe(1);
  });

  test("expires within one advance what its timers arm, when that is due too", () => {
    const clock = new ManualClock();
    const times: number[] = [];
    const tick = timer(() => {
      times.push(clock.monotonic());
      if (times.length < 5) clock.arm(tick, 10);
    });
    clock.arm(tick, 10);
    clock.advance(35);
    expect(times).toEqual([10, 20, 30]);
    clock.advance(100);
    expect(times).toEqual([10, 20, 30, 40, 50]);
    expect(clock.armed).toBe(0);
  });

  test("lets a timer be armed anew, which moves it, and disarmed, twice too", () => {
    const clock = new ManualClock();
    let expired = 0;
    const one = timer(() => (expired += 1));
    clock.arm(one, 10);
    clock.arm(one, 50);
    expect(clock.armed).toBe(1);
    clock.advance(49);
    expect(expired).toBe(0);
    clock.arm(one, 5);
    clock.advance(5);
    expect(expired).toBe(1);
    clock.arm(one, 5);
    clock.disarm(one);
    clock.disarm(one);
    clock.advance(100);
    expect(expired).toBe(1);
    expect(clock.armed).toBe(0);
  });

  test("lets one timer disarm another that is due at the same time", () => {
    const clock = new ManualClock();
    let expired = 0;
    const two = timer(() => (expired += 1));
    after(clock, 10, () => clock.disarm(two));
    clock.arm(two, 10.5);
    clock.advance(20);
    expect(expired).toBe(0);
  });

  test("takes a negative delay for none, a long one as it is, an infinite one for never, and refuses NaN", () => {
    const clock = new ManualClock();
    const order: string[] = [];
    after(clock, Infinity, () => order.push("infinite"));
    after(clock, 2 ** 40, () => order.push("long"));
    after(clock, -5, () => order.push("negative"));
    expect(() => after(clock, NaN, () => {})).toThrow(RangeError);
    expect(clock.armed).toBe(3);
    clock.advance(0);
    expect(order).toEqual(["negative"]);
    clock.advance(2 ** 40 - 1);
    expect(order).toEqual(["negative"]);
    clock.advance(1);
    expect(order).toEqual(["negative", "long"]);
    clock.advance(2 ** 50);
    expect(order).toEqual(["negative", "long"]);
  });

  test("agrees with a plain list over 10,000 random arms, disarms and advances", () => {
    const random = seededRandom(99);
    const clock = new ManualClock();
    const model = new Map<number, { due: number; since: number }>();
    const expired: number[] = [];
    const timers = Array.from({ length: 200 }, (_, id) => timer(() => void expired.push(id)));
    for (let step = 0; step < 10_000; step++) {
      const id = Math.floor(random.next() * timers.length);
      const chosen = timers[id] as Timer;
      const action = random.next();
      if (action < 0.55) {
        const delay = Math.floor(random.next() * 1_000);
        clock.arm(chosen, delay);
        model.set(id, { due: clock.monotonic() + delay, since: step });
      } else if (action < 0.8) {
        clock.disarm(chosen);
        model.delete(id);
      } else {
        const ms = Math.floor(random.next() * 60);
        const end = clock.monotonic() + ms;
        const due = [...model].filter(([, entry]) => entry.due <= end).sort(([, a], [, b]) => a.due - b.due);
        for (const [dueId] of due) model.delete(dueId);
        expired.length = 0;
        clock.advance(ms);
        // The times must agree one by one; which of two at the same time comes first is another test's matter.
        const dueAt = new Map(due.map(([dueId, entry]) => [dueId, entry.due]));
        expect(expired.toSorted((a, b) => a - b)).toEqual(due.map(([dueId]) => dueId).sort((a, b) => a - b));
        expect(expired.map((each) => dueAt.get(each))).toEqual(due.map(([, entry]) => entry.due));
      }
      expect(clock.armed).toBe(model.size);
    }
    for (const [id, each] of timers.entries()) expect(each.place >= 0).toBe(model.has(id));
  });
});

describe("the system clock", () => {
  test("agrees with the host's clocks", () => {
    const clock = new SystemClock();
    expect(Math.abs(clock.now() - Date.now())).toBeLessThan(1_000);
    const before = clock.monotonic();
    expect(clock.monotonic()).toBeGreaterThanOrEqual(before);
  });

  test("expires timers in order, and none that was disarmed", async () => {
    const clock = new SystemClock();
    const order: string[] = [];
    const done = Promise.withResolvers<void>();
    after(clock, 6, () => {
      order.push("late");
      done.resolve();
    });
    after(clock, 1, () => order.push("early"));
    const never = after(clock, 2, () => order.push("never"));
    clock.disarm(never);
    await done.promise;
    expect(order).toEqual(["early", "late"]);
  });

  test("refuses NaN and takes any other delay", () => {
    const clock = new SystemClock();
    expect(() => after(clock, NaN, () => {})).toThrow(RangeError);
    clock.disarm(after(clock, Infinity, () => {}));
    clock.disarm(after(clock, -1, () => {}));
  });

  test("does not wake early for a delay that is longer than the host's timers take", async () => {
    const clock = new SystemClock();
    let woken = false;
    const long = after(clock, 2 ** 31 + 1_000, () => (woken = true));
    const done = Promise.withResolvers<void>();
    after(clock, 5, done.resolve);
    await done.promise;
    expect(woken).toBe(false);
    clock.disarm(long);
  });

  test("keeps a process alive for an armed timer only", () => {
    const script = (armed: boolean): string => `
      import { after, SystemClock } from "./src/clock.ts";
      const clock = new SystemClock();
      const timer = after(clock, ${armed ? 20 : 60_000}, () => console.log("expired"));
      ${armed ? "" : "clock.disarm(timer);"}`;
    const run = (source: string): { readonly said: string; readonly status: number } => {
      const { stdout, exitCode } = Bun.spawnSync([process.execPath, "-e", source], { cwd: `${import.meta.dir}/..`, timeout: 30_000 });
      return { said: stdout.toString(), status: exitCode };
    };
    expect(run(script(true))).toEqual({ said: "expired\n", status: 0 });
    // Killed, it would have no status of its own.
    expect(run(script(false))).toEqual({ said: "", status: 0 });
  }, 60_000);

  test("keeps no process alive for a timer in the background, which expires beside one that does", () => {
    const script = (beside: string): string => `
      import { after, SystemClock } from "./src/clock.ts";
      const clock = new SystemClock();
      after(clock.background, 20, () => console.log("background"));
      ${beside}`;
    const run = (beside: string): string =>
      Bun.spawnSync([process.execPath, "-e", script(beside)], { cwd: `${import.meta.dir}/..`, timeout: 4_000 }).stdout.toString();
    expect(run("")).toBe("");
    expect(run('after(clock, 40, () => console.log("alive"));')).toBe("background\nalive\n");
    expect(run('clock.disarm(after(clock, 40, () => console.log("alive")));')).toBe("");
    expect(run('clock.disarm(after(clock, 10, () => console.log("alive")));')).toBe("");
  });
});

test("timers that are armed and disarmed where the stack ends leave a clock's other timers alone", () => {
  const random = seededRandom(1);
  for (let size = 0; size < 32; size++) {
    const clock = new ManualClock();
    const expired: number[] = [];
    const timers = Array.from({ length: 40 }, () => {
      const armed = timer(() => expired.push(armed.due));
      clock.arm(armed, Math.floor(random.next() * 100));
      return armed;
    });
    atTheBottomOfTheStack(() => {
      const chosen = timers[Math.floor(random.next() * timers.length)] as Timer;
      clock.disarm(chosen);
      clock.arm(chosen, Math.floor(random.next() * 100));
    }, size);
    for (const one of timers) if (one.place < 0) clock.arm(one, 50);
    expect(clock.armed).toBe(timers.length);
    clock.advance(100);
    expect(expired).toHaveLength(timers.length);
    expect(expired).toEqual(expired.toSorted((one, other) => one - other));
  }
});
