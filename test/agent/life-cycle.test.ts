import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { agent } from "../../src/agent/blueprint.ts";
import type { AgentHandle } from "../../src/agent/handle.ts";
import { message } from "../../src/message/message-type.ts";
import { failure, Latch, outcome, testSystem, turns } from "../support/system.ts";

const Answer = message("Answer", z.string());
const Ask = message("Ask", {}).replies(Answer);
const Note = message("Note", { id: z.int() });

function diary(name: string, notes: string[]) {
  return agent(name, () => ({}))
    .beforeStart(() => void notes.push(`${name} beforeStart`))
    .afterStart(() => void notes.push(`${name} afterStart`))
    .beforeStop(() => void notes.push(`${name} beforeStop`))
    .afterStop(() => void notes.push(`${name} afterStop`))
    .mutateOn(Note, ({ message }) => void notes.push(`${name} ${message.id}`));
}

describe("the hooks", () => {
  test("run in order around the messages", async () => {
    const { system } = testSystem();
    const notes: string[] = [];
    const handle = await system.start(diary("a", notes));
    expect(notes).toEqual(["a beforeStart", "a afterStart"]);
    void handle.send(Note, { id: 1 });
    void handle.send(Note, { id: 2 });
    await handle.stop();
    expect(notes.slice(2)).toEqual(["a 1", "a 2", "a beforeStop", "a afterStop"]);
  });

  test("share the model and the argument with the handlers, and are awaited", async () => {
    const { system, clock, lines } = testSystem();
    const handle = await system.start(
      agent("a", () => ({ text: "model" }))
        .beforeStart(async ({ model, self, log, clock: ticks }) => {
          await turns(1);
          model.text += ` of ${self.name} at ${ticks.now()}`;
          log.info("starting", { step: 1 });
        })
        .actOn(Ask, ({ model }) => model.text),
    );
    expect(await handle.ask(Ask, {})).toBe(`model of a at ${clock.now()}`);
    expect(lines).toEqual([{ level: "info", message: "starting", fields: { agent: "a", step: 1 } }]);
  });

  test("before the start may send to their own agent: it is handled after beforeStart", async () => {
    const { system } = testSystem();
    const notes: string[] = [];
    await system.start(
      diary("a", notes).beforeStart(async ({ self }) => {
        await (self as AgentHandle<typeof Note>).send(Note, { id: 7 });
        await turns();
        notes.push("ready");
      }),
    );
    await turns();
    expect(notes.toSorted()).toEqual(["a 7", "a afterStart", "ready"]);
    expect(notes[0]).toBe("ready");
  });

  test("that throw later than beforeStart are logged and stop nothing", async () => {
    const { system, lines } = testSystem();
    const fails = (): never => {
      throw new Error("hook");
    };
    const handle = await system.start(
      agent("a", () => ({}))
        .afterStart(fails)
        .beforeStop(fails)
        .afterStop(async () => fails())
        .actOn(Ask, () => "works"),
    );
    expect(await handle.ask(Ask, {})).toBe("works");
    await handle.stop();
    expect(lines.map(({ level, fields }) => [level, fields["hook"]])).toEqual([
      ["error", "afterStart"],
      ["error", "beforeStop"],
      ["error", "afterStop"],
    ]);
  });
});

describe("an agent whose beforeStart fails", () => {
  test("does not start: START_FAILED with its name and the reason", async () => {
    for (const hook of [
      () => Promise.reject(new Error("no disk")),
      () => {
        throw new Error("no disk");
      },
    ]) {
      const { system, clock } = testSystem();
      const error = await failure(system.start(agent("a", () => ({})).beforeStart(hook)));
      expect(error.code).toBe("START_FAILED");
      expect(error.message).toContain("a did not start: no disk");
      expect(clock.armed).toBe(0);
    }
  });

  test("or whose model cannot be made, does not start either", async () => {
    const { system } = testSystem();
    const model = (): { x: number } => {
      throw new Error("no model");
    };
    expect((await failure(system.start(agent("a", model)))).code).toBe("START_FAILED");
  });

  test("is seen by nobody: no afterStart, no stop hook, no subscription, no schedule, no child", async () => {
    const { system, clock } = testSystem();
    const notes: string[] = [];
    let self: AgentHandle<typeof Note> | undefined;
    const blueprint = diary("a", notes)
      .subscribe(Note)
      .beforeStart(async (argument) => {
        self = argument.self;
        argument.sendAfter(10, Note, { id: 1 });
        void self.send(Note, { id: 2 });
        await argument.start(diary("child", notes));
        throw new Error("no");
      });
    await failure(system.start(blueprint));
    system.broker.broadcast(Note, { id: 3 });
    clock.advance(10);
    await turns();
    expect(notes).toEqual(["child beforeStart", "child afterStart", "child beforeStop", "child afterStop"]);
    expect(self?.trySend(Note, { id: 4 })).toBe(false);
    expect(clock.armed).toBe(0);
  });
});

describe("children", () => {
  test("stop with their parent, in reverse order, before its afterStop", async () => {
    const { system } = testSystem();
    const notes: string[] = [];
    const parent = await system.start(
      diary("parent", notes).beforeStart(async ({ start }) => {
        for (const name of ["one", "two", "three"]) await start(diary(name, notes));
      }),
    );
    notes.length = 0;
    await parent.stop();
    expect(notes).toEqual([
      "parent beforeStop",
      "three beforeStop",
      "three afterStop",
      "two beforeStop",
      "two afterStop",
      "one beforeStop",
      "one afterStop",
      "parent afterStop",
    ]);
  });

  test("work off their own mailboxes when they stop with the parent", async () => {
    const { system } = testSystem();
    const notes: string[] = [];
    let child: AgentHandle<typeof Note> | undefined;
    const parent = await system.start(
      agent("parent", () => ({})).beforeStart(async ({ start }) => {
        child = await start(diary("child", notes));
      }),
    );
    for (const id of [1, 2, 3]) void child?.send(Note, { id });
    await parent.stop();
    expect(notes.filter((note) => /\d/.test(note))).toEqual(["child 1", "child 2", "child 3"]);
    expect(child?.trySend(Note, { id: 4 })).toBe(false);
  });

  test("may stop by themselves, without their parent noticing", async () => {
    const { system } = testSystem();
    const notes: string[] = [];
    let child: AgentHandle | undefined;
    const parent = await system.start(
      agent("parent", () => ({}))
        .beforeStart(async ({ start }) => {
          child = await start(diary("child", notes));
        })
        .actOn(Ask, () => "here"),
    );
    await child?.stop();
    expect(await parent.ask(Ask, {})).toBe("here");
    await parent.stop();
    expect(notes.filter((note) => note === "child afterStop").length).toBe(1);
  });

  test("that are still starting when their parent stops do not outlive it", async () => {
    const { system } = testSystem();
    const latch = new Latch();
    let child: AgentHandle<typeof Ask> | undefined;
    const slow = agent("slow", () => ({}))
      .beforeStart(({ self }) => {
        child = self;
        return latch.wait();
      })
      .actOn(Ask, () => "alive");
    const parent = await system.start(
      agent("parent", () => ({})).mutateOn(Note, ({ start }) => {
        void start(slow).catch(() => {});
      }),
    );
    await parent.send(Note, { id: 1 });
    await turns();
    await parent.stop();
    latch.open();
    await turns();
    expect(child).toBeDefined();
    expect(await outcome((child as AgentHandle<typeof Ask>).ask(Ask, {}))).toBe("AGENT_STOPPED");
  });
});

describe("a blueprint", () => {
  test("starts any number of agents, each with a model and an id of its own", async () => {
    const { system } = testSystem();
    const counter = agent("counter", () => ({ calls: 0 })).mutateOn(Ask, ({ model }) => `call ${(model.calls += 1)}`);
    const [one, two] = await Promise.all([system.start(counter), system.start(counter, { name: "other" })]);
    expect(await one.ask(Ask, {})).toBe("call 1");
    expect(await one.ask(Ask, {})).toBe("call 2");
    expect(await two.ask(Ask, {})).toBe("call 1");
    expect([one.name, two.name]).toEqual(["counter", "other"]);
    expect(one.id).not.toBe(two.id);
  });

  test("is never changed: each call gives a new one", async () => {
    const { system } = testSystem();
    const bare = agent("a", () => ({}));
    const full = bare.actOn(Ask, () => "full");
    const handle = (await system.start(bare)) as unknown as typeof one;
    const one = await system.start(full);
    expect(await one.ask(Ask, {})).toBe("full");
    expect((await failure(handle.ask(Ask, {}))).code).toBe("UNHANDLED");
  });

  test("refuses a second handler for a type, a subscription without a handler, and an empty name", () => {
    const blueprint = agent("a", () => ({})).actOn(Ask, () => "one");
    expect(() => blueprint.mutateOn(Ask, () => "two")).toThrow(TypeError);
    expect(() => blueprint.subscribe(Note as never)).toThrow(/Note/);
    expect(() => agent("", () => ({}))).toThrow(TypeError);
  });
});
