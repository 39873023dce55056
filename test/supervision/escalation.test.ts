import { describe, expect, test } from "bun:test";
import { agent } from "../../src/agent/blueprint.ts";
import type { MessageType, PayloadOf } from "../../src/message/message-type.ts";
import type { AgentSystem } from "../../src/runtime/agent-system.ts";
import { AgentRestarted, AgentSupervised, AgentTerminated, SupervisionEscalated, supervisionEvents } from "../../src/supervision/events.ts";
import { outcome, testSystem, turns } from "../support/system.ts";
import { Add, childOf, Crash, crash, pass, worker } from "./workers.ts";

/** What is broadcast of supervision, in a few words each. */
function listen(system: AgentSystem): string[] {
  const heard: string[] = [];
  const note = <T extends MessageType>(type: T, words: (event: PayloadOf<T>) => string): void => {
    system.broker.subscribe(type, (event) => heard.push(words(event)));
  };
  note(AgentSupervised, ({ agent: id, restart }) => `supervised ${id} ${restart}`);
  note(AgentTerminated, ({ agent: id, reason, error }) => `terminated ${id} ${reason} ${error}`);
  note(AgentRestarted, ({ agent: id, generation }) => `restarted ${id} ${generation}`);
  note(SupervisionEscalated, ({ supervisor, agent: id, restarts, window_ms }) => `${supervisor} gave up ${id} after ${restarts} in ${window_ms}`);
  return heard;
}

/** Crashes with every life that it has. */
const doomed = worker("doomed").afterStart(({ self }) => void self.send(Crash, {}));

describe("events", () => {
  test("tell of each turn in a child's life, in order", async () => {
    const { system, clock } = testSystem();
    const heard = listen(system);
    const handle = await system.start(agent("parent", () => ({})).supervise(worker("a"), { restart: "transient" }));
    const child = childOf(handle, worker("a"));
    await crash(child);
    await pass(clock, 100);
    await child.stop();
    await handle.unsupervise(await handle.supervise(worker("b")));
    await turns();
    expect(heard).toEqual([
      `supervised ${child.id} transient`,
      `terminated ${child.id} crashed a crashed`,
      `restarted ${child.id} 2`,
      `terminated ${child.id} stopped null`,
      "supervised b/3 permanent",
      "terminated b/3 unsupervised null",
    ]);
  });

  test("match their schemas", async () => {
    const { system, clock } = testSystem({}, { validateLocal: true });
    const invalid: string[] = [];
    for (const type of supervisionEvents)
      system.broker.subscribe<MessageType>(type, (event) => {
        const result = type.validate(event);
        if (!result.ok) invalid.push(result.problem);
      });
    const handle = await system.start(agent("parent", () => ({})).supervise(doomed));
    for (let i = 0; i < 8; i++) await pass(clock, 5_000);
    expect(handle.children[0]?.handle.status).toBe("stopped");
    expect(invalid).toEqual([]);
  });
});

describe("a child that always crashes", () => {
  test("is restarted five times in a minute, and then given up: it has stopped for good", async () => {
    const { system, clock } = testSystem();
    const heard = listen(system);
    const handle = await system.start(agent("parent", () => ({})).supervise(doomed));
    const child = childOf(handle, doomed);
    let gone = 0;
    child.watch(() => (gone += 1));
    for (let ms = 0; ms < 60_000; ms += 100) await pass(clock, 100);
    expect(heard.filter((words) => words.startsWith("restarted")).length).toBe(5);
    expect(heard.at(-1)).toBe(`${handle.id} gave up ${child.id} after 5 in 60000`);
    expect([child.generation, child.status, gone, handle.status]).toEqual([6, "stopped", 1, "running"]);
    expect(await outcome(child.ask(Add, {}))).toBe("AGENT_STOPPED");
    await pass(clock, 600_000);
    expect([child.generation, clock.armed]).toEqual([6, 0]);
  });

  test("may be given other numbers by its parent's blueprint, or by the runtime", async () => {
    const { system, clock } = testSystem({ restartsMax: 2, backoffMs: 10, backoffMaxMs: 15 });
    const patient = await system.start(
      agent("patient", () => ({}))
        .supervise(doomed)
        .supervision({ restartsMax: 3 }),
    );
    const strict = await system.start(agent("strict", () => ({})).supervise(doomed));
    for (let i = 0; i < 10; i++) await pass(clock, 15);
    expect([childOf(patient, doomed).generation, childOf(strict, doomed).generation]).toEqual([4, 3]);
  });

  test("goes on for ever when its restarts are far enough apart", async () => {
    const { system, clock } = testSystem({ backoffMs: 13_000, backoffMaxMs: 13_000 });
    const handle = await system.start(
      agent("parent", () => ({}))
        .supervise(doomed)
        .supervision({ restartWindowMs: 30_000 }),
    );
    for (let i = 0; i < 100; i++) await pass(clock, 13_000);
    expect(childOf(handle, doomed).generation).toBeGreaterThan(50);
  });
});

describe("escalation", () => {
  const restless = { restartsMax: 0 };

  test("notifyParent sends SupervisionEscalated to the supervisor's own parent, once, when that handles it", async () => {
    for (const subscribed of [false, true]) {
      const { system } = testSystem();
      const told: string[] = [];
      const middle = agent("middle", () => ({}))
        .supervise(doomed)
        .supervision(restless);
      const top = agent("top", () => ({}))
        .mutateOn(SupervisionEscalated, ({ message }) => void told.push(message.supervisor))
        .supervise(middle);
      const handle = await system.start(subscribed ? top.subscribe(SupervisionEscalated) : top);
      await turns();
      expect(told).toEqual([childOf(handle, middle).id]);
      expect(childOf(handle, middle).status).toBe("running");
    }
  });

  test("notifyParent is no dead letter where nobody handles it", async () => {
    const { system } = testSystem();
    await system.start(
      agent("top", () => ({})).supervise(
        agent("middle", () => ({}))
          .supervise(doomed)
          .supervision(restless),
      ),
    );
    await turns();
    expect(system.counters.deadLetters).toBe(0);
  });

  test("stopSupervisor stops a supervisor that nobody supervises, with all of its children", async () => {
    const { system } = testSystem();
    const diary: string[] = [];
    const handle = await system.start(
      agent("parent", () => ({}))
        .supervise(worker("a", diary))
        .supervise(worker("b"))
        .supervision({ ...restless, escalation: "stopSupervisor" }),
    );
    await crash(childOf(handle, worker("b")));
    expect([handle.status, diary]).toEqual(["stopped", ["+a", "-a"]]);
  });

  test("stopSupervisor makes a supervised supervisor crash: it comes back with its children, under the same handles", async () => {
    const { system, clock } = testSystem();
    const diary: string[] = [];
    const heard = listen(system);
    let crashes = 2;
    const child = worker("child", diary).afterStart(({ self }) => void (crashes-- > 0 && self.send(Crash, {})));
    const steady = worker("steady", diary);
    const middle = agent("middle", () => ({}))
      .supervise(steady)
      .supervise(child)
      .supervision({ restartsMax: 1, escalation: "stopSupervisor" });
    const top = await system.start(agent("top", () => ({})).supervise(middle));
    const handle = childOf(top, middle);
    const [steadyHandle, childHandle] = [childOf(handle, steady), childOf(handle, child)];
    await steadyHandle.ask(Add, {});
    await pass(clock, 100);
    await turns();
    expect([handle.status, steadyHandle.status, childHandle.status]).toEqual(["restarting", "restarting", "stopped"]);
    await pass(clock, 100);
    expect([handle.status, steadyHandle.status, childHandle.status]).toEqual(["running", "running", "running"]);
    expect(await steadyHandle.ask(Add, {})).toBe(1);
    expect(heard).toContain(`terminated ${handle.id} crashed ${childHandle.id} was restarted 1 times, and went down again`);
    // The counting starts anew with the supervisor.
    await crash(childHandle);
    await pass(clock, 100);
    expect([childHandle.status, handle.generation]).toEqual(["running", 2]);
  });
});

describe("nested supervisors", () => {
  test("a supervisor that crashes takes its children along, and what its handlers had started ends", async () => {
    const { system, clock } = testSystem();
    const diary: string[] = [];
    const leaf = worker("leaf", diary);
    const middle = worker("middle", diary).supervise(leaf);
    const top = await system.start(agent("top", () => ({})).supervise(middle));
    const handle = childOf(top, middle);
    const extra = await handle.supervise(worker("extra", diary));
    const leafHandle = childOf(handle, leaf);
    diary.length = 0;
    await crash(handle);
    expect(diary).toEqual(["-extra", "-leaf"]);
    expect([leafHandle.status, extra.status]).toEqual(["restarting", "stopped"]);
    await pass(clock, 100);
    expect(diary.slice(2)).toEqual(["+middle", "+leaf"]);
    expect([leafHandle.generation, handle.generation, handle.children.length]).toEqual([2, 2, 1]);
  });

  test("a supervisor whose child does not come up with it has not come up, and is tried again", async () => {
    const { system, clock } = testSystem();
    let broken = false;
    const leaf = worker("leaf", [], () => broken);
    const middle = worker("middle").supervise(leaf);
    const top = await system.start(agent("top", () => ({})).supervise(middle));
    const handle = childOf(top, middle);
    broken = true;
    await crash(handle);
    await pass(clock, 100);
    expect(handle.status).toBe("restarting");
    broken = false;
    await pass(clock, 200);
    expect([handle.status, childOf(handle, leaf).status]).toEqual(["running", "running"]);
    expect(top.children[0]?.recentRestarts).toBe(2);
  });

  test("the end of the whole tree is in order and bounded, whatever hangs in it", async () => {
    const { system, clock } = testSystem();
    const diary: string[] = [];
    const stuck = worker("stuck", diary).beforeStop(() => new Promise(() => {}));
    const top = await system.start(worker("top", diary).supervise(worker("middle", diary).supervise(worker("leaf", diary)).supervise(stuck)));
    diary.length = 0;
    const stopped = outcome(top.stop());
    for (let i = 0; i < 6; i++) await pass(clock, 10_000);
    expect(await stopped).toEqual({ value: undefined });
    expect([top.status, clock.armed]).toEqual(["stopped", 0]);
  });
});
