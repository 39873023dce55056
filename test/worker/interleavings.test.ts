// A thread ends, stops or restarts while others wait for it, watch over it, or go down with it.

import { expect, setDefaultTimeout, test } from "bun:test";
import { agent, AgentTerminated, type AgentHandle } from "acton";
import { actor, Beside, BesideFlow, deciding, Do, Order } from "./scene.ts";
import { heard, outcomeOf, outcomesOf, passing, read, stage, until } from "./stage.ts";

// A thread takes its time on a machine that is busy.
setDefaultTimeout(30_000);

test("a handler here is told that the thread that asked it is gone", async () => {
  await using scene = stage("scene.ts");
  const handle = await scene.runtime.start(actor.runOn("worker", { stuckMs: 300 }));
  let aborted = 0;
  const main = await scene.runtime.start(
    agent("main", () => ({}))
      .actOn(Beside, () => handle.ask(Beside, { deed: "askSender", with: { deed: "x" } }))
      .actOn(
        Do,
        ({ signal }) =>
          new Promise((resolve) =>
            signal.addEventListener("abort", () => {
              aborted++;
              resolve(1);
            }),
          ),
      ),
  );
  const asked = outcomeOf(main.ask(Beside, { deed: "" }));
  await passing(50);
  const ends = outcomeOf(handle.ask(Beside, { deed: "exit" }));
  expect(await ends).toMatchObject({ code: "AGENT_STOPPED" });
  expect(await asked).toMatchObject({ code: "HANDLER_FAILED" });
  await until(() => aborted === 1);
});

test("an agent is let go while it is stuck, or between two lives", async () => {
  await using scene = stage("scene.ts", { limits: { stopTimeoutMs: 300, backoffMs: 50 } });
  const keeper = await scene.runtime.start(agent("keeper", () => ({})));
  const a = await keeper.supervise(deciding.default.runOn("worker", { stuckMs: Infinity }), { name: "a" });
  const stuck = outcomesOf([a.ask(Do, { deed: "forever" }), a.ask(Do, { deed: "status" })]);
  await passing(30);
  await keeper.unsupervise(a);
  expect(await stuck).toMatchObject([
    { code: "AGENT_STOPPED", ran: "yes" },
    { code: "AGENT_STOPPED", ran: "no" },
  ]);
  const b = await keeper.supervise(deciding.default.runOn("worker"), { name: "b" });
  await outcomeOf(b.ask(Do, { deed: "exit" }));
  expect(b.status).toBe("restarting");
  const queued = b.ask(Do, { deed: "status" });
  keeper.release(b);
  expect(await queued).toEqual(["running", 2]);
  const c = await keeper.supervise(deciding.default.runOn("worker"), { name: "c" });
  await outcomeOf(c.ask(Do, { deed: "exit" }));
  const q2 = outcomeOf(c.ask(Do, { deed: "status" }));
  await keeper.unsupervise(c);
  expect(await q2).toMatchObject({ code: "AGENT_STOPPED", ran: "no" });
  const d = await keeper.supervise(deciding.default.runOn("worker"), { name: "d" });
  await outcomeOf(d.ask(Do, { deed: "exit" }));
  const q3 = outcomeOf(d.ask(Do, { deed: "status" }));
  await keeper.stop();
  expect(await q3).toMatchObject({ code: "AGENT_STOPPED", ran: "no" });
});

test("children here of an agent on a thread fall with it", async () => {
  await using scene = stage("scene.ts", { limits: { backoffMs: 1 } });
  const handle = await scene.runtime.start(deciding.restart.runOn("worker"));
  const kid = await handle.supervise(deciding.default, { name: "kid" });
  expect(await kid.ask(Do, { deed: "echo", with: 1 })).toBe(1);
  await outcomeOf(kid.ask(Do, { deed: "throw", with: "error" }));
  await until(() => kid.generation === 2);
  await outcomeOf(handle.ask(Do, { deed: "throw", with: "error" }));
  await until(() => handle.generation === 2);
  await kid.reached("stopped");
  expect(handle.children.length).toBe(0);
});

test("a stuck agent goes down with its sibling, and keeps what it had not begun", async () => {
  await using scene = stage("scene.ts", { limits: { backoffMs: 1, stopTimeoutMs: 500 } });
  const keeper = await scene.runtime.start(
    agent("keeper", () => ({}))
      .supervise(deciding.default.runOn("worker", { stuckMs: Infinity }), { name: "x" })
      .supervise(deciding.restart, { name: "y" })
      .supervision({ strategy: "oneForAll" }),
  );
  const [x, y] = keeper.children.map(({ handle }) => handle as AgentHandle<typeof Do>);
  const stuck = outcomesOf([x!.ask(Do, { deed: "forever" }), x!.ask(Do, { deed: "status" })]);
  await passing(30);
  await outcomeOf(y!.ask(Do, { deed: "throw", with: "error" }));
  await until(() => x!.generation === 2 && y!.generation === 2);
  expect(await stuck).toMatchObject([{ code: "AGENT_STOPPED", ran: "yes" }, { value: ["running", 2] }]);
});

test("what runs beside a crash ends as it does in place", async () => {
  const told: unknown[] = [];
  for (const placed of [false, true]) {
    await using scene = stage("scene.ts", { limits: { backoffMs: 1 } });
    const handle = await scene.runtime.start(placed ? deciding.restart.runOn("worker") : deciding.restart);
    const deferred = outcomeOf(handle.ask(Do, { deed: "defer" }));
    const hang = outcomeOf(handle.ask(Beside, { deed: "hang" }));
    const s = handle.stream(BesideFlow, { deed: "endless" });
    await s.next();
    await passing(20);
    const crash = outcomeOf(handle.ask(Beside, { deed: "throw", with: "error" }));
    const after = [await crash, await hang, ((await read(s)) as { code: string }).code];
    await until(() => handle.generation === 2);
    told.push([after, await handle.ask(Do, { deed: "echo", with: 2 }), await Promise.race([deferred, passing(100)])]);
  }
  expect(told[1]).toEqual(told[0]);
});

test("each end is told with its reason", async () => {
  await using scene = stage("scene.ts", { limits: { backoffMs: 1 } });
  const ev = heard(scene, AgentTerminated);
  const keeper = await scene.runtime.start(agent("keeper", () => ({})));
  const a = await keeper.supervise(deciding.default.runOn("worker", { stuckMs: 200 }), { name: "a", restart: "transient" });
  await outcomeOf(a.ask(Do, { deed: "forever" }));
  await until(() => a.generation === 2);
  await outcomeOf(a.ask(Do, { deed: "exit" }));
  await until(() => a.generation === 3);
  await a.stop();
  const told = ev.map(({ payload }) => payload as { reason: string; error: string | null });
  expect(told.map(({ reason, error }) => [reason, error])).toEqual([
    ["crashed", "a: it held its thread for 200 ms"],
    ["crashed", "a: its thread ended"],
    ["stopped", null],
  ]);
});

test("a request whose bytes had moved to the thread that ended fails, and is not worked on without them", async () => {
  await using scene = stage("scene.ts", { limits: { backoffMs: 1 } });
  const keeper = await scene.runtime.start(agent("keeper", () => ({})));
  const handle = await keeper.supervise(deciding.default.runOn("worker", { stuckMs: 200 }));
  const ends = outcomeOf(handle.ask(Do, { deed: "spin", with: 60_000 }));
  await passing(20);
  const moved = outcomeOf(handle.ask(Do, { deed: "length", with: new Uint8Array(1_000_000) }));
  const copied = handle.ask(Do, { deed: "length", with: new Uint8Array(1000) });
  expect(await ends).toMatchObject({ code: "AGENT_STOPPED", ran: "yes" });
  expect(await moved).toMatchObject({ code: "AGENT_STOPPED", ran: "no", message: expect.stringContaining("bytes") });
  expect(await copied).toBe(1000);
});

test("a sender that has stopped before its message came to the thread is known to be gone there", async () => {
  for (const placed of [false, true]) {
    await using scene = stage("scene.ts");
    const handle = await scene.runtime.start(placed ? actor.runOn("worker") : actor);
    const busy = handle.ask(Do, { deed: "slowly", with: 1 });
    const others = Array.from({ length: 70 }, () => handle.ask(Do, { deed: "slowly", with: 2 }));
    const main = await scene.runtime.start(agent("main", () => ({})).actOn(Order, () => handle.send(Order, { deed: "watchSender" })));
    await main.send(Order, { deed: "" });
    await main.stop();
    await Promise.all([busy, ...others]);
    await until(async () => ((await handle.ask(Beside, { deed: "notes" })) as unknown[]).includes("sender gone"), "word of the sender's end");
  }
});
