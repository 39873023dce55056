// One agent, once in place and once on a thread: whoever calls it cannot tell which.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { AgentHandle } from "acton";
import { actor, Beside, BesideFlow, Do, Flow, Order, Unknown } from "./scene.ts";
import { outcomeOf, outcomesOf, read, type Stage, stage, until } from "./stage.ts";

// A thread takes its time on a machine that is busy.
setDefaultTimeout(30_000);

type Actor = AgentHandle<typeof Do | typeof Beside | typeof Order | typeof Flow | typeof BesideFlow>;

const ask = (handle: Actor, deed: string, given?: unknown): Promise<unknown> => outcomeOf(handle.ask(Do, { deed, with: given }));
const beside = (handle: Actor, deed: string, given?: unknown): Promise<unknown> => outcomeOf(handle.ask(Beside, { deed, with: given }));
const notes = (handle: Actor): Promise<readonly unknown[]> => handle.ask(Beside, { deed: "notes" }) as Promise<readonly unknown[]>;
const noted = (handle: Actor, note: unknown): Promise<void> => until(async () => (await notes(handle)).includes(note), `the note ${String(note)}`);

/** Each answers with what is to be the same. */
const scenarios: Readonly<Record<string, (handle: Actor, stage: Stage) => Promise<unknown>>> = {
  "a value, in whatever way it is answered": (handle) =>
    outcomesOf([
      ...["echo", "resolve"].map((deed) => handle.ask(Do, { deed, with: { a: [1, "two", null, { b: true }] } })),
      ...["nothing", "null", "generator", "twice", "deferAndSend", "replyThenThrow"].map((deed) => handle.ask(Do, { deed })),
    ]),
  "whatever is thrown": (handle) =>
    outcomesOf(
      ["error", "text", "nothing", "null", "number", "object", "lines", "long", "failure"].flatMap((what) =>
        ["throw", "reject"].map((deed) => handle.ask(Do, { deed, with: what })),
      ),
    ),
  "whatever it fails with by choice": (handle) =>
    outcomesOf(["failure", "error", "text", "nothing"].map((what) => handle.ask(Beside, { deed: "fail", with: what }))),
  "an answer that comes later": async (handle) => {
    const deferred = ask(handle, "defer");
    return [await ask(handle, "undefer"), await deferred, await ask(handle, "undefer")];
  },
  "a type that it does not handle": (handle) => outcomesOf([(handle as unknown as AgentHandle<typeof Unknown>).ask(Unknown, {})]),
  "an ask that runs out of time while it is worked on": async (handle) => {
    const hangs = outcomeOf(handle.ask(Beside, { deed: "untilAborted" }, { timeoutMs: 200 }));
    await noted(handle, "waits");
    const outcome = await hangs;
    await noted(handle, "aborted");
    return [outcome, await notes(handle)];
  },
  "an ask that is cancelled while it is worked on": async (handle) => {
    const abort = new AbortController();
    const waits = outcomeOf(handle.ask(Beside, { deed: "untilAborted" }, { signal: abort.signal }));
    await noted(handle, "waits");
    abort.abort();
    const outcome = await waits;
    await noted(handle, "aborted");
    return [outcome, await notes(handle)];
  },
  "an ask that was cancelled before it was made": async (handle) => {
    const outcome = await outcomeOf(handle.ask(Do, { deed: "note", with: 1 }, { signal: AbortSignal.abort() }));
    return [outcome, await notes(handle)];
  },
  "exclusive handlers one after the other, and concurrent ones together": async (handle) => {
    await Promise.all([1, 2, 3].map((i) => handle.ask(Do, { deed: "slowly", with: i })));
    const alone = await notes(handle);
    await Promise.all([4, 5].map((i) => handle.ask(Beside, { deed: "slowly", with: i })));
    return [alone, (await notes(handle)).slice(alone.length, alone.length + 2)];
  },
  "messages of one sender in their order": async (handle) => {
    const sent = Array.from({ length: 500 }, (_, i) =>
      i % 3 === 0 ? handle.ask(Do, { deed: "note", with: i }) : handle.send(Order, { deed: "note", with: i }),
    );
    await Promise.all(sent);
    return ask(handle, "notes");
  },
  "what it sends to itself": async (handle) => {
    const sent = await Promise.all([ask(handle, "sendSelf", "a"), ask(handle, "sendSelf", "b")]);
    await noted(handle, "b 2");
    return [sent, await notes(handle)];
  },
  "an ask of itself, alone and beside": async (handle) => [await ask(handle, "askSelf"), await beside(handle, "askSelfBeside")],
  "what it sends to itself later": async (handle) => {
    const outcomes = [await ask(handle, "sendAfter"), await beside(handle, "sendAfter"), await beside(handle, "sendEvery")];
    return [outcomes, (await notes(handle)).slice(0, 5)];
  },
  "who it is, and who sends": (handle) => beside(handle, "who"),
  "its status": (handle) => beside(handle, "status"),
  "time and chance": (handle) => beside(handle, "time"),
  "streams, in whatever way they are made": (handle) =>
    Promise.all(
      ["count", "sync", "send", "none", "one", "throws", "fails", "slow"].flatMap((deed) =>
        [Flow, BesideFlow].map((type) => read(handle.stream(type, { deed, with: 100 }))),
      ),
    ),
  "a stream that is left early": async (handle) => {
    const seen: unknown[] = [];
    for await (const item of handle.stream(BesideFlow, { deed: "endless" })) if (seen.push(item) === 3) break;
    await noted(handle, "left");
    return [seen, await notes(handle)];
  },
  "a stream that is cancelled, and one that runs out of time": async (handle) => {
    const abort = new AbortController();
    const cancelled: unknown[] = [];
    const outcome = await outcomeOf(
      (async () => {
        for await (const item of handle.stream(BesideFlow, { deed: "endless" }, { signal: abort.signal }))
          if (cancelled.push(item) === 2) abort.abort();
      })(),
    );
    await noted(handle, "left");
    const late = (await read(handle.stream(BesideFlow, { deed: "endless" }, { timeoutMs: 100 }))) as { items: unknown[] };
    return [outcome, { ...late, items: late.items.slice(0, 2) }];
  },
  "crashes that nobody asked for leave it as it was": async (handle) => {
    await handle.ask(Do, { deed: "note", with: 1 });
    await Promise.all(["error", "text"].map((what) => handle.send(Order, { deed: "throw", with: what })));
    return [await notes(handle), handle.status, handle.generation];
  },
  "children that it starts": async (handle) => [handle.children.length, await beside(handle, "echo", 1)],
};

/** The same for what ends the agent. */
const endings: typeof scenarios = {
  "a stop does not wait for an answer that was put off": async (handle, { lines }) => {
    const deferred = ask(handle, "defer");
    await ask(handle, "echo", 1);
    await handle.stop();
    return [await deferred, lines];
  },
  "a stop waits for what runs, though it has been answered or nobody asked": async (handle, { lines }) => {
    await handle.send(Order, { deed: "slowly", with: 1 });
    const replied = ask(handle, "replyThenWork");
    await handle.stop();
    return [await replied, lines];
  },
  "a stop by force, for want of an end of what nobody asked": async (handle, { lines, runtime }) => {
    await handle.send(Order, { deed: "hang" });
    return [await runtime.shutdownAll(), handle.status, lines];
  },
  "a stop by force, for want of an end of what was asked": async (handle, { lines, runtime }) => {
    const hangs = [beside(handle, "hang"), beside(handle, "untilAborted"), ask(handle, "echo", 1)];
    const shut = await runtime.shutdownAll();
    return [shut, await Promise.all(hangs), lines];
  },
  "after a stop, nothing": async (handle) => {
    await handle.stop();
    return outcomesOf([
      handle.ask(Do, { deed: "echo" }),
      handle.send(Order, { deed: "note" }),
      Promise.resolve(handle.trySend(Order, { deed: "note" })),
      read(handle.stream(Flow, { deed: "count" })),
    ]);
  },
  "a stop works off what is queued": async (handle) => {
    const asked = Promise.all([1, 2, 3].flatMap((i) => [ask(handle, "slowly", i), ask(handle, "note", i), beside(handle, "notes")]));
    const stopped = handle.stop();
    const after = await ask(handle, "echo");
    const outcomes = await asked;
    await stopped;
    return [outcomes, after, handle.status];
  },
  "a watch, once": async (handle) => {
    let gone = 0;
    handle.watch(() => (gone += 1));
    const off = handle.watch(() => (gone += 100));
    off();
    await handle.stop();
    await handle.stop();
    handle.watch(() => (gone += 10));
    return gone;
  },
  "a stop that it asks for itself": async (handle) => {
    await handle.send(Order, { deed: "stop" });
    await handle.reached("stopped");
    return ask(handle, "echo");
  },
};

/** In place, and on a thread. */
const places = [actor, actor.runOn("worker")];

function errors(lines: Stage["lines"]): unknown[] {
  return lines.filter(({ level }) => level === "error").map(({ message, fields }) => [message, fields["agent"], fields["type"], fields["error"]]);
}

const pairs: { readonly scene: Stage; readonly handle: Actor }[] = [];
beforeAll(async () => {
  for (const blueprint of places) {
    const scene = stage("scene.ts");
    pairs.push({ scene, handle: await scene.runtime.start(blueprint) });
  }
});
afterAll(() => Promise.all(pairs.map(({ scene }) => scene[Symbol.asyncDispose]())));

describe.each(Object.entries(scenarios))("%s", (_name, scenario) => {
  test("is the same in place and on a thread", async () => {
    const told: unknown[] = [];
    for (const { scene, handle } of pairs) {
      await handle.ask(Do, { deed: "forget" });
      const before = scene.lines.length;
      const outcome = await scenario(handle, scene);
      told.push({ outcome, errors: errors(scene.lines.slice(before)) });
    }
    expect(told[1]).toEqual(told[0]);
  });
});

describe.each(Object.entries(endings))("%s", (_name, scenario) => {
  test("is the same in place and on a thread", async () => {
    const told: unknown[] = [];
    for (const blueprint of places) {
      await using scene = stage("scene.ts", { limits: { stopTimeoutMs: 250 } });
      told.push(await scenario(await scene.runtime.start(blueprint), scene));
    }
    expect(told[1]).toEqual(told[0]);
  });
});
