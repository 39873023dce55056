import { describe, expect, test } from "bun:test";
import { agent } from "../../src/agent/blueprint.ts";
import type { RestartKind } from "../../src/agent/definition.ts";
import { failure, outcome, testSystem, turns } from "../support/system.ts";
import { Add, childOf, Crash, crash, Hang, Note, pass, Quit, worker } from "./workers.ts";

const parent = agent("parent", () => ({}));

describe("a supervised child", () => {
  test("starts with its parent, after beforeStart and before the first message, in the order of the blueprint", async () => {
    const { system } = testSystem();
    const diary: string[] = [];
    const handle = await system.start(
      parent
        .beforeStart(() => void diary.push("before"))
        .afterStart(({ self }) => void diary.push(`after, with ${self.children.length}`))
        .supervise(worker("a", diary))
        .supervise(worker("b", diary), { name: "c" }),
    );
    expect(diary).toEqual(["before", "+a", "+b", "after, with 2"]);
    expect(handle.children.map(({ handle: child, restart, recentRestarts }) => [child.name, child.status, restart, recentRestarts])).toEqual([
      ["a", "running", "permanent", 0],
      ["c", "running", "permanent", 0],
    ]);
    await handle.stop();
    expect(diary.slice(4)).toEqual(["-b", "-a"]);
  });

  test("that does not start keeps its parent from starting; those before it are stopped", async () => {
    const { system, clock } = testSystem();
    const diary: string[] = [];
    const starts = system.start(parent.supervise(worker("a", diary)).supervise(worker("b", diary, () => true)));
    expect(await failure(starts)).toMatchObject({
      code: "START_FAILED",
      message: "the agent parent did not start: the agent b did not start: b does not start",
    });
    expect(diary).toEqual(["+a", "-a"]);
    expect(clock.armed).toBe(0);
  });

  test("that crashes comes back after a wait, with a fresh model and the mailbox that it had; its handle follows", async () => {
    const { system, clock } = testSystem();
    const a = worker("a");
    const child = childOf(await system.start(parent.supervise(a)), a);
    expect(await child.ask(Add, {})).toBe(1);
    await crash(child);
    expect([child.status, child.generation]).toEqual(["restarting", 1]);
    const asked = child.ask(Add, {});
    await pass(clock, 49);
    expect(child.status).toBe("restarting");
    await pass(clock, 51);
    expect([child.status, child.generation]).toEqual(["running", 2]);
    expect(await asked).toBe(1);
  });

  test("that crashes ends what it was running with AGENT_STOPPED", async () => {
    const { system } = testSystem();
    const a = worker("a").actOn(Note, () => {
      throw new Error("beside");
    });
    const child = childOf(await system.start(parent.supervise(a)), a);
    const hanging = child.ask(Hang, {});
    await child.send(Note, {});
    expect(await outcome(hanging)).toBe("AGENT_STOPPED");
  });

  test("keeps its subscriptions: what is broadcast while it is down waits for it", async () => {
    const { system, clock } = testSystem();
    let notes = 0;
    const a = worker("a")
      .mutateOn(Note, () => void (notes += 1))
      .subscribe(Note);
    const child = childOf(await system.start(parent.supervise(a)), a);
    await crash(child);
    system.broker.broadcast(Note, {});
    await pass(clock, 100);
    expect(notes).toBe(1);
  });

  test("resumes when its own policy says so, and nobody restarts it", async () => {
    const { system } = testSystem();
    const a = worker("a").onCrash("resume");
    const child = childOf(await system.start(parent.supervise(a)), a);
    await child.ask(Add, {});
    await crash(child);
    expect([child.status, child.generation, await child.ask(Add, {})]).toEqual(["running", 1, 2]);
  });

  test("whose policy stops it has crashed: what it had queued ends, and it comes back by its restart kind", async () => {
    const { system, clock } = testSystem();
    const a = worker("a").onCrash("stop");
    const child = childOf(await system.start(parent.supervise(a, { restart: "transient" })), a);
    const [, asked] = [child.send(Crash, {}), child.ask(Add, {})];
    expect(await outcome(asked)).toEqual({ value: 1 });
    expect(child.status).toBe("stopped");
    expect(await outcome(child.ask(Add, {}))).toBe("AGENT_STOPPED");
    await pass(clock, 100);
    expect(await outcome(child.ask(Add, {}))).toEqual({ value: 1 });
  });

  test.each<[RestartKind, "crash" | "quit", boolean]>([
    ["permanent", "crash", true],
    ["permanent", "quit", true],
    ["transient", "crash", true],
    ["transient", "quit", false],
    ["temporary", "crash", false],
    ["temporary", "quit", false],
  ])("that is %s and is to %s comes back: %p; only then is it not gone", async (restart, how, back) => {
    const { system, clock } = testSystem();
    const a = worker("a");
    const handle = await system.start(parent.supervise(a, { restart }));
    const child = childOf(handle, a);
    let gone = false;
    child.watch(() => (gone = true));
    await child.send(how === "crash" ? Crash : Quit, {});
    await turns();
    await pass(clock, 100);
    expect([child.status, gone]).toEqual([back ? "running" : "stopped", !back]);
    expect(await outcome(child.ask(Add, {}))).toEqual(back ? { value: 1 } : "AGENT_STOPPED");
    expect(clock.armed).toBe(0);
  });

  test("does not make its siblings wait or restart", async () => {
    const { system, clock } = testSystem();
    const [a, b] = [worker("a"), worker("b")];
    const handle = await system.start(parent.supervise(a).supervise(b));
    await childOf(handle, b).ask(Add, {});
    await crash(handle.child(a));
    await pass(clock, 100);
    await crash(handle.child(a));
    await crash(handle.child(b));
    await pass(clock, 100);
    expect([childOf(handle, a).status, childOf(handle, b).status]).toEqual(["restarting", "running"]);
    expect(childOf(handle, b).generation).toBe(2);
  });

  test("that hangs as it comes up again does not hold back its siblings, and counts as not started", async () => {
    const { system, clock } = testSystem();
    const [a, b] = [worker("a"), worker("b")];
    let starts = 0;
    const hanging = a.beforeStart(() => ((starts += 1) === 2 ? new Promise(() => {}) : undefined));
    const handle = await system.start(parent.supervise(hanging).supervise(b));
    await crash(handle.child(a));
    await crash(handle.child(b));
    await pass(clock, 100);
    expect([childOf(handle, a).status, childOf(handle, b).status]).toEqual(["restarting", "running"]);
    await pass(clock, 10_000);
    await pass(clock, 200);
    expect([childOf(handle, a).status, childOf(handle, a).generation]).toEqual(["running", 2]);
  });

  test("that does not come up is tried again, later each time", async () => {
    const { system, clock } = testSystem();
    const diary: string[] = [];
    let broken = false;
    const a = worker("a", diary, () => broken);
    const child = childOf(await system.start(parent.supervise(a)), a);
    broken = true;
    await crash(child);
    await pass(clock, 100);
    await pass(clock, 200);
    expect([child.status, child.generation]).toEqual(["restarting", 1]);
    broken = false;
    const asked = child.ask(Add, {});
    await pass(clock, 400);
    expect([child.status, child.generation, await asked]).toEqual(["running", 2, 1]);
  });
});

describe("supervise on a handle", () => {
  test("starts a child that is restarted like one of the blueprint", async () => {
    const { system, clock } = testSystem();
    const handle = await system.start(parent);
    const child = await handle.supervise(worker("a"), { name: "w1" });
    expect(child.name).toBe("w1");
    await crash(child);
    await pass(clock, 100);
    expect(child.generation).toBe(2);
  });

  test("refuses a second child of the name, even when both are starting", async () => {
    const { system } = testSystem();
    const handle = await system.start(parent);
    const [first, second] = [handle.supervise(worker("a")), handle.supervise(worker("a"))];
    expect((await first).status).toBe("running");
    expect(await failure(second)).toMatchObject({ code: "NAME_TAKEN", message: "parent supervises a child named a already" });
    expect((await failure(handle.supervise(worker("a")))).code).toBe("NAME_TAKEN");
    expect(handle.children.length).toBe(1);
  });

  test("rejects with START_FAILED when the child does not start, and remembers nothing of it", async () => {
    const { system, clock } = testSystem();
    const handle = await system.start(parent);
    expect((await failure(handle.supervise(worker("a", [], () => true)))).code).toBe("START_FAILED");
    expect(handle.children).toEqual([]);
    expect(clock.armed).toBe(0);
  });

  test("rejects with AGENT_STOPPED once the parent has stopped, and stops the child", async () => {
    const { system } = testSystem();
    const diary: string[] = [];
    const handle = await system.start(parent);
    await handle.stop();
    expect((await failure(handle.supervise(worker("a", diary)))).code).toBe("AGENT_STOPPED");
    expect(diary).toEqual(["+a", "-a"]);
  });

  test("brings back a child that crashes while its afterStart still runs", async () => {
    const { system, clock } = testSystem();
    const handle = await system.start(parent);
    const child = await handle.supervise(
      worker("a").afterStart(async ({ self }) => {
        if (self.generation === 1) await self.send(Crash, {});
        await turns(4);
      }),
    );
    await pass(clock, 100);
    expect([child.status, child.generation]).toEqual(["running", 2]);
  });
});

describe("unsupervise", () => {
  test("stops the child for good, up or down", async () => {
    const { system, clock } = testSystem();
    const handle = await system.start(parent);
    const [a, b] = [await handle.supervise(worker("a")), await handle.supervise(worker("b"))];
    await crash(b);
    await Promise.all([handle.unsupervise(a), handle.unsupervise(b)]);
    await pass(clock, 1_000);
    expect([a.status, b.status, handle.children]).toEqual(["stopped", "stopped", []]);
    expect(clock.armed).toBe(0);
  });

  test("refuses what is no child of the agent", async () => {
    const { system } = testSystem();
    const handle = await system.start(parent);
    const other = await system.start(worker("other"));
    expect(await failure(handle.unsupervise(other))).toMatchObject({ code: "ACTOR_NOT_FOUND", message: `parent does not supervise ${other.id}` });
    expect(() => handle.release(other)).toThrow(`parent does not supervise ${other.id}`);
  });
});

describe("release", () => {
  test("lets the child run on without its parent, until the system stops", async () => {
    const { system } = testSystem();
    const handle = await system.start(parent);
    const child = await handle.supervise(worker("a"));
    handle.release(child);
    await handle.stop();
    expect([child.status, await child.ask(Add, {})]).toEqual(["running", 1]);
    await crash(child);
    expect([child.status, child.generation]).toEqual(["running", 1]);
    await system.stopAll();
    expect(child.status).toBe("stopped");
  });

  test("brings a child back that was waiting for its restart", async () => {
    const { system } = testSystem();
    const handle = await system.start(parent);
    const child = await handle.supervise(worker("a"));
    await crash(child);
    handle.release(child);
    expect(await outcome(child.ask(Add, {}))).toEqual({ value: 1 });
    expect(child.generation).toBe(2);
  });
});

describe("waiting for a status", () => {
  test("resolves when the agent has it", async () => {
    const { system, clock } = testSystem();
    const handle = await system.start(parent);
    const child = await handle.supervise(worker("a"));
    await child.reached("running");
    const down = child.reached("restarting");
    await crash(child);
    await down;
    const up = child.reached("running");
    await pass(clock, 100);
    await up;
    expect(clock.armed).toBe(0);
  });

  test("ends with TIMEOUT, which names both, or with CANCELLED", async () => {
    const { system, clock } = testSystem();
    const handle = await system.start(parent);
    const late = outcome(handle.reached("stopped", { timeoutMs: 50 }));
    const abort = new AbortController();
    const cancelled = outcome(handle.reached("stopped", { signal: abort.signal }));
    clock.advance(50);
    abort.abort();
    expect([await late, await cancelled]).toEqual(["TIMEOUT", "CANCELLED"]);
    expect(await outcome(handle.reached("stopped", { signal: AbortSignal.abort() }))).toBe("CANCELLED");
    const text = failure(handle.reached("stopped", { timeoutMs: 1 }));
    clock.advance(1);
    expect((await text).message).toBe("the agent is running, and was not stopped within 1 ms");
    expect(clock.armed).toBe(0);
  });
});
