// User code that fails beside the handlers: hooks, the model, onCrash itself, schemas, subscriber functions, watchers; and a stack
// that is spent while our own code is on it. Nobody but the one whom it concerns notices, and the log says it once.

import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { agent, type HandlerArgument } from "../../src/agent/blueprint.ts";
import type { CrashPolicy } from "../../src/agent/definition.ts";
import type { AgentHandle } from "../../src/agent/handle.ts";
import { message } from "../../src/message/message-type.ts";
import type { SchemaSource, StandardSchema } from "../../src/message/schema.ts";
import { atTheBottomOfTheStack } from "../support/spent-stack.ts";
import { failure, type LogLine, outcome, testSystem, turns } from "../support/system.ts";
import { ways } from "../support/thrown.ts";

const Marks = message("Marks", z.int());
const Mark = message("Mark", {}).replies(Marks);
const Crash = message("Crash", {}).replies(Marks);
const Note = message("Note", z.any());

const marked = agent("culprit", () => ({ marks: 0 })).mutateOn(Mark, ({ model }) => (model.marks += 1));
const allWays = Object.entries(ways);
const sayings = (lines: readonly LogLine[]): unknown[] => lines.map(({ message: text, fields }) => [text, fields["error"]]);

// Before and after the messages ------------------------------------------------------------------------------------------

describe("what an agent starts with", () => {
  const places = {
    "the model factory": (fail: () => never) =>
      agent("culprit", (): { marks: number } => fail())
        .mutateOn(Mark, () => 1)
        .subscribe(Mark),
    beforeStart: (fail: () => never) => marked.subscribe(Mark).beforeStart(() => fail()),
    "beforeStart, after an await": (fail: () => never) =>
      marked.subscribe(Mark).beforeStart(async () => {
        await turns(1);
        fail();
      }),
  };
  for (const [place, commit] of Object.entries(places)) {
    test.each(allWays)(`${place}: %s is StartFailed, and nobody has seen the agent`, async (_, { fail, text }) => {
      const { system, lines } = testSystem();
      expect(await failure(system.start(commit(fail)))).toMatchObject({
        code: "START_FAILED",
        message: `the agent culprit did not start: ${text}`,
      });
      system.broker.broadcast(Mark, {});
      await turns();
      expect(system.counters).toMatchObject({ handled: 0, deadLetters: 0 });
      expect(await system.stopAll()).toBe(true);
      expect(lines).toEqual([]);
    });
  }

  test.each(allWays)("the second time, in a restart: %s stops the agent, and the log says why", async (_, { fail, text }) => {
    const { system, lines } = testSystem();
    let starts = 0;
    const blueprint = marked
      .mutateOn(Crash, () => {
        throw new Error("crash");
      })
      .beforeStart(() => void ((starts += 1) > 1 && fail()))
      .onCrash("restart");
    const handle = await system.start(blueprint);
    expect((await failure(handle.ask(Crash, {}))).code).toBe("HANDLER_FAILED");
    await turns();
    expect(await outcome(handle.ask(Mark, {}))).toBe("AGENT_STOPPED");
    expect(sayings(lines)).toEqual([
      ["handler failed", "crash"],
      ["agent did not restart", `the agent culprit did not start: ${text}`],
    ]);
  });
});

describe("a later hook", () => {
  for (const hook of ["afterStart", "beforeStop", "afterStop"] as const) {
    for (const [how, run] of [
      ["at once", (fail: () => never) => () => fail()],
      ["after an await", (fail: () => never) => () => turns(1).then(fail)],
    ] as const) {
      test.each(allWays)(`${hook}, ${how}: %s is logged and counted, and the agent lives and stops`, async (_, { fail, text }) => {
        const { system, lines } = testSystem();
        const handle = await system.start(marked[hook](run(fail)).onCrash("restart"));
        expect([await handle.ask(Mark, {}), await handle.ask(Mark, {})]).toEqual([1, 2]);
        await handle.stop();
        expect(system.counters).toMatchObject({ crashed: 1, stoppedByForce: 0 });
        expect(lines.map(({ message: said, fields }) => [said, fields["agent"], fields["hook"], fields["error"]])).toEqual([
          ["hook failed", "culprit", hook, text],
        ]);
      });
    }
  }
});

// Who decides ----------------------------------------------------------------------------------------------------------

describe("onCrash", () => {
  const crashing = (policy: CrashPolicy) =>
    marked
      .mutateOn(Crash, () => {
        throw new Error("crash");
      })
      .onCrash(policy);

  test.each(allWays)("that fails by %s: the agent resumes, and the log says so", async (_, { fail, text }) => {
    const { system, lines } = testSystem();
    const handle = await system.start(crashing(() => fail()));
    await handle.ask(Mark, {});
    expect(await failure(handle.ask(Crash, {}))).toMatchObject({ code: "HANDLER_FAILED", message: "crash" });
    expect(await handle.ask(Mark, {})).toBe(2);
    expect(sayings(lines)).toEqual([
      ["handler failed", "crash"],
      ["crash policy failed, resuming", text],
    ]);
  });

  const nonsense: readonly unknown[] = [undefined, null, "explode", 7, {}, Promise.resolve("stop"), () => "stop"];
  test.each(nonsense.map((value) => [String(value), value] as const))("that says %s: the same", async (_, value) => {
    const { system, lines } = testSystem();
    const handle = await system.start(crashing(() => value as "stop"));
    await handle.ask(Mark, {});
    await failure(handle.ask(Crash, {}));
    expect(await handle.ask(Mark, {})).toBe(2);
    expect(sayings(lines)).toEqual([
      ["handler failed", "crash"],
      ["crash policy failed, resuming", "onCrash says none of resume, restart, stop"],
    ]);
  });
});

// Schemas ----------------------------------------------------------------------------------------------------------------

describe("a schema", () => {
  const foreign = (validate: (value: unknown) => never): StandardSchema => ({ "~standard": { version: 1, vendor: "hand", validate } });
  const schemas: Readonly<Record<string, (fail: () => never) => SchemaSource>> = {
    "a refinement": (fail) => ({ a: z.int().refine(() => fail()) }),
    "a transform": (fail) => ({ a: z.int().transform(() => fail()) }),
    "a preprocessor": (fail) => ({ a: z.preprocess(() => fail(), z.int()) }),
    "a default": (fail) => ({ b: z.int().default(() => fail()) }),
    "a lazy schema": (fail) => ({ a: z.lazy(() => fail()) }),
    "a Standard Schema": (fail) => foreign(() => fail()),
    "the result of a Standard Schema": (fail) => foreign(() => Object.defineProperty({}, "issues", { get: fail }) as never),
  };
  for (const [place, schema] of Object.entries(schemas)) {
    test.each(allWays)(`${place}: %s refuses the payload, no handler runs, and the log says why`, async (_, { fail, text }) => {
      const { system, lines } = testSystem({}, { validateLocal: true });
      const Checked = message("Checked", schema(fail)).replies(Marks);
      const handle = await system.start(marked.mutateOn(Checked, () => 1).onCrash("stop"));
      expect(await failure(handle.ask(Checked, { a: 1 }))).toMatchObject({
        code: "SERIALIZATION_ERROR",
        message: "Checked: payload: its schema failed",
      });
      expect(await handle.ask(Mark, {})).toBe(1);
      expect(system.counters).toMatchObject({ handled: 1, crashed: 0 });
      expect(lines.map(({ message: said, fields }) => [said, fields["type"], fields["error"]])).toEqual([["schema failed", "Checked", text]]);
    });
  }

  test.each(allWays)("that meets a payload whose getter fails by %s refuses it", async (_, { fail, text }) => {
    const { system, lines } = testSystem({}, { validateLocal: true });
    const Plain = message("Plain", { a: z.int() }).replies(Marks);
    const handle = await system.start(marked.mutateOn(Plain, () => 1));
    const payload = Object.defineProperty({}, "a", { get: fail }) as { a: number };
    expect(await failure(handle.ask(Plain, payload))).toMatchObject({ code: "SERIALIZATION_ERROR" });
    expect(sayings(lines)).toEqual([["schema failed", text]]);
  });
});

// Those who are called back ------------------------------------------------------------------------------------------------

describe("a subscriber function", () => {
  const calls: Readonly<Record<string, (fail: () => never) => unknown>> = {
    "at once": (fail) => fail(),
    "after an await": (fail) => turns(1).then(fail),
    // oxlint-disable-next-line unicorn/no-thenable
    "in the then of what it returns": (fail) => ({ then: () => fail() }),
    // oxlint-disable-next-line unicorn/no-thenable
    "in a getter of then": (fail) => Object.defineProperty({}, "then", { get: fail }),
    "in a trap of a proxy": (fail) => new Proxy({}, { has: () => fail() }),
  };
  for (const [how, call] of Object.entries(calls)) {
    test.each(allWays)(`that fails ${how} by %s gets the next one, and others get all`, async (_, { fail, text }) => {
      const { system, lines } = testSystem();
      const mine: unknown[] = [];
      const others: unknown[] = [];
      system.broker.subscribe(Note, (payload) => {
        mine.push(payload);
        return payload === 1 ? call(fail) : undefined;
      });
      system.broker.subscribe(Note, (payload) => others.push(payload));
      for (const payload of [1, 2]) system.broker.broadcast(Note, payload);
      await turns();
      expect([mine, others]).toEqual([
        [1, 2],
        [1, 2],
      ]);
      expect(lines.map(({ message: said, fields }) => [said, fields["type"], fields["error"]])).toEqual([
        ["subscriber function failed", "Note", text],
      ]);
    });
  }
});

describe("a watcher", () => {
  test.each(allWays)("that fails by %s is logged, whether it came in time or late; the others are told", async (_, { fail, text }) => {
    const { system, lines } = testSystem();
    const handle = await system.start(marked);
    const told: string[] = [];
    handle.watch(() => void told.push("first"));
    handle.watch(fail);
    handle.watch(() => void told.push("second"));
    await handle.stop();
    handle.watch(fail);
    expect(told).toEqual(["first", "second"]);
    expect(sayings(lines)).toEqual([
      ["watcher failed", text],
      ["watcher failed", text],
    ]);
  });
});

// A spent stack --------------------------------------------------------------------------------------------------------------

describe("a stack that is spent", () => {
  const Go = message("Go", {}).replies(Marks);
  const Items = message("Items", {}).streams(Marks);
  type Argument = HandlerArgument<object, typeof Go>;
  type Other = AgentHandle<typeof Mark | typeof Items>;

  const acts: Readonly<Record<string, (argument: Argument, other: Other) => unknown>> = {
    "in reply.send": ({ reply }) => reply.send(5),
    "in reply.end": ({ reply }) => reply.end(5),
    "in reply.fail": ({ reply }) => reply.fail(new Error("by choice")),
    "in trySend": (_, other) => other.trySend(Mark, {}),
    "in ask": (_, other) => void other.ask(Mark, {}).catch(() => {}),
    // The read, too, may be one call too many.
    "in stream": (_, other) =>
      void other
        .stream(Items, {})
        .next()
        .catch(() => {}),
    "in broadcast": ({ broker }) => broker.broadcast(Note, 1),
    "in sendAfter": ({ sendAfter }) => sendAfter(1, Mark, {}),
    "in sendEvery, and its cancel": ({ sendEvery }) => sendEvery(1, Mark, {}).cancel(),
    "in signal": ({ signal }) => signal.aborted,
    "in log": ({ log }) => log.info("deep"),
  };

  test.each(Object.entries(acts))("%s: its asker has an outcome, and everything else goes on", async (_, act) => {
    for (let size = 0; size < 24; size++) {
      const { system, clock } = testSystem();
      const other = await system.start(
        agent("other", () => ({ marks: 0 }))
          .mutateOn(Mark, ({ model }) => (model.marks += 1))
          .actOn(Items, function* () {
            yield 1;
          }),
      );
      const heard: unknown[] = [];
      system.broker.subscribe(Note, (payload) => heard.push(payload));
      const handle = await system.start(
        agent("deep", () => ({}))
          .mutateOn(Go, (argument) => {
            atTheBottomOfTheStack(() => act(argument, other), size);
            return 7;
          })
          .mutateOn(Mark, () => 8),
      );
      const asked = await outcome(handle.ask(Go, {}));
      expect({ size, pending: asked === "pending" }).toEqual({ size, pending: false });
      expect(await handle.ask(Mark, {})).toBe(8);
      expect(await other.ask(Mark, {})).toBeGreaterThan(0);
      system.broker.broadcast(Note, "after");
      await turns(2);
      expect(heard.at(-1)).toBe("after");
      const late = outcome(handle.ask(Go, {}, { timeoutMs: 20 }));
      clock.advance(30_000);
      expect(await late).not.toBe("pending");
      await system.stopAll();
      clock.advance(60_000);
      expect(clock.armed).toBe(0);
    }
  });
});
