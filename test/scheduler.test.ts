import { describe, expect, test } from "bun:test";
import { ManualClock } from "../src/clock.ts";
import { TurnScheduler } from "../src/scheduler.ts";
import { atTheBottomOfTheStack } from "./support/spent-stack.ts";

function recorder() {
  const clock = new ManualClock();
  const scheduler = new TurnScheduler(clock);
  const order: string[] = [];
  const note = (name: string, then?: () => void) => ({
    run() {
      order.push(name);
      then?.();
    },
  });
  return { clock, scheduler, order, note };
}

const microtasks = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};
const eventLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a turn", () => {
  test("runs what is queued in order, never within the call that queues it", async () => {
    const { scheduler, order, note } = recorder();
    for (const name of ["a", "b", "c"]) scheduler.enqueue(note(name));
    expect(order).toEqual([]);
    await microtasks();
    expect(order).toEqual(["a", "b", "c"]);
  });

  test("runs what its tasks queue, after what is queued already", async () => {
    const { scheduler, order, note } = recorder();
    scheduler.enqueue(note("a", () => scheduler.enqueue(note("c"))));
    scheduler.enqueue(note("b"));
    await microtasks();
    expect(order).toEqual(["a", "b", "c"]);
  });

  test("runs the endings once, after all tasks, those asked for by endings in another turn", async () => {
    const { scheduler, order, note } = recorder();
    scheduler.atTurnEnd(note("end"));
    scheduler.enqueue(note("a", () => scheduler.atTurnEnd(note("end 2", () => scheduler.atTurnEnd(note("end 3"))))));
    scheduler.enqueue(note("b"));
    await microtasks();
    await eventLoop();
    expect(order).toEqual(["a", "b", "end", "end 2", "end 3"]);
  });

  test("ends after a millisecond: the endings run, the event loop has its turn, then the rest follows in order", async () => {
    const { clock, scheduler, order, note } = recorder();
    const slow = (): void => clock.advance(0.6);
    for (const name of ["a", "b", "c", "d"]) scheduler.enqueue(note(name, slow));
    scheduler.atTurnEnd(note("end"));
    setImmediate(() => order.push("event loop"));
    await eventLoop();
    await eventLoop();
    await eventLoop();
    expect(order).toEqual(["a", "b", "end", "event loop", "c", "d"]);
  });

  test("survives a task that throws: the others run, and the next turn comes", () => {
    // Run apart: the error is meant to surface, which would end this process's test run.
    const script = `
      import { ManualClock } from "./src/clock.ts";
      import { TurnScheduler } from "./src/scheduler.ts";
      const surfaced = [];
      process.on("uncaughtException", (error) => surfaced.push(error.message));
      const order = [];
      const scheduler = new TurnScheduler(new ManualClock());
      scheduler.enqueue({ run() { order.push("a"); throw new Error("defect"); } });
      scheduler.enqueue({ run() { order.push("b"); } });
      setTimeout(() => {
        scheduler.enqueue({ run() { order.push("c"); } });
        setTimeout(() => console.log(JSON.stringify({ order, surfaced })), 5);
      }, 5);`;
    const { stdout } = Bun.spawnSync([process.execPath, "-e", script], { cwd: `${import.meta.dir}/..` });
    expect(JSON.parse(stdout.toString())).toEqual({ order: ["a", "b", "c"], surfaced: ["defect"] });
  });
});

describe("nextTurn", () => {
  test("runs the task only after the event loop has had its turn", async () => {
    const { scheduler, order, note } = recorder();
    setImmediate(() => order.push("event loop"));
    scheduler.nextTurn(note("next"));
    scheduler.enqueue(note("now"));
    await microtasks();
    expect(order).toEqual(["now"]);
    await eventLoop();
    await eventLoop();
    expect(order).toEqual(["now", "event loop", "next"]);
  });

  test("keeps the order of the calls, also against a queue of thousands", async () => {
    const { clock, scheduler, order, note } = recorder();
    const expected: string[] = [];
    for (let i = 0; i < 5_000; i++) {
      scheduler.enqueue(note(`task ${i}`, () => clock.advance(0.01)));
      expected.push(`task ${i}`);
    }
    for (let i = 0; i < 100; i++) await eventLoop();
    expect(order).toEqual(expected);
  });
});

test("a scheduler that was called where the stack ends runs what comes afterwards", async () => {
  for (let size = 0; size < 32; size++) {
    const { scheduler, order, note } = recorder();
    atTheBottomOfTheStack(() => {
      scheduler.enqueue(note("deep"));
      scheduler.atTurnEnd(note("deep"));
      scheduler.atLoopEnd(note("deep"));
    }, size);
    scheduler.enqueue(note("task"));
    scheduler.atTurnEnd(note("turn"));
    scheduler.atLoopEnd(note("loop"));
    for (let i = 0; i < 3; i++) await eventLoop();
    expect(order.filter((name) => name !== "deep")).toEqual(["task", "turn", "loop"]);
  }
});
