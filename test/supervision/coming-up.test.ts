import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { agent } from "../../src/agent/blueprint.ts";
import { message } from "../../src/message/message-type.ts";
import { AgentTerminated } from "../../src/supervision/events.ts";
import { Latch, outcome, testSystem, turns } from "../support/system.ts";
import { Add, childOf, Crash, crash, Note, pass, worker } from "./workers.ts";

const parent = agent("parent", () => ({}));
const Tick = message("Tick", {});
const Fall = message("Fall", {});
const Ticks = message("Ticks", {}).replies(message("TickCount", z.int()));

/** A worker whose start number `n` waits for `latches[n]`, where there is one. */
function slow(name: string, latches: ReadonlyArray<Latch | undefined>, diary: string[] = []) {
  let starts = 0;
  return worker(name, diary).beforeStart(async () => {
    await latches[++starts]?.wait();
    diary.push(`+${name}`);
  });
}

describe("a child that is about to come up", () => {
  test("does not come up any more when it is unsupervised in the same instant", async () => {
    const { system, clock } = testSystem();
    const handle = await system.start(parent);
    const child = await handle.supervise(worker("a"));
    await crash(child);
    clock.advance(100);
    await handle.unsupervise(child);
    await turns();
    expect([child.status, child.generation]).toEqual(["stopped", 1]);
    expect(clock.armed).toBe(0);
  });

  test("that had stopped does not come up any more when it is unsupervised in the same instant", async () => {
    const { system, clock } = testSystem();
    const handle = await system.start(parent);
    const child = await handle.supervise(worker("a"));
    await child.stop();
    clock.advance(100);
    await handle.unsupervise(child);
    await turns();
    expect([child.status, child.generation]).toEqual(["stopped", 1]);
  });

  test("stops with its parent, when that stops in the same instant", async () => {
    const { system, clock } = testSystem();
    for (const down of [crash, (child: Parameters<typeof crash>[0]) => child?.stop()]) {
      const handle = await system.start(parent.supervise(worker("a")));
      const child = childOf(handle, worker("a"));
      await down(child);
      clock.advance(100);
      await handle.stop();
      await turns();
      expect(child.status).toBe("stopped");
    }
    expect(clock.armed).toBe(0);
  });

  test("waits for its parent, when that restarts in the same instant", async () => {
    const { system, clock } = testSystem();
    const a = worker("a");
    const middle = worker("middle").supervise(a);
    const top = await system.start(parent.supervise(middle));
    const handle = childOf(top, middle);
    const child = childOf(handle, a);
    await crash(child);
    const crashing = handle.send(Crash, {});
    clock.advance(100);
    await crashing;
    await turns();
    expect([handle.status, child.status]).toEqual(["restarting", "restarting"]);
    await pass(clock, 100);
    expect([handle.status, child.status]).toEqual(["running", "running"]);
  });

  test("that is released and stopped at once stays stopped", async () => {
    const { system, clock } = testSystem();
    const handle = await system.start(parent);
    const child = await handle.supervise(worker("a"));
    let gone = 0;
    child.watch(() => (gone += 1));
    await crash(child);
    handle.release(child);
    await child.stop();
    await turns();
    await pass(clock, 20_000);
    expect([child.status, gone]).toEqual(["stopped", 1]);
  });

  test("that is released comes up, though it had been told to stop and waited for its restart", async () => {
    const { system } = testSystem();
    const handle = await system.start(parent);
    const child = await handle.supervise(worker("a"));
    await child.stop();
    handle.release(child);
    expect(await outcome(child.reached("running"))).toEqual({ value: undefined });
  });
});

describe("a child that is coming up", () => {
  test("and hangs, when its parent restarts, is not taken down again by the time for that earlier attempt", async () => {
    const { system, clock } = testSystem();
    const a = slow("a", [undefined, undefined, new Latch()]).supervise(worker("leaf"));
    const middle = worker("middle").supervise(a);
    const top = await system.start(parent.supervise(middle));
    const handle = childOf(top, middle);
    const child = childOf(handle, a);
    await crash(child);
    await pass(clock, 100);
    await crash(handle);
    await pass(clock, 100);
    expect([handle.status, child.status, child.generation]).toEqual(["running", "running", 2]);
    expect(await child.ask(Add, {})).toBe(1);
    await pass(clock, 10_000);
    await pass(clock, 1_000);
    expect([child.status, child.generation, childOf(child, worker("leaf")).status]).toEqual(["running", 2, "running"]);
    expect(await child.ask(Add, {})).toBe(2);
    expect(clock.armed).toBe(0);
  });

  test("and fails late, when its parent has restarted meanwhile, has no say any more", async () => {
    const { system, clock } = testSystem();
    const late = new Latch();
    const a = slow("a", [undefined, undefined, late]).supervise(worker("leaf"));
    const middle = worker("middle").supervise(a);
    const top = await system.start(parent.supervise(middle));
    const handle = childOf(top, middle);
    const child = childOf(handle, a);
    await crash(child);
    await pass(clock, 100);
    await crash(handle);
    await pass(clock, 100);
    expect(await child.ask(Add, {})).toBe(1);
    late.fail(new Error("late"));
    await turns();
    await pass(clock, 1_000);
    expect([child.status, child.generation, childOf(child, worker("leaf")).status]).toEqual(["running", 2, "running"]);
    expect(await child.ask(Add, {})).toBe(2);
  });

  test("is still on its way up when an earlier attempt fails late: a stop waits for it", async () => {
    const { system, clock } = testSystem();
    const [first, second] = [new Latch(), new Latch()];
    const a = slow("a", [undefined, undefined, first, second]);
    const handle = await system.start(parent.supervise(a));
    const child = childOf(handle, a);
    await crash(child);
    await pass(clock, 100);
    await pass(clock, 10_000);
    await pass(clock, 200);
    expect(second.waiting).toBe(1);
    first.fail(new Error("late"));
    await turns();
    const asked = child.ask(Add, {});
    const stopped = child.stop();
    second.open();
    expect(await outcome(asked)).toEqual({ value: 1 });
    await stopped;
  });

  test("that is released meanwhile comes up once", async () => {
    const { system, clock } = testSystem();
    const latch = new Latch();
    const diary: string[] = [];
    const a = slow("a", [undefined, undefined, latch], diary);
    const handle = await system.start(parent);
    const child = await handle.supervise(a);
    await crash(child);
    await pass(clock, 100);
    handle.release(child);
    latch.open();
    await turns();
    expect([child.status, child.generation, diary]).toEqual(["running", 2, ["+a", "+a"]]);
    await pass(clock, 20_000);
    expect([child.status, child.generation]).toEqual(["running", 2]);
    expect(clock.armed).toBe(0);
  });

  test("that is released meanwhile and does not come up has stopped", async () => {
    const { system, clock } = testSystem();
    const a = slow("a", [undefined, undefined, new Latch()]);
    const handle = await system.start(parent);
    const child = await handle.supervise(a);
    let gone = 0;
    child.watch(() => (gone += 1));
    await crash(child);
    await pass(clock, 100);
    handle.release(child);
    await pass(clock, 10_000);
    expect([child.status, gone]).toEqual(["stopped", 1]);
    expect(clock.armed).toBe(0);
  });

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

describe("a parent that comes up again", () => {
  test("may supervise children anew in its hooks, without any in its blueprint", async () => {
    for (const hook of ["beforeStart", "afterStart"] as const) {
      const { system, clock } = testSystem();
      const a = worker("a");
      const middle = worker("middle")[hook](({ self }) => self.supervise(a).then(() => {}));
      const handle = childOf(await system.start(parent.supervise(middle)), middle);
      const first = childOf(handle, a);
      await crash(handle);
      await pass(clock, 100);
      const second = childOf(handle, a);
      expect([handle.status, first.status, second.status]).toEqual(["running", "stopped", "running"]);
      await crash(second);
      await pass(clock, 100);
      expect([second.status, second.generation]).toEqual(["running", 2]);
    }
  });

  test("may supervise children anew in beforeStart beside those of its blueprint", async () => {
    const { system, clock } = testSystem();
    const middle = worker("middle")
      .supervise(worker("own"))
      .beforeStart(({ self }) => self.supervise(worker("a")).then(() => {}));
    const handle = childOf(await system.start(parent.supervise(middle)), middle);
    await crash(handle);
    await pass(clock, 100);
    expect([handle.status, handle.children.map(({ handle: { name, status } }) => `${name} ${status}`)]).toEqual([
      "running",
      ["own running", "a running"],
    ]);
  });

  test("does not get a child that an earlier life had begun to supervise or to start", async () => {
    const { system, clock } = testSystem();
    const [supervised, started] = [new Latch(), new Latch()];
    const diary: string[] = [];
    const middle = worker("middle")
      .actOn(Fall, () => {
        throw new Error("beside");
      })
      .actOn(Note, async ({ self }) => void (await self.supervise(slow("a", [undefined, supervised], diary))))
      .actOn(Tick, async ({ start }) => void (await start(slow("b", [undefined, started], diary))));
    const handle = childOf(await system.start(parent.supervise(middle)), middle);
    await handle.send(Note, {});
    await handle.send(Tick, {});
    await handle.send(Fall, {});
    await turns();
    await pass(clock, 100);
    expect(handle.generation).toBe(2);
    supervised.open();
    started.open();
    await turns();
    expect([handle.children, diary]).toEqual([[], ["+a", "+b", "-a", "-b"]]);
  });

  test("takes a child back that it had given up just before, when that is down", async () => {
    const { system, clock } = testSystem();
    const latch = new Latch();
    const a = worker("a").beforeStop(() => latch.wait());
    const middle = worker("middle").supervise(a).supervision({ restartsMax: 0, escalation: "stopSupervisor" });
    const handle = childOf(await system.start(parent.supervise(middle)), middle);
    const child = childOf(handle, a);
    await crash(child);
    await pass(clock, 100);
    latch.open();
    await turns();
    await pass(clock, 100);
    expect([handle.generation, child.status, child.generation]).toEqual([2, "running", 2]);
    await crash(child);
    for (let i = 0; i < 10; i++) await pass(clock, 100);
    expect([handle.generation, child.status, child.generation]).toEqual([3, "running", 3]);
    expect(clock.armed).toBe(0);
  });
});

describe("a supervisor that gives a child up before it is up itself", () => {
  test("has not come up", async () => {
    const { system, clock } = testSystem();
    const latch = new Latch();
    let doomed = true;
    const a = worker("a").afterStart(({ self }) => void (doomed && self.send(Crash, {})));
    const middle = worker("middle")
      .supervise(a)
      .supervise(slow("b", [undefined, undefined, latch]))
      .supervision({ restartsMax: 0, escalation: "stopSupervisor" });
    doomed = false;
    const handle = childOf(await system.start(parent.supervise(middle)), middle);
    await crash(handle);
    doomed = true;
    await pass(clock, 100);
    doomed = false;
    latch.open();
    await turns();
    expect([handle.status, handle.generation]).toEqual(["restarting", 1]);
    await pass(clock, 1_000);
    expect([handle.status, handle.generation, childOf(handle, a).status]).toEqual(["running", 2, "running"]);
  });
});

describe("a child whose afterStart hangs", () => {
  test("is supervised meanwhile: it comes back when it crashes, and ends with its parent", async () => {
    const { system, clock } = testSystem();
    const handle = await system.start(parent);
    const supervised = handle.supervise(worker("a").afterStart(({ self }) => (self.generation === 1 ? new Promise(() => {}) : undefined)));
    await turns();
    const child = childOf(handle, worker("a"));
    expect(await outcome(supervised)).toBe("pending");
    await crash(child);
    await pass(clock, 100);
    expect([child.status, child.generation]).toEqual(["running", 2]);
    await handle.stop();
    expect([child.status, clock.armed]).toEqual(["stopped", 0]);
  });

  test("ends with the system, when nobody supervises it", async () => {
    const { system } = testSystem();
    let status = (): string => "unknown";
    const hanging = worker("a").afterStart(({ self }) => {
      status = () => self.status;
      return new Promise(() => {});
    });
    const started = system.start(hanging);
    expect([await outcome(started), status()]).toEqual(["pending", "running"]);
    await system.stopAll();
    expect(status()).toBe("stopped");
  });
});
