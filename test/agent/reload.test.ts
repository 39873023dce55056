// An agent's code is exchanged in place: what stays, what is made anew, and what happens when the new code does not start.

import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { agent } from "../../src/agent/blueprint.ts";
import type { AgentHandle } from "../../src/agent/handle.ts";
import { message } from "../../src/message/message-type.ts";
import { failure, Latch, outcome, testSystem, turns } from "../support/system.ts";

const Total = message("Total", { code: z.string(), total: z.int() });
const Add = message("Add", { n: z.int() }).replies(Total);
const News = message("News", { text: z.string() });
const Gone = message("Gone", {});
const Tick = message("Tick", { at: z.int() });
const Ticks = message("Ticks", {}).streams(Tick);

const counter = (code: string) =>
  agent("counter", () => ({ total: 0 })).mutateOn(Add, ({ model, message: { n } }) => ({ code, total: (model.total += n) }));

const broken = () =>
  counter("broken").beforeStart(() => {
    throw new TypeError("no database");
  });

describe("reloading an agent", () => {
  test("keeps the handle, the id and the watchers, and exchanges handlers and model", async () => {
    const { system } = testSystem();
    const handle = await system.start(counter("old"));
    const { id } = handle;
    let gone = false;
    handle.watch(() => (gone = true));
    await handle.ask(Add, { n: 5 });
    await handle.reload(counter("new"));
    expect({ id: handle.id, status: handle.status, generation: handle.generation, gone }).toEqual({
      id,
      status: "running",
      generation: 2,
      gone: false,
    });
    expect(await handle.ask(Add, { n: 1 })).toEqual({ code: "new", total: 1 });
    await handle.stop();
    expect(gone).toBe(true);
  });

  test("gives the old model to carryOver, once: a later restart begins afresh", async () => {
    const { system } = testSystem();
    const handle = await system.start(counter("old"));
    await handle.ask(Add, { n: 5 });
    const Crash = message("Crash", {});
    const next = agent("counter", () => ({ sum: 0 }))
      .carryOver((old: { total: number }) => ({ sum: old.total }))
      .mutateOn(Add, ({ model, message: { n } }) => ({ code: "new", total: (model.sum += n) }))
      .mutateOn(Crash, () => {
        throw new TypeError("crashed");
      })
      .onCrash("restart");
    await handle.reload(next);
    expect(await handle.ask(Add, { n: 1 })).toEqual({ code: "new", total: 6 });
    void (handle as AgentHandle as AgentHandle<typeof Crash>).send(Crash, {});
    await handle.reached("running");
    await turns();
    expect(handle.generation).toBe(3);
    expect(await handle.ask(Add, { n: 1 })).toEqual({ code: "new", total: 1 });
  });

  test("lets what runs finish with the old code, and keeps what is queued for the new one", async () => {
    const { system } = testSystem();
    const latch = new Latch();
    const slow = agent("counter", () => ({ total: 0 })).mutateOn(Add, async ({ message: { n } }) => {
      await latch.wait();
      return { code: "old", total: n };
    });
    const handle = await system.start(slow);
    const running = handle.ask(Add, { n: 1 });
    const queued = handle.ask(Add, { n: 2 });
    await turns();
    const reload = handle.reload(counter("new"));
    const late = handle.ask(Add, { n: 3 });
    expect(await outcome(reload)).toBe("pending");
    latch.open();
    await reload;
    expect(await Promise.all([running, queued, late])).toEqual([
      { code: "old", total: 1 },
      { code: "new", total: 2 },
      { code: "new", total: 5 },
    ]);
  });

  test("does not wait longer than the time for a stop, and not for streams", async () => {
    const { system, clock } = testSystem({ stopTimeoutMs: 700 });
    const endless = agent("counter", () => ({}))
      .mutateOn(Add, () => new Promise<never>(() => {}))
      .actOn(Ticks, async function* ({ signal }) {
        yield { at: 1 };
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      });
    const handle = await system.start(endless);
    const stream = handle.stream(Ticks, {});
    const next = stream[Symbol.asyncIterator]();
    expect((await next.next()).value).toEqual({ at: 1 });
    const second = next.next();
    await handle.reload(endless);
    expect((await failure(second)).code).toBe("AGENT_STOPPED");
    const stuck = handle.ask(Add, { n: 1 });
    await turns();
    const reload = handle.reload(counter("new"));
    await turns();
    clock.advance(699);
    expect(await outcome(reload)).toBe("pending");
    clock.advance(1);
    expect((await failure(stuck)).code).toBe("AGENT_STOPPED");
    await reload;
    expect(await handle.ask(Add, { n: 1 })).toEqual({ code: "new", total: 1 });
  });

  test("runs the hooks of the old code, then those of the new", async () => {
    const { system } = testSystem();
    const notes: string[] = [];
    const noting = (code: string) =>
      counter(code)
        .beforeStart(() => void notes.push(`${code} beforeStart`))
        .afterStart(() => void notes.push(`${code} afterStart`))
        .beforeStop(() => void notes.push(`${code} beforeStop`))
        .afterStop(() => void notes.push(`${code} afterStop`));
    const handle = await system.start(noting("old"));
    notes.length = 0;
    await handle.reload(noting("new"));
    expect(notes).toEqual(["old beforeStop", "old afterStop", "new beforeStart", "new afterStart"]);
  });

  test("follows the subscriptions of the new code, and loses no broadcast meanwhile", async () => {
    const { system } = testSystem();
    const heard: string[] = [];
    const hearing = (code: string) => agent("a", () => ({})).mutateOn(News, ({ message: { text } }) => void heard.push(`${code} ${text}`));
    const handle = await system.start(hearing("0"));
    await handle.reload(hearing("1").subscribe(News));
    system.broker.broadcast(News, { text: "first" });
    await turns();
    const reload = handle.reload(hearing("2").subscribe(News));
    await turns(0);
    system.broker.broadcast(News, { text: "meanwhile" });
    await reload;
    await turns();
    await handle.reload(hearing("3"));
    system.broker.broadcast(News, { text: "last" });
    await turns();
    expect(heard).toEqual(["1 first", "2 meanwhile"]);
  });

  test("turns away what is queued for a handler that there is none of any more, as a dead letter", async () => {
    const { system } = testSystem({ mailboxSize: 2 });
    const latch = new Latch();
    const old = counter("old").mutateOn(Gone, () => latch.wait());
    const handle = await system.start(old);
    void handle.send(Gone, {});
    await turns();
    const queued = [handle.send(Gone, {}), handle.send(Gone, {})];
    const waiting = handle.send(Gone, {});
    const asked = handle.ask(Add, { n: 1 });
    const reload = handle.reload(counter("new"));
    latch.open();
    await reload;
    expect(await Promise.all(queued)).toEqual([undefined, undefined]);
    expect((await failure(waiting)).code).toBe("UNHANDLED");
    expect(await asked).toEqual({ code: "new", total: 1 });
    expect(system.counters.deadLetters).toBe(3);
  });

  test("is one after the other", async () => {
    const { system } = testSystem();
    const handle = await system.start(counter("0"));
    await Promise.all([handle.reload(counter("1")), handle.reload(counter("2"))]);
    expect(handle.generation).toBe(3);
    expect(await handle.ask(Add, { n: 1 })).toEqual({ code: "2", total: 1 });
  });

  test("of an agent that has stopped fails with AGENT_STOPPED", async () => {
    const { system } = testSystem();
    const handle = await system.start(counter("old"));
    await handle.stop();
    expect((await failure(handle.reload(counter("new")))).code).toBe("AGENT_STOPPED");
  });

  test("gives way to a stop, which works off what is queued", async () => {
    const { system } = testSystem();
    const latch = new Latch();
    const old = counter("old").mutateOn(Gone, () => latch.wait());
    const handle = await system.start(old);
    void handle.send(Gone, {});
    await turns();
    const queued = handle.ask(Add, { n: 4 });
    const reload = handle.reload(counter("new"));
    await turns();
    const stop = handle.stop();
    latch.open();
    expect((await failure(reload)).code).toBe("AGENT_STOPPED");
    await stop;
    expect(await queued).toEqual({ code: "old", total: 4 });
  });
});

describe("when the new code does not start", () => {
  test("the old code comes back with the model that it had, and answers what was queued", async () => {
    const { system } = testSystem();
    const handle = await system.start(counter("old"));
    await handle.ask(Add, { n: 5 });
    const reload = handle.reload(broken());
    const meanwhile = handle.ask(Add, { n: 1 });
    const error = await failure(reload);
    expect({ code: error.code, message: error.message }).toEqual({
      code: "START_FAILED",
      message: "the agent counter did not start: no database",
    });
    expect(await meanwhile).toEqual({ code: "old", total: 6 });
    await handle.reload(counter("new"));
    expect(await handle.ask(Add, { n: 1 })).toEqual({ code: "new", total: 1 });
  });

  test("so it is when carryOver throws", async () => {
    const { system } = testSystem();
    const handle = await system.start(counter("old"));
    await handle.ask(Add, { n: 5 });
    const picky = counter("new").carryOver(() => {
      throw new TypeError("cannot read it");
    });
    expect((await failure(handle.reload(picky))).message).toContain("cannot read it");
    expect(await handle.ask(Add, { n: 1 })).toEqual({ code: "old", total: 6 });
  });

  test("and the old code does not come back either, the agent stops", async () => {
    const { system, lines } = testSystem();
    let starts = 0;
    const once = counter("old").beforeStart(() => {
      if ((starts += 1) > 1) throw new TypeError("the port is taken");
    });
    const handle = await system.start(once);
    expect((await failure(handle.reload(broken()))).message).toContain("no database");
    expect(handle.status).toBe("stopped");
    expect(lines.filter(({ level }) => level === "error").map(({ message }) => message)).toEqual(["agent did not restart"]);
  });
});

describe("supervised children", () => {
  const parent = (code: string, ...children: readonly string[]) =>
    children.reduce(
      (blueprint, name) =>
        blueprint.supervise(
          agent(name, () => ({ total: 0 }))
            .carryOver((old: { total: number }) => ({ total: old.total }))
            .mutateOn(Add, ({ model, message: { n } }) => ({ code, total: (model.total += n) })),
        ),
      agent("parent", () => ({})),
    );
  const named = (handle: AgentHandle, name: string) => handle.children.find((child) => child.handle.name === name)?.handle as AgentHandle<typeof Add>;
  const names = (handle: AgentHandle) => handle.children.map((child) => child.handle.name);

  test("are exchanged by name with their parent, in place; new ones start, others end", async () => {
    const { system } = testSystem();
    const handle = await system.start(parent("old", "a", "b"));
    const [a, b] = [named(handle, "a"), named(handle, "b")];
    await a.ask(Add, { n: 5 });
    await handle.reload(parent("new", "c", "a"));
    expect(names(handle)).toEqual(["c", "a"]);
    expect(await named(handle, "a").ask(Add, { n: 1 })).toEqual({ code: "new", total: 6 });
    expect(named(handle, "a").id).toBe(a.id);
    expect(b.status).toBe("stopped");
    expect(await named(handle, "c").ask(Add, { n: 1 })).toEqual({ code: "new", total: 1 });
  });

  test("come back with the old code and their models when one of the new does not start", async () => {
    const { system } = testSystem();
    const handle = await system.start(parent("old", "a", "b"));
    const [a, b] = [named(handle, "a"), named(handle, "b")];
    await a.ask(Add, { n: 5 });
    await b.ask(Add, { n: 7 });
    const reload = handle.reload(parent("new", "a").supervise(broken()));
    expect((await failure(reload)).message).toContain("no database");
    expect(names(handle)).toEqual(["a", "b"]);
    expect(await a.ask(Add, { n: 1 })).toEqual({ code: "old", total: 6 });
    expect(await b.ask(Add, { n: 1 })).toEqual({ code: "old", total: 8 });
  });

  const slowParent = (latches: readonly Latch[]) =>
    latches.reduce(
      (blueprint, latch, at) =>
        blueprint.supervise(
          agent("ab"[at] ?? "", () => ({ total: 0 })).mutateOn(Add, async ({ message: { n } }) => {
            await latch.wait();
            return { code: "old", total: n };
          }),
        ),
      agent("parent", () => ({})),
    );

  test("may finish too, the last started first: until then the others go on to take messages", async () => {
    const { system } = testSystem();
    const latches = [new Latch(), new Latch()];
    const handle = await system.start(slowParent(latches));
    const [a, b] = [named(handle, "a"), named(handle, "b")];
    const inB = b.ask(Add, { n: 1 });
    await turns();
    const reload = handle.reload(parent("new", "a", "b"));
    await turns();
    const inA = a.ask(Add, { n: 2 });
    const late = b.ask(Add, { n: 3 });
    await turns();
    expect(latches.map(({ waiting }) => waiting)).toEqual([1, 1]);
    latches[1]?.open();
    latches[0]?.open();
    await reload;
    expect(await Promise.all([inB, inA, late])).toEqual([
      { code: "old", total: 1 },
      { code: "old", total: 2 },
      { code: "new", total: 3 },
    ]);
  });

  test("work off what is queued when their parent is stopped meanwhile", async () => {
    const { system } = testSystem();
    const latches = [new Latch(), new Latch()];
    const handle = await system.start(slowParent(latches));
    const b = named(handle, "b");
    const asked = [b.ask(Add, { n: 1 }), b.ask(Add, { n: 2 })];
    await turns();
    const reload = handle.reload(parent("new", "a", "b"));
    await turns();
    const stop = handle.stop();
    latches[1]?.open();
    expect((await failure(reload)).code).toBe("AGENT_STOPPED");
    await stop;
    expect(await Promise.all(asked)).toEqual([
      { code: "old", total: 1 },
      { code: "old", total: 2 },
    ]);
  });

  test("can be reloaded alone; their supervisor goes on with the new code", async () => {
    const { system, clock } = testSystem();
    const handle = await system.start(parent("old", "a"));
    const a = named(handle, "a");
    const crashing = agent("a", () => ({})).mutateOn(Add, ({ message: { n } }) => {
      if (n === 0) throw new TypeError("crashed");
      return { code: "new", total: n };
    });
    await a.reload(crashing);
    await failure(a.ask(Add, { n: 0 }));
    await turns();
    clock.advance(1000);
    await turns();
    expect(await a.ask(Add, { n: 1 })).toEqual({ code: "new", total: 1 });
    expect(a.generation).toBe(3);
  });

  test("that wait for another try come up with the new code at once", async () => {
    const { system } = testSystem();
    const handle = await system.start(parent("old", "a").supervise(counter("old").mutateOn(Gone, () => Promise.reject(new TypeError("crashed")))));
    const child = named(handle, "counter");
    void child.send(Gone as never, {} as never);
    await turns();
    expect(child.status).toBe("restarting");
    await child.reload(counter("new"));
    expect(await child.ask(Add, { n: 1 })).toEqual({ code: "new", total: 1 });
  });
});
