// What a crash on a thread does: the policy's word, the queue, the events, and the supervisor that brings the agent back.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { agent, AgentRestarted, AgentSupervised, AgentTerminated, SupervisionEscalated } from "acton";
import { Beside, deciding, Do, fallible, Family, hooked, Order, parent, Told } from "./scene.ts";
import { heard, outcomeOf, outcomesOf, type Stage, stage, until } from "./stage.ts";

// A thread takes its time on a machine that is busy.
setDefaultTimeout(30_000);

describe.each(["alone", "supervised"])("an agent %s whose handler throws", (how) => {
  test.each(["resume", "restart", "stop", "default"] as const)("with onCrash %s does as one in place", async (policy) => {
    const told: unknown[] = [];
    for (const placed of [false, true]) {
      await using scene = stage("scene.ts", { limits: { backoffMs: 1 } });
      const events = [AgentSupervised, AgentTerminated, AgentRestarted].map((type) => [type.name, heard(scene, type)] as const);
      const base = deciding[policy];
      const blueprint = placed ? base.runOn("worker") : base;
      const keeper = await scene.runtime.start(agent("keeper", () => ({})));
      const handle = how === "alone" ? await scene.runtime.start(blueprint) : await keeper.supervise(blueprint);
      const asked = [
        ...[1, 2].map((i) => handle.ask(Do, { deed: "note", with: i })),
        handle.ask(Do, { deed: "reject", with: "error" }),
        ...[3, 4, 5].map((i) => handle.ask(Do, { deed: "note", with: i })),
        ...[6, 7].map((i) => handle.send(Order, { deed: "note", with: i })),
      ];
      const outcomes = await outcomesOf(asked);
      const stops = policy === "stop";
      if (stops && how === "alone") await handle.reached("stopped");
      else
        await until(
          () => handle.status === "running" && (policy === "resume" || (policy === "default" && how === "alone") || handle.generation === 2),
        );
      const notes = await outcomeOf(handle.ask(Beside, { deed: "notes" }));
      told.push({
        outcomes,
        notes,
        generation: handle.generation,
        status: handle.status,
        crashed: scene.lines.filter(({ message }) => message === "handler failed").length,
        events: events.map(([name, all]) => [name, all.map(({ payload }) => ({ ...(payload as object), backoff_ms: 0 }))]),
      });
    }
    expect(told[1]).toEqual(told[0]);
  });
});

describe("a function that decides on crashes", () => {
  let scene: Stage;
  beforeAll(() => void (scene = stage("scene.ts", { limits: { backoffMs: 1 } })));
  afterAll(() => scene[Symbol.asyncDispose]());

  test("sees the error itself, with its class", async () => {
    const handle = await scene.runtime.start(fallible.runOn("worker"));
    await handle.ask(Do, { deed: "note", with: 1 });
    expect(await outcomeOf(handle.ask(Do, { deed: "throw", with: "harmless" }))).toMatchObject({
      code: "HANDLER_FAILED",
      message: "a harmless error",
    });
    expect(await handle.ask(Beside, { deed: "notes" })).toEqual([1]);
    expect(await outcomeOf(handle.ask(Do, { deed: "throw", with: "error" }))).toMatchObject({ code: "HANDLER_FAILED", message: "an error" });
    await until(() => handle.generation === 2 && handle.status === "running");
    expect(await handle.ask(Beside, { deed: "notes" })).toEqual([]);
    expect(await outcomeOf(handle.ask(Do, { deed: "throw", with: "fatal" }))).toMatchObject({ code: "HANDLER_FAILED", message: "a fatal error" });
    await handle.reached("stopped");
  });

  test.each(["alone", "supervised"])("and fails itself leaves it to the default, for one that is %s", async (how) => {
    const told: unknown[] = [];
    for (const placed of [false, true]) {
      await using scene = stage("scene.ts", { limits: { backoffMs: 1 } });
      const blueprint = placed ? deciding.failing.runOn("worker") : deciding.failing;
      const keeper = await scene.runtime.start(agent("keeper", () => ({})));
      const handle = how === "alone" ? await scene.runtime.start(blueprint) : await keeper.supervise(blueprint);
      await handle.ask(Do, { deed: "note", with: 1 });
      await outcomeOf(handle.ask(Do, { deed: "throw", with: "error" }));
      if (how === "supervised") await until(() => handle.generation === 2 && handle.status === "running");
      const notes = await handle.ask(Beside, { deed: "notes" });
      told.push([
        notes,
        scene.lines
          .filter(({ message }) => message.startsWith("crash policy"))
          .map(({ message, fields }) => [message, fields["agent"], fields["error"]]),
      ]);
    }
    expect(told[1]).toEqual(told[0]);
  });
});

describe("hooks", () => {
  test.each(["stop", "crash", "lower"])("run in their order, once each: %s", async (what) => {
    const told: unknown[] = [];
    for (const placed of [false, true]) {
      await using scene = stage("scene.ts", { limits: { backoffMs: 1 } });
      const said = heard(scene, Told);
      const blueprint = placed ? hooked.runOn("worker") : hooked;
      const keeper = await scene.runtime.start(agent("keeper", () => ({})).supervision({ strategy: "oneForAll" }));
      const sibling = await keeper.supervise(deciding.restart);
      const handle = await keeper.supervise(blueprint, { restart: what === "stop" ? "temporary" : "permanent" });
      await until(() => said.length === 2);
      if (what === "stop") await handle.stop();
      else await (what === "crash" ? handle : sibling).send(Order, { deed: "throw", with: "error" });
      await until(() => (what === "stop" ? handle.status === "stopped" : handle.generation === 2));
      await until(() => said.length === (what === "crash" ? 4 : what === "stop" ? 4 : 6), "the hooks");
      expect(await outcomeOf(sibling.ask(Do, { deed: "echo", with: 1 }))).toEqual({ value: 1 });
      told.push(said.map(({ payload, source }) => [payload, source]));
    }
    expect(told[1]).toEqual(told[0]);
  });
});

describe("a supervisor of agents on threads and in place", () => {
  test.each(["oneForOne", "oneForAll", "restForOne"] as const)("restarts whom %s says, in order", async (strategy) => {
    const told: unknown[] = [];
    for (const placed of [false, true]) {
      await using scene = stage("scene.ts", { limits: { backoffMs: 1 } });
      const on = <B extends typeof fallible>(blueprint: B) => (placed ? blueprint.runOn("worker") : blueprint);
      const keeper = await scene.runtime.start(
        agent("keeper", () => ({}))
          .supervise(deciding.restart, { name: "first" })
          .supervise(on(deciding.restart), { name: "second" })
          .supervise(deciding.restart, { name: "third" })
          .supervise(on(deciding.restart), { name: "fourth" })
          .supervision({ strategy }),
      );
      const restarted = heard(scene, AgentRestarted);
      const handles = keeper.children.map(({ handle }) => handle);
      const second = keeper.child(deciding.restart, "second")!;
      await second.send(Order, { deed: "throw", with: "error" });
      const expected = { oneForOne: 1, oneForAll: 4, restForOne: 3 }[strategy];
      await until(() => restarted.length === expected);
      told.push([
        restarted.map(({ payload }) => (payload as { agent: string }).agent),
        handles.map(({ generation, status }) => [generation, status]),
      ]);
    }
    expect(told[1]).toEqual(told[0]);
  });

  test("gives one up that falls too often", async () => {
    await using scene = stage("scene.ts");
    const escalated = heard(scene, SupervisionEscalated);
    const keeper = await scene.runtime.start(agent("keeper", () => ({})).supervision({ restartsMax: 1, backoffMs: 1 }));
    const handle = await keeper.supervise(fallible.runOn("worker"));
    let gone = false;
    handle.watch(() => (gone = true));
    const outcomes = outcomesOf(Array.from({ length: 3 }, () => handle.ask(Do, { deed: "throw", with: "error" })));
    await handle.reached("stopped");
    expect(await outcomes).toMatchObject([{ code: "HANDLER_FAILED" }, { code: "HANDLER_FAILED" }, { code: "AGENT_STOPPED", ran: "no" }]);
    await until(() => escalated.length === 1 && gone);
    expect(escalated[0]?.payload).toMatchObject({ agent: handle.id, restarts: 1 });
  });

  test("restarts the supervisor when a thread that it cannot do without is given up", async () => {
    await using scene = stage("scene.ts", { limits: { backoffMs: 1 } });
    const middle = agent("middle", () => ({}))
      .supervise(fallible.runOn("worker"))
      .supervision({ restartsMax: 0, escalation: "stopSupervisor" });
    const top = await scene.runtime.start(agent("top", () => ({})).supervise(middle));
    const handle = top.child(middle)!;
    await handle.child(fallible)!.send(Order, { deed: "throw", with: "error" });
    await until(() => handle.generation === 2);
    expect(await handle.child(fallible)!.ask(Do, { deed: "echo", with: 1 })).toBe(1);
  });
});

describe("children in the thread", () => {
  test("are started and supervised there, and end with their parent", async () => {
    await using scene = stage("scene.ts");
    const said = heard(scene, Told);
    const handle = await scene.runtime.start(parent.runOn("worker"));
    expect(await handle.ask(Family, { what: "names" })).toEqual(["supervised"]);
    expect(await handle.ask(Family, { what: "ask" })).toBe("from the child");
    expect(await handle.ask(Family, { what: "start" })).toBe("from started");
    await handle.stop();
    await until(() => said.length === 4);
    expect(said.map(({ payload }) => payload)).toEqual(["child up supervised", "child up started", "child down", "child down"]);
  });

  test("come back when they crash, and take their parent along when they are given up", async () => {
    const told: unknown[] = [];
    for (const placed of [false, true]) {
      await using scene = stage("scene.ts", { limits: { backoffMs: 1 } });
      const said = heard(scene, Told);
      const escalated = heard(scene, SupervisionEscalated);
      const keeper = await scene.runtime.start(agent("keeper", () => ({})));
      const handle = await keeper.supervise(placed ? parent.runOn("worker") : parent);
      await handle.ask(Do, { deed: "note", with: 1 });
      for (let up = 1; up <= 2; up++) {
        await outcomeOf(handle.ask(Family, { what: "crash" }));
        await until(() => said.length === up + 1, "the child is up again");
        expect(await handle.ask(Do, { deed: "notes" })).toEqual([1]);
      }
      await outcomeOf(handle.ask(Family, { what: "crash" }));
      await until(() => handle.generation === 2 && handle.status === "running", "the parent's restart");
      expect(await handle.ask(Do, { deed: "notes" })).toEqual([]);
      expect(await handle.ask(Family, { what: "ask" })).toBe("from the child");
      told.push([
        escalated.map(({ payload }) => ({ ...(payload as object), agent: "" })),
        said.filter(({ payload }) => payload === "child up supervised").length,
      ]);
    }
    expect(told[1]).toEqual(told[0]);
  });

  test("take their parent along for good when nobody supervises it", async () => {
    await using scene = stage("scene.ts", { limits: { backoffMs: 1 } });
    const said = heard(scene, Told);
    const handle = await scene.runtime.start(parent.runOn("worker"));
    for (let up = 1; up <= 2; up++) {
      await outcomeOf(handle.ask(Family, { what: "crash" }));
      await until(() => said.length === up + 1, "the child is up again");
    }
    await outcomeOf(handle.ask(Family, { what: "crash" }));
    await until(() => handle.status === "stopped", "the parent's end");
    expect(await outcomeOf(handle.ask(Do, { deed: "echo" }))).toMatchObject({ code: "AGENT_STOPPED" });
  });
});
