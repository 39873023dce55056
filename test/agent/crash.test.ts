import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { agent } from "../../src/agent/blueprint.ts";
import type { CrashDecision } from "../../src/agent/definition.ts";
import type { AgentHandle } from "../../src/agent/handle.ts";
import { message } from "../../src/message/message-type.ts";
import { failure, Latch, outcome, testSystem, turns } from "../support/system.ts";

const Answer = message("Answer", z.int());
const Add = message("Add", { by: z.int() }).replies(Answer);
const Crash = message("Crash", { how: z.string() }).replies(Answer);
const Wait = message("Wait", {}).replies(Answer);
const Note = message("Note", {});

function counter(latch = new Latch<number>()) {
  return agent("counter", () => ({ total: 0 }))
    .mutateOn(Add, ({ model, message }) => (model.total += message.by))
    .mutateOn(Crash, ({ message }): Promise<number> => {
      const error = new Error(message.how);
      if (message.how === "rejects") return Promise.reject(error);
      throw error;
    })
    .actOn(Wait, () => latch.wait());
}

describe("a handler that throws", () => {
  test("fails its own request and nobody else's; the agent keeps its model", async () => {
    const { system, lines } = testSystem();
    const handle = await system.start(counter());
    for (const how of ["throws", "rejects"]) {
      const asked = Promise.allSettled([handle.ask(Add, { by: 1 }), handle.ask(Crash, { how }), handle.ask(Add, { by: 1 })]);
      expect((await asked).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    }
    expect(await handle.ask(Add, { by: 0 })).toBe(4);
    expect(system.counters.crashed).toBe(2);
    expect(lines.filter(({ level }) => level === "error").map(({ fields }) => fields)).toMatchObject([
      { agent: "counter", type: "Crash", error: "throws" },
      { agent: "counter", type: "Crash", error: "rejects" },
    ]);
  });

  test("says why in one line without a stack", async () => {
    const { system } = testSystem();
    const handle = await system.start(counter());
    expect((await failure(handle.ask(Crash, { how: "a\nb" }))).message).toBe("a b");
  });

  test("for a message that nobody asked is logged and counted all the same", async () => {
    const { system, lines } = testSystem();
    const handle = await system.start(counter());
    await handle.send(Crash, { how: "rejects" });
    await turns();
    expect(system.counters.crashed).toBe(1);
    expect(lines.length).toBe(1);
    expect(await handle.ask(Add, { by: 1 })).toBe(1);
  });

  test("after it has replied has replied; it is a crash all the same", async () => {
    const { system } = testSystem();
    const handle = await system.start(
      agent("a", () => ({})).mutateOn(Wait, ({ reply }) => {
        void reply.send(1);
        throw new Error("after");
      }),
    );
    expect(await handle.ask(Wait, {})).toBe(1);
    expect(system.counters.crashed).toBe(1);
  });
});

describe("onCrash restart", () => {
  test("takes a fresh model, keeps the mailbox, and runs the start hooks again", async () => {
    const { system } = testSystem();
    const hooks: string[] = [];
    const handle = await system.start(
      counter()
        .onCrash("restart")
        .beforeStart(async ({ model }) => {
          await turns(2);
          hooks.push(`before ${model.total}`);
        })
        .afterStart(() => void hooks.push("after")),
    );
    const results = await Promise.allSettled([
      handle.ask(Add, { by: 5 }),
      handle.ask(Crash, { how: "throws" }),
      handle.ask(Add, { by: 1 }),
      handle.ask(Add, { by: 1 }),
    ]);
    expect(results.map((result) => (result.status === "fulfilled" ? result.value : (result.reason as { code: string }).code))).toEqual([
      5,
      "HANDLER_FAILED",
      1,
      2,
    ]);
    expect(hooks).toEqual(["before 0", "after", "before 0", "after"]);
  });

  test("ends what ran beside the crashed handler with AGENT_STOPPED, its signal aborted", async () => {
    const { system } = testSystem();
    let signal: AbortSignal | undefined;
    const Hang = message("Hang", {}).replies(Answer);
    const handle = await system.start(
      agent("a", () => ({}))
        .actOn(Hang, (argument) => {
          signal = argument.signal;
          return new Promise<number>(() => {});
        })
        .actOn(Crash, () => {
          throw new Error("crash");
        })
        .mutateOn(Add, ({ message }) => message.by)
        .onCrash("restart"),
    );
    const hangs = Promise.allSettled([handle.ask(Hang, {})]);
    await turns();
    const crashes = handle.ask(Crash, { how: "" });
    expect(await outcome(crashes)).toBe("HANDLER_FAILED");
    expect(await hangs).toMatchObject([{ reason: { code: "AGENT_STOPPED" } }]);
    expect(signal?.aborted).toBe(true);
    expect(await outcome(handle.ask(Add, { by: 3 }))).toEqual({ value: 3 });
  });

  test("keeps handle, subscriptions and watchers; nobody is told of a stop", async () => {
    const { system } = testSystem();
    let notes = 0;
    let stopped = false;
    const handle = await system.start(
      counter()
        .mutateOn(Note, () => void (notes += 1))
        .subscribe(Note)
        .onCrash("restart"),
    );
    handle.watch(() => (stopped = true));
    await failure(handle.ask(Crash, { how: "throws" }));
    await turns();
    system.broker.broadcast(Note, {});
    await turns();
    expect(notes).toBe(1);
    expect(stopped).toBe(false);
    await handle.stop();
    expect(stopped).toBe(true);
  });

  test("whose model or beforeStart fails stops the agent: what waits ends with AGENT_STOPPED", async () => {
    const { system } = testSystem();
    let starts = 0;
    const handle = await system.start(
      counter()
        .onCrash("restart")
        .beforeStart(() => {
          starts += 1;
          if (starts > 1) throw new Error("not again");
        }),
    );
    let stopped = false;
    handle.watch(() => (stopped = true));
    const results = await Promise.allSettled([handle.ask(Crash, { how: "throws" }), handle.ask(Add, { by: 1 })]);
    expect(results.map((result) => (result as { reason: { code: string } }).reason.code)).toEqual(["HANDLER_FAILED", "AGENT_STOPPED"]);
    await turns();
    expect(stopped).toBe(true);
    expect(handle.trySend(Add, { by: 1 })).toBe(false);
  });

  test("does not leave the children of the life before behind", async () => {
    const { system } = testSystem();
    const children: AgentHandle<typeof Wait>[] = [];
    const child = agent("child", () => ({})).actOn(Wait, () => 1);
    const handle = await system.start(
      counter()
        .onCrash("restart")
        .beforeStart(async ({ start }) => void children.push(await start(child))),
    );
    await failure(handle.ask(Crash, { how: "throws" }));
    await turns(20);
    expect(children.length).toBe(2);
    const alive = await Promise.all(children.map((each) => outcome(each.ask(Wait, {}))));
    expect(alive).toEqual(["AGENT_STOPPED", { value: 1 }]);
  });

  test("while its beforeStart hangs can be stopped, within 10 s, and stays stopped", async () => {
    const { system, clock } = testSystem();
    const latch = new Latch();
    const hooks: string[] = [];
    let starts = 0;
    const handle = await system.start(
      counter()
        .onCrash("restart")
        .beforeStart(() => {
          starts += 1;
          if (starts > 1) return latch.wait();
        })
        .afterStart(() => void hooks.push("afterStart"))
        .afterStop(() => void hooks.push("afterStop")),
    );
    await failure(handle.ask(Crash, { how: "throws" }));
    const waits = Promise.allSettled([handle.ask(Add, { by: 1 })]);
    const stopped = handle.stop();
    await turns();
    clock.advance(10_000);
    expect(await outcome(stopped)).toEqual({ value: undefined });
    expect(await waits).toMatchObject([{ reason: { code: "AGENT_STOPPED" } }]);
    latch.open();
    await turns();
    expect(hooks).toEqual(["afterStart", "afterStop"]);
  });
});

describe("onCrash stop", () => {
  test("stops the agent, after what is queued", async () => {
    const { system } = testSystem();
    const handle = await system.start(counter().onCrash("stop"));
    const asked = Promise.allSettled([handle.ask(Crash, { how: "rejects" }), handle.ask(Add, { by: 4 })]);
    let stopped = false;
    handle.watch(() => (stopped = true));
    expect(await asked).toMatchObject([{ reason: { code: "HANDLER_FAILED" } }, { value: 4 }]);
    await turns();
    expect(stopped).toBe(true);
    expect((await failure(handle.ask(Add, { by: 1 }))).code).toBe("AGENT_STOPPED");
  });
});

describe("onCrash with a function", () => {
  test("decides by the error, each time anew", async () => {
    const { system } = testSystem();
    const policy = (error: unknown): CrashDecision => ((error as Error).message === "bad" ? "restart" : "resume");
    const handle = await system.start(counter().onCrash(policy));
    await handle.ask(Add, { by: 5 });
    await failure(handle.ask(Crash, { how: "mild" }));
    expect(await handle.ask(Add, { by: 0 })).toBe(5);
    await failure(handle.ask(Crash, { how: "bad" }));
    expect(await handle.ask(Add, { by: 0 })).toBe(0);
  });

  test("that throws itself is logged, and the agent resumes", async () => {
    const { system, lines } = testSystem();
    const handle = await system.start(
      counter().onCrash(() => {
        throw new Error("policy");
      }),
    );
    await handle.ask(Add, { by: 5 });
    await failure(handle.ask(Crash, { how: "mild" }));
    expect(await handle.ask(Add, { by: 0 })).toBe(5);
    expect(lines.map(({ fields }) => fields["error"])).toContain("policy");
  });
});

test("an asker that left makes no crash of what its handler throws because of it", async () => {
  const { system, lines } = testSystem();
  const abort = new AbortController();
  const handle = await system.start(
    agent("a", () => ({})).mutateOn(Wait, async ({ signal }) => {
      await new Promise<void>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    }),
  );
  const asked = handle.ask(Wait, {}, { signal: abort.signal });
  await turns();
  abort.abort();
  expect(await outcome(asked)).toBe("CANCELLED");
  expect(system.counters.crashed).toBe(0);
  expect(lines).toEqual([]);
});
