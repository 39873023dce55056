// What becomes of whoever asks, of the agent and of everybody else when a handler fails: place by place, in every way of failing, under
// each policy. What fails beside handlers is in crash-rules-beside.test.ts, what needs a socket or a process of its own below ipc/server.

import { describe, expect, test } from "bun:test";
import { EventEmitter } from "node:events";
import { z } from "zod";
import { agent, type Blueprint } from "../../src/agent/blueprint.ts";
import type { CrashDecision } from "../../src/agent/definition.ts";
import type { AgentHandle } from "../../src/agent/handle.ts";
import { ActonError } from "../../src/errors.ts";
import { message } from "../../src/message/message-type.ts";
import type { AgentSystem } from "../../src/runtime/agent-system.ts";
import { failure, outcome, testSystem, turns } from "../support/system.ts";
import { type Way, ways } from "../support/thrown.ts";

const Marks = message("Marks", z.int());
const Mark = message("Mark", {}).replies(Marks);
const Crash = message("Crash", {}).replies(message("CrashReply", z.any()));
const CrashStream = message("CrashStream", {}).streams(message("CrashItem", z.int()));

type Marked = Blueprint<{ marks: number }, typeof Mark>;
type Handle = AgentHandle<typeof Mark | typeof Crash | typeof CrashStream>;

const marked: Marked = agent("culprit", () => ({ marks: 0 })).mutateOn(Mark, ({ model }) => (model.marks += 1));

// Where it fails -------------------------------------------------------------------------------------------------------

interface Place {
  readonly commit: (fail: () => never) => Blueprint<{ marks: number }, typeof Mark | typeof Crash | typeof CrashStream>;
  /** The items that come before the failure; undefined for a request. */
  readonly items?: readonly number[];
  /** What the asker has got before the failure, so that it hears nothing of it. */
  readonly answered?: unknown;
}

const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
// What the types forbid is returned all the same.
const untyped = (value: unknown): never => value as never;
// oxlint-disable-next-line unicorn/no-thenable
const thenable = (then: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => void): object => ({ then });
/** An object with a getter that fails. */
const hostile = (key: string, fail: () => never): object => Object.defineProperty({}, key, { get: fail });

const requests: Readonly<Record<string, Place>> = {
  "a mutateOn handler": { commit: (fail) => marked.mutateOn(Crash, () => fail()) },
  "a mutateOn handler, after an await": {
    commit: (fail) =>
      marked.mutateOn(Crash, async () => {
        await pause();
        fail();
      }),
  },
  "an actOn handler": { commit: (fail) => marked.actOn(Crash, () => fail()) },
  "an actOn handler, after an await": {
    commit: (fail) =>
      marked.actOn(Crash, async () => {
        await pause();
        fail();
      }),
  },
  "a handler that has replied": {
    answered: 1,
    commit: (fail) =>
      marked.mutateOn(Crash, ({ reply }) => {
        void reply.send(1);
        fail();
      }),
  },
  "a handler that has deferred its answer": {
    commit: (fail) =>
      marked.mutateOn(Crash, ({ reply }) => {
        reply.defer();
        fail();
      }),
  },
  "a listener of an EventEmitter that the handler sets off": {
    commit: (fail) => marked.mutateOn(Crash, () => void new EventEmitter().on("event", fail).emit("event")),
  },
  "a thenable's then": {
    commit: (fail) => marked.mutateOn(Crash, () => untyped(thenable(() => fail()))),
  },
  "a thenable's getter of then": {
    commit: (fail) => marked.mutateOn(Crash, () => untyped(hostile("then", fail))),
  },
  "a proxy that the handler returns": { commit: (fail) => marked.mutateOn(Crash, () => untyped(new Proxy({}, { has: () => fail() }))) },
  "a getter of then in what reply.send is given": {
    commit: (fail) => marked.mutateOn(Crash, ({ reply }) => void reply.send(hostile("then", fail))),
  },
  "a generator's finally, after the one reply": {
    answered: 1,
    commit: (fail) =>
      marked.mutateOn(Crash, () =>
        untyped(
          (function* () {
            try {
              yield 1;
            } finally {
              fail();
            }
          })(),
        ),
      ),
  },
};

const streams: Readonly<Record<string, Place>> = {
  "a generator, before its first item": {
    items: [],
    commit: (fail) =>
      marked.mutateOn(CrashStream, async function* () {
        yield fail();
      }),
  },
  "a generator, between items": {
    items: [1, 2],
    commit: (fail) =>
      marked.mutateOn(CrashStream, async function* () {
        yield 1;
        await pause();
        yield 2;
        fail();
      }),
  },
  "a generator that is not async": {
    items: [1],
    commit: (fail) =>
      marked.actOn(CrashStream, function* () {
        yield 1;
        fail();
      }),
  },
  "a generator's return": {
    items: [1],
    commit: (fail) =>
      marked.actOn(CrashStream, async function* () {
        yield 1;
        return fail();
      }),
  },
  "a generator's finally": {
    items: [1],
    commit: (fail) =>
      marked.actOn(CrashStream, async function* () {
        try {
          yield 1;
        } finally {
          fail();
        }
      }),
  },
  "the handler that was to return a generator": {
    items: [],
    commit: (fail) => marked.actOn(CrashStream, async () => fail()),
  },
  "an iterable's Symbol.asyncIterator": {
    items: [],
    commit: (fail) => marked.actOn(CrashStream, () => untyped({ [Symbol.asyncIterator]: fail })),
  },
  "an iterator's next": {
    items: [],
    commit: (fail) => marked.actOn(CrashStream, () => untyped({ [Symbol.asyncIterator]: () => ({ next: fail }) })),
  },
  "a getter of an iterator's result": {
    items: [],
    commit: (fail) => marked.actOn(CrashStream, () => untyped({ [Symbol.asyncIterator]: () => ({ next: async () => hostile("value", fail) }) })),
  },
  "a handler between two items that it sends": {
    items: [1],
    commit: (fail) =>
      marked.mutateOn(CrashStream, async ({ reply }) => {
        await reply.send(1);
        fail();
      }),
  },
};

// What comes of it -----------------------------------------------------------------------------------------------------

interface Fate {
  /** What the message that was queued behind the failing one gets. */
  readonly queued: number;
  /** What one that is sent later gets. */
  readonly later: unknown;
}

interface Setting {
  readonly start: (system: AgentSystem, blueprint: ReturnType<Place["commit"]>) => Promise<Handle>;
  readonly fates: Readonly<Record<CrashDecision, Fate>>;
}

// The agent has marked once before. What is queued when an agent stops is worked off.
const settings: Readonly<Record<string, Setting>> = {
  "by itself": {
    start: (system, blueprint) => system.start(blueprint),
    fates: {
      resume: { queued: 2, later: { value: 3 } },
      restart: { queued: 1, later: { value: 2 } },
      stop: { queued: 2, later: "AGENT_STOPPED" },
    },
  },
  // It is brought back from a stop too, with a fresh model.
  "under a supervisor": {
    start: async (system, blueprint) => (await system.start(agent("supervisor", () => ({})))).supervise(blueprint),
    fates: {
      resume: { queued: 2, later: { value: 3 } },
      restart: { queued: 1, later: { value: 2 } },
      stop: { queued: 2, later: { value: 1 } },
    },
  },
};

/** Longer than a first restart waits. */
const backoffMs = 100;

/** What the asker hears: what came, and then how it ended. */
async function heard(handle: Handle, place: Place): Promise<unknown> {
  if (place.items === undefined) {
    const [settled] = await Promise.allSettled([handle.ask(Crash, {})]);
    return settled.status === "fulfilled" ? { answer: settled.value } : ending(settled.reason);
  }
  const items: number[] = [];
  try {
    for await (const item of handle.stream(CrashStream, {})) items.push(item);
    return { items };
  } catch (error) {
    return { items, ...ending(error) };
  }
}

function ending(error: unknown): object {
  return error instanceof ActonError ? { code: error.code, text: error.message } : { wrong: error };
}

function expected(place: Place, way: Way): object {
  if (place.answered !== undefined) return { answer: place.answered };
  const ended = { code: "HANDLER_FAILED", text: way.text };
  return place.items === undefined ? ended : { items: [...place.items], ...ended };
}

for (const [setting, { start, fates }] of Object.entries(settings)) {
  for (const [where, place] of Object.entries({ ...requests, ...streams })) {
    describe(`${where}; the agent ${setting}`, () => {
      for (const [what, way] of Object.entries(ways)) {
        test.each(["resume", "restart", "stop"] as const)(`${what} fails its asker alone; onCrash %s`, async (policy) => {
          const { system, clock, lines } = testSystem();
          const neighbour = await system.start(marked, { name: "neighbour" });
          const handle = await start(system, place.commit(way.fail).onCrash(policy));

          const answers = Promise.all([handle.ask(Mark, {}), heard(handle, place), handle.ask(Mark, {}), neighbour.ask(Mark, {})]);
          await turns();
          clock.advance(backoffMs);
          const [before, crash, queued, beside] = await answers;
          await turns();

          expect(crash).toEqual(expected(place, way));
          const { later, ...fate } = fates[policy];
          expect({ before, queued, beside }).toEqual({ before: 1, beside: 1, ...fate });
          expect(await outcome(handle.ask(Mark, {}))).toEqual(later);
          expect(await neighbour.ask(Mark, {})).toBe(2);
          expect(system.counters).toMatchObject({ crashed: 1, stoppedByForce: 0 });
          const type = place.items === undefined ? "Crash" : "CrashStream";
          const errors = lines.filter(({ level }) => level === "error");
          expect(errors.map(({ message: text, fields }) => [text, fields["agent"], fields["type"], fields["error"]])).toEqual([
            ["handler failed", "culprit", type, way.text],
          ]);
        });
      }
    });
  }
}

// What looks like it and is none -----------------------------------------------------------------------------------------

describe("reply.fail is a failure by choice", () => {
  test.each(Object.entries(ways))("with %s: the asker hears it, and nothing crashed", async (_, { fail, text }) => {
    const { system, lines } = testSystem();
    const handle = await system.start(
      marked
        .mutateOn(Crash, ({ reply }) => {
          try {
            fail();
          } catch (thrown) {
            reply.fail(thrown);
          }
        })
        .onCrash("stop"),
    );
    expect(await failure(handle.ask(Crash, {}))).toMatchObject({ code: "HANDLER_FAILED", message: text });
    expect(await handle.ask(Mark, {})).toBe(1);
    expect(system.counters.crashed).toBe(0);
    expect(lines).toEqual([]);
  });

  test("with an ActonError whose code is none of ours: it is HandlerFailed", async () => {
    const { system } = testSystem();
    const made = Object.assign(new ActonError("TIMEOUT", "mine"), { code: "NONSENSE" });
    const handle = await system.start(marked.mutateOn(Crash, ({ reply }) => reply.fail(made)));
    expect(await failure(handle.ask(Crash, {}))).toMatchObject({ code: "HANDLER_FAILED", message: "mine" });
  });
});

describe("a thenable that a handler returns", () => {
  const answers: Readonly<Record<string, (resolve: (value: unknown) => void, reject: (error: unknown) => void) => void>> = {
    "calls back twice": (resolve) => {
      resolve(1);
      resolve(2);
    },
    "resolves and then rejects": (resolve, reject) => {
      resolve(1);
      reject(new Error("late"));
    },
    "throws after it has resolved": (resolve) => {
      resolve(1);
      throw new Error("late");
    },
  };

  test.each(Object.entries(answers))("and that %s has answered once, and nothing crashed", async (_, then) => {
    const { system, lines } = testSystem();
    const handle = await system.start(marked.mutateOn(Crash, () => untyped(thenable(then))));
    expect(await handle.ask(Crash, {})).toBe(1);
    expect(await handle.ask(Mark, {})).toBe(1);
    expect(system.counters).toMatchObject({ crashed: 0, surplusReplies: 0 });
    expect(lines).toEqual([]);
  });

  test("and that never calls back costs its asker the time, and no agent but its own", async () => {
    const { system, clock } = testSystem();
    const handle = await system.start(marked.mutateOn(Crash, () => untyped(thenable(() => {}))));
    const neighbour = await system.start(marked);
    const asked = handle.ask(Crash, {}, { timeoutMs: 50 });
    expect(await outcome(asked)).toBe("pending");
    expect(await neighbour.ask(Mark, {})).toBe(1);
    clock.advance(50);
    expect(await outcome(asked)).toBe("TIMEOUT");
    const stopped = handle.stop();
    await turns();
    clock.advance(10_000);
    expect(await outcome(stopped)).toEqual({ value: undefined });
    expect(system.counters.stoppedByForce).toBe(1);
  });
});

test("a promise given to reply.send is a mistake that the asker hears of, whatever would come of the promise", async () => {
  const { system, lines } = testSystem();
  const handle = await system.start(marked.mutateOn(Crash, ({ reply }) => void reply.send(new Promise(() => {}))));
  expect(await failure(handle.ask(Crash, {}))).toMatchObject({ code: "HANDLER_FAILED", message: "a reply cannot be a promise: await it first" });
  expect(lines.map(({ fields }) => fields["type"])).toEqual(["Crash"]);
});

describe("a generator that is none", () => {
  const iterators: Readonly<Record<string, unknown>> = {
    "no iterator": undefined,
    "an iterator without next": {},
    "a step that is no object": { next: () => 5 },
    "a step that resolves to no object": { next: async () => undefined },
  };

  test.each(Object.entries(iterators))("and gives %s fails its stream, and is a crash", async (_, iterator) => {
    const { system } = testSystem();
    const handle = await system.start(marked.actOn(CrashStream, () => untyped({ [Symbol.asyncIterator]: () => iterator })));
    expect(await failure(handle.stream(CrashStream, {}).next())).toMatchObject({ code: "HANDLER_FAILED" });
    expect(system.counters.crashed).toBe(1);
    expect(await handle.ask(Mark, {})).toBe(1);
  });
});
