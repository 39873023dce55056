// Asking oneself, or a cycle of exclusive asks, fails at once with the cycle named. No test here advances the clock:
// whatever waits for the deadline stays pending.

import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { agent } from "../../src/agent/blueprint.ts";
import type { AgentHandle } from "../../src/agent/handle.ts";
import { ActonError } from "../../src/errors.ts";
import { message } from "../../src/message/message-type.ts";
import { Latch, outcome, testSystem, turns } from "../support/system.ts";

const Answer = message("Answer", z.string());
const Ping = message("Ping", {}).replies(Answer);
const Relay = message("Relay", { path: z.array(z.string()) }).replies(Answer);
const Peek = message("Peek", { path: z.array(z.string()) }).replies(Answer);
const Items = message("Items", {}).streams(Answer);

/** Agents that pass a question on along its path: exclusively as Relay, beside others as Peek. The last says "end". */
async function chain(...names: string[]) {
  const context = testSystem();
  const handles = new Map<string, AgentHandle<typeof Relay | typeof Peek | typeof Ping>>();
  const pass = async (path: readonly string[]): Promise<string> => {
    await turns(1);
    const [next, ...rest] = path;
    if (next === undefined) return "end";
    const [name = "", kind] = next.split(":");
    const handle = handles.get(name);
    try {
      return (await (kind === "peek" ? handle?.ask(Peek, { path: rest }) : handle?.ask(Relay, { path: rest }))) ?? "nobody";
    } catch (error) {
      return error instanceof ActonError ? `${error.code} ${error.message}` : String(error);
    }
  };
  for (const name of names) {
    const blueprint = agent(name, () => ({}))
      .mutateOn(Relay, async ({ message }) => pass(message.path))
      .actOn(Peek, async ({ message }) => pass(message.path))
      .actOn(Ping, () => "pong");
    handles.set(name, await context.system.start(blueprint));
  }
  return { ...context, start: (path: string) => outcome(pass(path.split(" "))) };
}

describe("an ask that would wait for itself", () => {
  test("fails at once when an agent asks itself", async () => {
    const { start } = await chain("a");
    expect(await start("a a")).toEqual({ value: expect.stringMatching(/^ASK_CYCLE .*a → a/) });
  });

  test("fails at once when two agents ask each other", async () => {
    const { start } = await chain("a", "b");
    expect(await start("a b a")).toEqual({ value: expect.stringMatching(/^ASK_CYCLE .*b → a → b/) });
  });

  test("fails at once around three agents, naming each", async () => {
    const { start } = await chain("a", "b", "c");
    expect(await start("a b c a")).toEqual({ value: expect.stringMatching(/^ASK_CYCLE .*c → a → b → c/) });
  });

  test("fails at once when only one of asker and asked is exclusive", async () => {
    const { start } = await chain("a");
    expect(await start("a a:peek")).toEqual({ value: expect.stringContaining("ASK_CYCLE") });
    expect(await start("a:peek a")).toEqual({ value: expect.stringContaining("ASK_CYCLE") });
  });

  test("fails at once when an exclusive handler waits for itself through another agent's reader", async () => {
    const { start } = await chain("a", "b");
    expect(await start("a b:peek a:peek")).toEqual({ value: expect.stringContaining("ASK_CYCLE") });
  });

  test("fails at once when a reader waits through another agent's reader for something exclusive of its own agent", async () => {
    const { start } = await chain("a", "b");
    expect(await start("a:peek b:peek a")).toEqual({ value: expect.stringContaining("ASK_CYCLE") });
  });

  test("is told from concurrent readers, which wait for nobody", async () => {
    const { start } = await chain("a", "b");
    expect(await start("a:peek b:peek a:peek b:peek a:peek")).toEqual({ value: "end" });
  });

  test("is told from a reader beside the one that asked, and from a wait that ends by itself", async () => {
    const { start } = await chain("a", "b");
    expect(await start("a:peek b a:peek")).toEqual({ value: "end" });
    const { system } = testSystem();
    const latch = new Latch<string>();
    const b: AgentHandle<typeof Ping | typeof Peek> = await system.start(
      agent("b", () => ({}))
        .actOn(Ping, () => latch.wait())
        .actOn(Peek, () => a.ask(Ping, {})),
    );
    const a: AgentHandle<typeof Ping | typeof Relay> = await system.start(
      agent("a", () => ({}))
        .mutateOn(Relay, () => b.ask(Ping, {}))
        .actOn(Ping, () => "pong"),
    );
    const relay = a.ask(Relay, { path: [] });
    await turns();
    const peek = b.ask(Peek, { path: [] });
    expect(await outcome(peek)).toBe("pending");
    latch.open("opened");
    expect(await Promise.all([relay, peek])).toEqual(["opened", "pong"]);
  });

  test("is told from the same agent asked twice in turn", async () => {
    const { start } = await chain("a", "b");
    expect(await start("a b")).toEqual({ value: "end" });
    expect(await start("a b")).toEqual({ value: "end" });
  });

  test("is found in a handler that is not async and asks at once", async () => {
    const { system } = testSystem();
    const handle: AgentHandle<typeof Relay | typeof Ping> = await system.start(
      agent("a", () => ({}))
        .mutateOn(Relay, ({ self }): Promise<string> => (self as typeof handle).ask(Ping, {}))
        .actOn(Ping, () => "pong"),
    );
    const asked = handle.ask(Relay, { path: [] });
    // The handler passes the rejection on, so the code is in the text that it fails with.
    expect(await outcome(asked)).toBe("HANDLER_FAILED");
  });

  test("is found after an await in a handler that is not declared async but returns the promise of an async function", async () => {
    const { system } = testSystem();
    const work = async (self: AgentHandle): Promise<string> => {
      await turns(1);
      return (self as AgentHandle<typeof Ping>).ask(Ping, {}).catch((error: ActonError) => error.code);
    };
    const handle = await system.start(
      agent("a", () => ({}))
        .mutateOn(Relay, ({ self }) => work(self))
        .actOn(Ping, () => "pong"),
    );
    expect(await outcome(handle.ask(Relay, { path: [] }))).toEqual({ value: "ASK_CYCLE" });
  });

  test("is found between the runtimes of one process", async () => {
    const [here, there] = [testSystem(), testSystem()];
    const b: AgentHandle<typeof Relay> = await there.system.start(
      agent("b", () => ({})).mutateOn(Relay, async () => a.ask(Ping, {}).catch((error: ActonError) => error.message)),
    );
    const a: AgentHandle<typeof Relay | typeof Ping> = await here.system.start(
      agent("a", () => ({}))
        .mutateOn(Relay, async () => b.ask(Relay, { path: [] }))
        .actOn(Ping, () => "pong"),
    );
    expect(await outcome(a.ask(Relay, { path: [] }))).toEqual({ value: "this ask would wait for itself: b → a → b" });
  });

  test("is found in an async generator", async () => {
    const { system } = testSystem();
    const handle = await system.start(
      agent("a", () => ({}))
        .mutateOn(Items, async function* ({ self }) {
          await turns(1);
          yield await (self as AgentHandle<typeof Ping>).ask(Ping, {}).catch((error: ActonError) => error.code);
        })
        .actOn(Ping, () => "pong"),
    );
    expect(await outcome(handle.stream(Items, {}).next())).toEqual({ value: { done: false, value: "ASK_CYCLE" } });
  });

  test("is found while a second ask to the same agent is still open, the first having been answered", async () => {
    const { system } = testSystem();
    const first = new Latch<string>();
    const second = new Latch();
    let a: AgentHandle<typeof Relay | typeof Ping> | undefined;
    const b = await system.start(
      agent("b", () => ({}))
        .actOn(Ping, () => first.wait())
        .actOn(Peek, async () => {
          await second.wait();
          return (await a?.ask(Ping, {}).catch((error: ActonError) => error.code)) ?? "nobody";
        }),
    );
    a = await system.start(
      agent("a", () => ({}))
        .mutateOn(Relay, async () => (await Promise.all([b.ask(Ping, {}), b.ask(Peek, { path: [] })])).join(" "))
        .actOn(Ping, () => "pong"),
    );
    const asked = a.ask(Relay, { path: [] });
    await turns();
    first.open("pong");
    await turns();
    second.open();
    expect(await outcome(asked)).toEqual({ value: "pong ASK_CYCLE" });
  });

  test("is found when a reader asks its own agent behind a mutateOn that waits for the reader", async () => {
    const { system } = testSystem();
    const latch = new Latch();
    const handle: AgentHandle<typeof Peek | typeof Relay | typeof Ping> = await system.start(
      agent("a", () => ({}))
        .actOn(Peek, async ({ self }) => {
          await latch.wait();
          return (self as AgentHandle<typeof Ping>).ask(Ping, {}).catch((error: ActonError) => error.code);
        })
        .mutateOn(Relay, () => "mutated")
        .actOn(Ping, () => "pong"),
    );
    const peek = handle.ask(Peek, { path: [] });
    const relay = handle.ask(Relay, { path: [] });
    await turns();
    latch.open();
    // Either it fails at once or it is let through; it must not wait for the deadline.
    expect(await outcome(peek)).not.toBe("pending");
    expect(await relay).toBe("mutated");
  });

  test("is no matter of the time before: an ask of a handler that has settled is nobody's", async () => {
    const { system } = testSystem();
    const latch = new Latch();
    let late: Promise<unknown> | undefined;
    const handle: AgentHandle<typeof Relay | typeof Ping> = await system.start(
      agent("a", () => ({}))
        .mutateOn(Relay, async ({ self }) => {
          late = latch.wait().then(() => (self as AgentHandle<typeof Ping>).ask(Ping, {}));
          return "settled";
        })
        .actOn(Ping, () => "pong"),
    );
    expect(await handle.ask(Relay, { path: [] })).toBe("settled");
    latch.open();
    expect(await late).toBe("pong");
  });

  test("is found for a stream too: an exclusive handler that reads its own agent's stream would wait for ever", async () => {
    const { system } = testSystem();
    const handle = await system.start(
      agent("a", () => ({}))
        .mutateOn(Relay, async ({ self }) => {
          try {
            for await (const item of (self as AgentHandle<typeof Items>).stream(Items, {})) return item;
          } catch (error) {
            return error instanceof ActonError ? error.code : "other";
          }
          return "nothing";
        })
        .actOn(Items, function* () {
          yield "item";
        }),
    );
    expect(await outcome(handle.ask(Relay, { path: [] }))).toEqual({ value: "ASK_CYCLE" });
  });

  test("is not seen in the hook of an agent that restarts while its asker works on", async () => {
    const { system } = testSystem();
    const latch = new Latch();
    const seen: string[] = [];
    let a: AgentHandle<typeof Relay | typeof Ping> | undefined;
    let starts = 0;
    const b = await system.start(
      agent("b", () => ({}))
        .beforeStart(async () => {
          starts += 1;
          if (starts > 1) seen.push((await a?.ask(Ping, {}).catch((error: ActonError) => error.code)) ?? "nobody");
        })
        .mutateOn(Ping, () => {
          throw new Error("crash");
        })
        .onCrash("restart"),
    );
    a = await system.start(
      agent("a", () => ({}))
        .mutateOn(Relay, async () => {
          await turns(1);
          await b.ask(Ping, {}).catch(() => {});
          await latch.wait();
          return "done";
        })
        .actOn(Ping, () => "pong"),
    );
    const asked = a.ask(Relay, { path: [] });
    await turns();
    latch.open();
    expect(await asked).toBe("done");
    await turns();
    expect(seen).toEqual(["pong"]);
  });
});
