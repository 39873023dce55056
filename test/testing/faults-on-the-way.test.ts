// What is lost, late, doubled or overtaken on its way to an agent, and that the promises about answers hold all the same.

import { describe, expect, test } from "bun:test";
import { agent, DeadLetter } from "acton";
import { probe } from "acton/testing";
import { quiet } from "../support/conditions.ts";
import { failure, outcome } from "../support/system.ts";
import { Items, Note, Other, Question, start, worker } from "./fault-scene.ts";

describe("drop", () => {
  test("loses a message without a word to its sender", async () => {
    await using scene = await start();
    const { faults, handle, seen } = scene;
    const fault = faults.drop({ agent: "worker", type: Note, times: 1 });
    for (const n of [1, 2]) await handle.send(Note, { n });
    expect(handle.trySend(Note, { n: 3 })).toBe(true);
    await quiet();
    expect(seen).toEqual(["note 2", "note 3"]);
    expect(fault.hits).toBe(1);
  });

  test("leaves an ask to its deadline, and a stream to its own", async () => {
    await using scene = await start();
    const { faults, handle, clock, seen } = scene;
    faults.drop({ agent: "worker" });
    const asked = handle.ask(Question, { n: 1 }, { timeoutMs: 50 });
    const items = Array.fromAsync(handle.stream(Items, { below: 2 }, { timeoutMs: 60 }));
    expect(await outcome(asked)).toBe("pending");
    clock.advance(50);
    expect(await outcome(asked)).toBe("TIMEOUT");
    clock.advance(10);
    expect(await outcome(items)).toBe("TIMEOUT");
    expect(seen).toEqual([]);
  });

  test("loses a broadcast for the agent that it is for, and for no other", async () => {
    await using scene = await start();
    const { faults, runtime, seen } = scene;
    const others: string[] = [];
    await runtime.start(worker(others), { name: "other" });
    faults.drop({ agent: "worker", type: Note });
    runtime.broker().broadcast(Note, { n: 1 });
    await runtime.broker().flush();
    await quiet();
    expect({ seen, others }).toEqual({ seen: [], others: ["note 1"] });
  });

  test("strikes what had to wait for room as well, once it comes in", async () => {
    await using scene = await start({ limits: { mailboxSize: 1 } });
    const { faults, handle, seen } = scene;
    const fault = faults.drop({ type: Other });
    const sent = [handle.send(Note, { n: 1 }), handle.send(Other, { n: 2 }), handle.send(Note, { n: 3 })];
    await Promise.all(sent);
    await quiet();
    expect(seen).toEqual(["note 1", "note 3"]);
    expect(fault.hits).toBe(1);
  });
});

describe("delay", () => {
  test("lets a message come in later, while others overtake it", async () => {
    await using scene = await start();
    const { faults, handle, clock, seen } = scene;
    const fault = faults.delay({ type: Note, times: 2 }, 100);
    for (const n of [1, 2, 3]) await handle.send(Note, { n });
    await quiet();
    expect(seen).toEqual(["note 3"]);
    clock.advance(99);
    await quiet();
    expect(seen).toEqual(["note 3"]);
    clock.advance(1);
    await quiet();
    expect(seen).toEqual(["note 3", "note 1", "note 2"]);
    expect(fault.hits).toBe(2);
  });

  test("answers an ask that is still waited for, and spares the handler one that is not", async () => {
    await using scene = await start();
    const { faults, handle, clock, seen } = scene;
    faults.delay({ type: Question }, 100);
    const patient = handle.ask(Question, { n: 1 }, { timeoutMs: 200 });
    const hasty = handle.ask(Question, { n: 2 }, { timeoutMs: 50 });
    const late = failure(hasty);
    clock.advance(100);
    expect(await patient).toEqual({ n: 1 });
    expect((await late).code).toBe("TIMEOUT");
    expect(seen).toEqual(["question 1"]);
  });

  test("ends early with the fault: what it holds goes on at once, in order", async () => {
    await using scene = await start();
    const { faults, handle, seen, clock } = scene;
    const fault = faults.delay({ type: Note }, 1000);
    for (const n of [1, 2]) await handle.send(Note, { n });
    fault.end();
    await handle.send(Note, { n: 3 });
    await quiet();
    expect(seen).toEqual(["note 1", "note 2", "note 3"]);
    expect(fault.hits).toBe(2);
    clock.advance(1000);
    await quiet();
    expect(seen).toHaveLength(3);
  });

  test("brings nothing in twice: what has come in by its time is not held any more", async () => {
    await using scene = await start();
    const { faults, handle, seen, clock } = scene;
    const fault = faults.delay({ type: Note }, 100);
    await handle.send(Note, { n: 1 });
    clock.advance(100);
    fault.end();
    await quiet();
    expect(seen).toEqual(["note 1"]);
  });

  test("ends with the agent: an asker gets AgentStopped, a message is a dead letter", async () => {
    await using scene = await start();
    const { faults, handle, runtime, clock } = scene;
    const armed = clock.armed;
    const dead: unknown[] = [];
    runtime.broker().subscribe(DeadLetter, ({ agent: name, type, payload }) => void dead.push([name, type, payload]));
    const fault = faults.delay({}, 1000);
    const asked = failure(handle.ask(Question, { n: 1 }));
    await handle.send(Note, { n: 2 });
    await handle.stop();
    expect((await asked).code).toBe("AGENT_STOPPED");
    expect(clock.armed).toBe(armed);
    fault.end();
    await quiet();
    expect(dead).toEqual([
      ["worker", "Question", { n: 1 }],
      ["worker", "Note", { n: 2 }],
    ]);
  });

  test("waits for room as its sender would have, and gives up as late", async () => {
    await using scene = await start({ limits: { mailboxSize: 1, sendTimeoutMs: 500 } });
    const { faults, handle, runtime, clock } = scene;
    const fault = faults.delay({ type: Question }, 100);
    const asked = failure(handle.ask(Question, { n: 1 }, { timeoutMs: 10_000 }));
    using hang = faults.stall({ type: Note });
    await handle.send(Note, { n: 1 });
    await quiet();
    await handle.send(Note, { n: 2 });
    clock.advance(100);
    expect(fault.hits).toBe(1);
    clock.advance(500);
    expect((await asked).code).toBe("TARGET_BUSY");
    hang.end();
    await runtime.shutdownAll();
  });

  test("holds no more than a mailbox takes; then the agent is busy", async () => {
    await using scene = await start({ limits: { mailboxSize: 2 } });
    const { faults, handle, clock, seen } = scene;
    faults.delay({ type: Note }, 100);
    for (const n of [1, 2, 3]) expect(handle.trySend(Note, { n })).toBe(true);
    expect(handle.trySend(Note, { n: 4 })).toBe(false);
    expect((await failure(handle.send(Note, { n: 4 }))).code).toBe("TARGET_BUSY");
    clock.advance(100);
    await quiet();
    expect(seen).toEqual(["note 1", "note 2", "note 3"]);
    expect(handle.trySend(Note, { n: 4 })).toBe(true);
  });

  test("leaves nothing behind: no timer is armed when all has come in", async () => {
    await using scene = await start();
    const { faults, handle, clock } = scene;
    const fault = faults.delay({}, 1000);
    const before = clock.armed;
    await handle.send(Note, { n: 1 });
    expect(clock.armed).toBe(before + 1);
    fault.end();
    expect(clock.armed).toBe(before);
  });
});

describe("duplicate", () => {
  test("brings a message in twice, the copy right behind it", async () => {
    await using scene = await start();
    const { faults, handle, seen } = scene;
    const fault = faults.duplicate({ type: Note, times: 1 });
    for (const n of [1, 2]) await handle.send(Note, { n });
    await quiet();
    expect(seen).toEqual(["note 1", "note 1", "note 2"]);
    expect(fault.hits).toBe(1);
  });

  test("gives what is asked twice one answer, and a stream its items once", async () => {
    await using scene = await start();
    const { faults, handle, seen } = scene;
    faults.duplicate({});
    expect(await handle.ask(Question, { n: 1 })).toEqual({ n: 1 });
    expect(await Array.fromAsync(handle.stream(Items, { below: 2 }))).toEqual([{ n: 0 }, { n: 1 }]);
    await quiet();
    expect(seen.filter((line) => line.startsWith("question"))).toEqual(["question 1", "question 1"]);
  });

  test("keeps on the copy who has sent it", async () => {
    await using scene = await start();
    const { faults, runtime } = scene;
    const peer = probe("peer", [Note]);
    const handle = await runtime.start(peer.blueprint);
    faults.duplicate({ agent: "peer" });
    const sender = await runtime.start(agent("sender", () => ({})).actOn(Note, ({ message: { n } }) => handle.send(Note, { n })));
    await sender.send(Note, { n: 1 });
    for (let copy = 0; copy < 2; copy++) expect((await peer.expectMessage(Note)).sender?.name).toBe("sender");
  });

  test("brings a broadcast in twice", async () => {
    await using scene = await start();
    const { faults, runtime, seen } = scene;
    faults.duplicate({ agent: "worker" });
    runtime.broker().broadcast(Note, { n: 1 });
    await runtime.broker().flush();
    await quiet();
    expect(seen).toEqual(["note 1", "note 1"]);
  });

  test("lets the copy wait for room where there is room for one only", async () => {
    await using scene = await start({ limits: { mailboxSize: 1 } });
    const { faults, handle, seen } = scene;
    faults.duplicate({ type: Note });
    await Promise.all([1, 2, 3].map((n) => handle.send(Note, { n })));
    await quiet();
    expect(seen.toSorted()).toEqual(["note 1", "note 1", "note 2", "note 2", "note 3", "note 3"]);
  });
});

describe("reorder", () => {
  test("lets each message that it holds be overtaken by one", async () => {
    await using scene = await start();
    const { faults, handle, seen } = scene;
    const fault = faults.reorder({ type: Note });
    for (const n of [1, 2, 3, 4]) await handle.send(Note, { n });
    await quiet();
    expect(seen).toEqual(["note 2", "note 1", "note 4", "note 3"]);
    expect(fault.hits).toBe(2);
  });

  test("is content with whatever comes next", async () => {
    await using scene = await start();
    const { faults, handle, seen } = scene;
    faults.reorder({ type: Note, times: 1 });
    await handle.send(Note, { n: 1 });
    await handle.send(Other, { n: 2 });
    await quiet();
    expect(seen).toEqual(["other 2", "note 1"]);
  });

  test("lets go of what nobody has overtaken when it ends", async () => {
    await using scene = await start();
    const { faults, handle, seen } = scene;
    {
      using _fault = faults.reorder({ type: Note });
      await handle.send(Note, { n: 1 });
      await quiet();
      expect(seen).toEqual([]);
    }
    await handle.send(Note, { n: 2 });
    await quiet();
    expect(seen).toEqual(["note 1", "note 2"]);
  });

  test("is not held up by what is lost: that has not come in", async () => {
    await using scene = await start();
    const { faults, handle, seen } = scene;
    faults.reorder({ type: Note, times: 1 });
    faults.drop({ type: Other, times: 1 });
    await handle.send(Note, { n: 1 });
    await handle.send(Other, { n: 2 });
    await quiet();
    expect(seen).toEqual([]);
    await handle.send(Other, { n: 3 });
    await quiet();
    expect(seen).toEqual(["other 3", "note 1"]);
  });

  test("finds room for the one that overtakes in the smallest mailbox", async () => {
    await using scene = await start({ limits: { mailboxSize: 1 } });
    const { faults, handle, seen } = scene;
    faults.reorder({ type: Note, times: 1 });
    await handle.send(Note, { n: 1 });
    await handle.send(Other, { n: 2 });
    await quiet();
    expect(seen).toEqual(["other 2", "note 1"]);
  });
});
