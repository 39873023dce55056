// Handlers that crash or hang by a fault; and which messages a fault is for.

import { describe, expect, test } from "bun:test";
import { ActonApp, agent, ManualClock, seededRandom } from "acton";
import { Faults, probe } from "acton/testing";
import { silentLog } from "../../src/log.ts";
import { quiet } from "../support/conditions.ts";
import { failure } from "../support/system.ts";
import { Items, Note, Other, Question, start, worker } from "./fault-scene.ts";

describe("crash", () => {
  test("throws in the handler's place: its asker is told, and the agent does what it does at a crash", async () => {
    const faults = new Faults();
    await using runtime = ActonApp.launch({ log: silentLog, faults });
    const counter = agent("counter", () => ({ count: 0 }))
      .mutateOn(Question, ({ model }) => ({ n: (model.count += 1) }))
      .onCrash("restart");
    const handle = await runtime.start(counter);
    expect(await handle.ask(Question, { n: 0 })).toEqual({ n: 1 });
    const fault = faults.crash({ agent: "counter", type: Question, times: 1 });
    const crashed = await failure(handle.ask(Question, { n: 0 }));
    expect({ code: crashed.code, text: crashed.message }).toEqual({ code: "HANDLER_FAILED", text: "crashed by a fault" });
    expect(await handle.ask(Question, { n: 0 })).toEqual({ n: 1 });
    expect(fault.hits).toBe(1);
  });

  test("throws what it was given, which the agent's policy sees", async () => {
    const faults = new Faults();
    await using runtime = ActonApp.launch({ log: silentLog, faults });
    const thrown = new RangeError("the disk is full");
    const decided = Promise.withResolvers<unknown>();
    const handle = await runtime.start(
      agent("writer", () => ({}))
        .mutateOn(Note, () => undefined)
        .onCrash((error) => {
          decided.resolve(error);
          return "resume";
        }),
    );
    faults.crash({ agent: "writer" }, thrown);
    await handle.send(Note, { n: 1 });
    expect(await decided.promise).toBe(thrown);
  });
});

describe("stall", () => {
  test("hangs the handler, which holds up what is behind it, until it ends", async () => {
    await using scene = await start();
    const { faults, handle, seen } = scene;
    const hang = faults.stall({ agent: "worker", type: Note });
    await handle.send(Note, { n: 1 });
    await handle.send(Other, { n: 2 });
    await quiet();
    expect(seen).toEqual([]);
    hang.end();
    await quiet();
    expect(seen).toEqual(["note 1", "other 2"]);
    expect(hang.hits).toBe(1);
  });

  test("fills the mailbox of the agent: it is busy, as one that hangs", async () => {
    await using scene = await start({ limits: { mailboxSize: 2, sendTimeoutMs: 100 } });
    const { faults, handle, clock } = scene;
    using hang = faults.stall({ agent: "worker" });
    await handle.send(Note, { n: 0 });
    await quiet();
    for (const n of [1, 2]) expect(handle.trySend(Note, { n })).toBe(true);
    expect(handle.trySend(Note, { n: 3 })).toBe(false);
    const late = failure(handle.send(Note, { n: 3 }));
    clock.advance(100);
    expect((await late).code).toBe("TARGET_BUSY");
    expect(hang.hits).toBe(3);
  });

  test("does not run what nobody waits for any more, and streams what somebody does", async () => {
    await using scene = await start();
    const { faults, handle, clock, seen } = scene;
    const hang = faults.stall({ agent: "worker" });
    const hasty = failure(handle.ask(Question, { n: 1 }, { timeoutMs: 50 }));
    const items = Array.fromAsync(handle.stream(Items, { below: 2 }));
    await quiet();
    clock.advance(50);
    expect((await hasty).code).toBe("TIMEOUT");
    hang.end();
    expect(await items).toEqual([{ n: 0 }, { n: 1 }]);
    expect(seen).toEqual(["items 2"]);
  });

  test("makes a stop forceful: askers get AgentStopped, and the handler never runs", async () => {
    await using scene = await start();
    const { faults, handle, clock, seen } = scene;
    const hang = faults.stall({ agent: "worker" });
    const asked = failure(handle.ask(Question, { n: 1 }));
    await handle.send(Note, { n: 2 });
    await quiet();
    const stopped = handle.stop();
    clock.advance(10_000);
    await stopped;
    expect((await asked).code).toBe("AGENT_STOPPED");
    hang.end();
    await quiet();
    expect(seen).toEqual([]);
  });
});

describe("a match", () => {
  test("by agent takes a name or an id", async () => {
    await using scene = await start();
    const { faults, handle, runtime, seen } = scene;
    const others: string[] = [];
    const other = await runtime.start(worker(others));
    expect(other.name).toBe(handle.name);
    const fault = faults.drop({ agent: other.id });
    for (const target of [handle, other]) await target.send(Note, { n: 1 });
    await quiet();
    expect({ seen, others }).toEqual({ seen: ["note 1"], others: [] });
    fault.end();
    faults.drop({ agent: "worker" });
    for (const target of [handle, other]) await target.send(Note, { n: 2 });
    await quiet();
    expect({ seen, others }).toEqual({ seen: ["note 1"], others: [] });
  });

  test("without anything takes every message", async () => {
    await using scene = await start();
    const { faults, handle, seen } = scene;
    const fault = faults.drop({});
    await handle.send(Note, { n: 1 });
    await handle.send(Other, { n: 2 });
    await quiet();
    expect({ seen, hits: fault.hits }).toEqual({ seen: [], hits: 2 });
  });

  test("with a probability is decided by the runtime's chance, and repeats with its seed", async () => {
    const survivors = async (seed: number): Promise<string[]> => {
      await using scene = await start({ random: seededRandom(seed) });
      const { faults, handle, seen } = scene;
      faults.drop({ type: Note, probability: 0.5 });
      for (let n = 0; n < 100; n++) await handle.send(Note, { n });
      await quiet();
      return seen;
    };
    const first = await survivors(7);
    expect(first.length).toBeGreaterThan(20);
    expect(first.length).toBeLessThan(80);
    expect(await survivors(7)).toEqual(first);
    expect(await survivors(8)).not.toEqual(first);
  });

  test("without a probability takes none of the runtime's chance", async () => {
    const random = {
      next: (): number => {
        throw new Error("chance was asked for");
      },
    };
    await using scene = await start({ random });
    scene.faults.duplicate({ type: Note });
    await scene.handle.send(Note, { n: 1 });
    await quiet();
    expect(scene.seen).toEqual(["note 1", "note 1"]);
  });

  test("with a probability of 0 takes nothing, of 1 everything", async () => {
    await using scene = await start();
    const { faults, handle, seen } = scene;
    const never = faults.drop({ probability: 0 });
    const always = faults.duplicate({ probability: 1 });
    for (let n = 0; n < 10; n++) await handle.send(Note, { n });
    await quiet();
    expect({ never: never.hits, always: always.hits, seen: seen.length }).toEqual({ never: 0, always: 10, seen: 20 });
  });

  test("that makes no sense is refused", () => {
    const faults = new Faults();
    expect(() => faults.drop({ times: 0 })).toThrow(RangeError);
    expect(() => faults.drop({ probability: 2 })).toThrow(RangeError);
    expect(() => faults.drop({ probability: Number.NaN })).toThrow(RangeError);
    expect(() => faults.delay({}, -1)).toThrow(RangeError);
  });
});

describe("several faults", () => {
  test("never meet in one message: the one that was put first strikes, then the next", async () => {
    await using scene = await start();
    const { faults, handle, seen } = scene;
    const first = faults.drop({ type: Note, times: 1 });
    const second = faults.duplicate({ type: Note });
    for (const n of [1, 2]) await handle.send(Note, { n });
    await quiet();
    expect(seen).toEqual(["note 2", "note 2"]);
    expect([first.hits, second.hits]).toEqual([1, 1]);
  });

  test("end one by one, and twice without harm", async () => {
    await using scene = await start();
    const { faults, handle, seen } = scene;
    const first = faults.drop({});
    const second = faults.drop({});
    first.end();
    first.end();
    await handle.send(Note, { n: 1 });
    second.end();
    await handle.send(Note, { n: 2 });
    await quiet();
    expect(seen).toEqual(["note 2"]);
    expect([first.hits, second.hits]).toEqual([0, 1]);
  });
});

test("schedules meet faults at each of their ticks", async () => {
  const faults = new Faults();
  const clock = new ManualClock();
  await using runtime = ActonApp.launch({ log: silentLog, clock, faults });
  const seen: number[] = [];
  await runtime.start(
    agent("timer", () => ({}))
      .afterStart(({ sendEvery }) => sendEvery(100, Note, { n: 1 }))
      .mutateOn(Note, () => void seen.push(clock.monotonic())),
  );
  faults.delay({ agent: "timer", times: 2 }, 150);
  for (let passed = 0; passed < 500; passed += 50) {
    clock.advance(50);
    await quiet();
  }
  expect(seen).toEqual([250, 300, 350, 400, 500]);
});

test("asks that would wait for themselves are still found at once", async () => {
  await using runtime = ActonApp.launch({ log: silentLog, faults: new Faults() });
  const back: { ask?: () => Promise<unknown> } = {};
  const first = await runtime.start(agent("first", () => ({})).mutateOn(Question, () => second.ask(Question, { n: 1 })));
  const second = await runtime.start(agent("second", () => ({})).mutateOn(Question, () => back.ask?.() as Promise<{ n: number }>));
  back.ask = () => first.ask(Question, { n: 2 });
  const error = await failure(first.ask(Question, { n: 0 }));
  expect(error.message).toContain("second → first → second");
});

test("probes have mailboxes too: a question that was lost is one that they never get", async () => {
  const faults = new Faults();
  await using runtime = ActonApp.launch({ log: silentLog, faults });
  const peer = probe("peer", [Note]);
  const handle = await runtime.start(peer.blueprint);
  using _lost = faults.drop({ agent: "peer", times: 1 });
  for (const n of [1, 2]) await handle.send(Note, { n });
  expect((await peer.expectMessage(Note)).message).toEqual({ n: 2 });
});
