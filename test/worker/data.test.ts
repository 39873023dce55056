// What crosses from thread to thread: copies, moved bytes, and a clear word about what can do neither.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { agent, type AgentHandle } from "acton";
import { Any, actor, Beside, BesideFlow, Do, Order, other, Told } from "./scene.ts";
import { heard, outcomeOf, read, type Stage, stage, until } from "./stage.ts";

// A thread takes its time on a machine that is busy.
setDefaultTimeout(30_000);

const movedMin = 256 * 1024;
type Actor = AgentHandle<typeof Do | typeof Beside | typeof Order | typeof BesideFlow>;

let scene: Stage;
let handle: Actor;
beforeAll(async () => {
  scene = stage("scene.ts");
  handle = await scene.runtime.start(actor.runOn("worker"));
});
afterAll(() => scene[Symbol.asyncDispose]());

const echo = (value: unknown): Promise<unknown> => handle.ask(Do, { deed: "echo", with: value });

class Kind {
  readonly inner = 1;
}

describe("a value", () => {
  test.each<[string, unknown]>([
    ["Map", new Map([["a", { b: new Set([1]) }]])],
    ["Date", new Date(1_700_000_000_000)],
    ["BigInt", 2n ** 80n],
    ["undefined inside", { a: undefined, b: [undefined] }],
    ["NaN and infinities", [NaN, Infinity, -0]],
    ["RegExp", /a+/gi],
    ["typed arrays", [new Float64Array([1.5]), new Uint8Array([1, 2])]],
    ["ArrayBuffer", new Uint8Array([1, 2]).buffer],
  ])("of the kind %s comes back as it was", async (_kind, value) => expect(await echo(value)).toEqual(value));

  test("that refers to itself does too", async () => {
    const cyclic: { self?: unknown } = {};
    cyclic.self = cyclic;
    const back = (await echo(cyclic)) as typeof cyclic;
    expect(back.self).toBe(back);
  });

  test("of a class arrives as a plain object", async () => {
    expect(await handle.ask(Do, { deed: "typeOf", with: new Kind() })).toBe("Object inner");
    expect(await handle.ask(Do, { deed: "instance" })).toEqual({ x: 1 });
  });
});

describe("what cannot be copied", () => {
  test.each<[string, unknown]>([
    ["a function", () => 1],
    ["a function inside", { deep: [{ er: () => 1 }] }],
    ["a symbol", Symbol("s")],
    ["a promise", { promise: Promise.resolve(1) }],
    [
      "a getter that throws",
      {
        get bad(): never {
          throw new Error("a getter");
        },
      },
    ],
  ])("refuses its request, and no other: %s", async (_kind, value) => {
    const [before, bad, after] = await Promise.all([echo(1), outcomeOf(echo(value)), echo(2)]);
    expect([before, after]).toEqual([1, 2]);
    expect(bad).toMatchObject({ code: "SERIALIZATION_ERROR", ran: "no" });
  });

  test.each(["function", "functionInside", "symbol", "promiseInside", "getterThrows"])(
    "as an answer fails its request, and no other: %s",
    async (deed) => {
      const [before, bad, after] = await Promise.all([echo(1), outcomeOf(handle.ask(Do, { deed })), echo(2)]);
      expect([before, after]).toEqual([1, 2]);
      expect(bad).toMatchObject({ code: "HANDLER_FAILED", ran: "yes" });
      expect(handle.generation).toBe(1);
    },
  );

  test("as an item ends its stream", async () => {
    for (const deed of ["function", "syncFunction"])
      expect(await read(handle.stream(BesideFlow, { deed }))).toMatchObject({ items: [1], code: "HANDLER_FAILED", ran: "yes" });
  });

  test("as a request to a stream refuses that", async () => {
    expect(await read(handle.stream(BesideFlow, { deed: "count", with: () => 1 }))).toMatchObject({
      items: [],
      code: "SERIALIZATION_ERROR",
      ran: "no",
    });
  });

  test("and that nobody waits for is logged, with the agent and the type", async () => {
    const logged = scene.lines.length;
    await handle.send(Order, { deed: "note", with: () => 1 });
    await until(() => scene.lines.length > logged, "a line");
    expect(scene.lines[logged]).toMatchObject({ level: "warn", fields: { agent: "actor", type: "Order" } });
    expect(await echo(1)).toBe(1);
  });

  test("does not keep its agent from stopping", async () => {
    await using scene = stage("scene.ts");
    const handle: Actor = await scene.runtime.start(actor.runOn("worker"));
    const asked = [outcomeOf(handle.ask(Do, { deed: "echo", with: () => 1 })), outcomeOf(handle.send(Order, { deed: "note", with: () => 1 }))];
    await Promise.all([...asked, handle.stop()]);
    expect(scene.lines.filter(({ message }) => message === "agent stopped by force")).toEqual([]);
  });

  test("from a thread refuses each ask, however many, and no other", async () => {
    const asker = agent("asker", () => ({})).actOn(Beside, async ({ message: { with: count } }) =>
      handle.ask(Beside, { deed: "askSenderBadly", with: count }),
    );
    const answering = asker.actOn(Do, ({ message }) => message.with);
    const main = await scene.runtime.start(answering);
    expect(await main.ask(Beside, { deed: "", with: 200 })).toEqual(["SERIALIZATION_ERROR", "fine"]);
  });

  test("as a broadcast is lost, and logged", async () => {
    const logged = scene.lines.length;
    await handle.ask(Do, { deed: "broadcastFunction" });
    await until(() => scene.lines.length > logged, "a line");
    expect(scene.lines[logged]).toMatchObject({ level: "warn", fields: { type: Any.name } });
    const told = heard(scene, Told);
    await handle.ask(Do, { deed: "broadcast", with: ["after it"] });
    await until(() => told.length === 1);
  });
});

describe("bytes", () => {
  test("of a large request move: they are gone here", async () => {
    const bytes = new Uint8Array(movedMin).fill(7);
    expect(await handle.ask(Do, { deed: "length", with: bytes })).toBe(movedMin);
    expect(bytes.byteLength).toBe(0);
  });

  test("of memory that cannot move are copied", async () => {
    const { buffer } = new WebAssembly.Memory({ initial: movedMin / 65_536 });
    expect(await handle.ask(Do, { deed: "length", with: new Uint8Array(buffer) })).toBe(movedMin);
    expect(buffer.byteLength).toBe(movedMin);
  });

  test("of a large answer move: they are gone there", async () => {
    const bytes = (await handle.ask(Do, { deed: "keptBytes", with: movedMin })) as Uint8Array;
    expect([bytes.length, bytes[0], bytes.at(-1)]).toEqual([movedMin, 1, 1]);
    expect(((await handle.ask(Do, { deed: "keptLengths" })) as number[]).at(-1)).toBe(0);
  });

  test("of which there are few are copied", async () => {
    const bytes = new Uint8Array(1000).fill(7);
    expect(await echo(bytes)).toEqual(new Uint8Array(1000).fill(7));
    expect(bytes.length).toBe(1000);
    await handle.ask(Do, { deed: "keptBytes", with: 1000 });
    expect(((await handle.ask(Do, { deed: "keptLengths" })) as number[]).at(-1)).toBe(1000);
  });

  test("that are a part of a buffer are copied, and the rest stays", async () => {
    const whole = new Uint8Array(2 * movedMin).fill(7);
    expect(await handle.ask(Do, { deed: "length", with: whole.subarray(0, movedMin) })).toBe(movedMin);
    expect(whole.length).toBe(2 * movedMin);
    const view = (await handle.ask(Do, { deed: "keptView", with: 2 * movedMin })) as Uint8Array;
    expect(view.length).toBe(2 * movedMin - 1);
    expect(((await handle.ask(Do, { deed: "keptLengths" })) as number[]).at(-1)).toBe(2 * movedMin);
  });

  test("that are sent or broadcast are copied: others may have them", async () => {
    const bytes = new Uint8Array(movedMin).fill(7);
    await handle.send(Order, { deed: "note", with: bytes });
    scene.runtime.broker().broadcast(Any, bytes);
    await echo(1);
    expect(bytes.length).toBe(movedMin);
  });

  test("in one request with what cannot be copied stay here", async () => {
    const bytes = new Uint8Array(movedMin).fill(7);
    expect(await outcomeOf(echo([bytes, () => 1]))).toMatchObject({ code: "SERIALIZATION_ERROR" });
    expect(bytes.length).toBe(movedMin);
  });

  test("of one request move, whatever else the turn has to send", async () => {
    const bytes = new Uint8Array(movedMin).fill(7);
    const [length, bad] = await Promise.all([handle.ask(Do, { deed: "length", with: bytes }), outcomeOf(echo(() => 1))]);
    expect([length, bytes.length, (bad as { code: string }).code]).toEqual([movedMin, 0, "SERIALIZATION_ERROR"]);
  });
});

describe("bounds", () => {
  test("hold for what waits here, whatever the thread has been given", async () => {
    const limits = { mailboxSize: 4, waitingSendersMax: 2, sendTimeoutMs: 300 };
    await using scene = stage("scene.ts", { limits });
    const handle: Actor = await scene.runtime.start(other.runOn("worker"));
    const hung = outcomeOf(handle.ask(Do, { deed: "untilAborted" }, { timeoutMs: 500 }));
    await until(async () => (await outcomeOf(handle.ask(Beside, { deed: "notes" }, { timeoutMs: 10 }))) !== undefined);
    let taken = 0;
    while (handle.trySend(Order, { deed: "note", with: taken })) taken += 1;
    expect(taken).toBeLessThan(100);
    const sends = await Promise.all(Array.from({ length: 4 }, () => outcomeOf(handle.send(Order, { deed: "note", with: "late" }))));
    expect(sends).toMatchObject(Array.from({ length: 4 }, () => ({ code: "TARGET_BUSY", ran: "no" })));
    await hung;
    // What was taken is worked on, all of it and in order.
    await until(async () => ((await handle.ask(Beside, { deed: "notes" })) as unknown[]).length >= taken + 2);
    const notes = (await handle.ask(Beside, { deed: "notes" })) as unknown[];
    expect(notes.filter((note) => typeof note === "number")).toEqual(Array.from({ length: taken }, (_, i) => i));
  });

  test("hold for a stream: its producer does not run far ahead of the reader", async () => {
    await using scene = stage("scene.ts");
    const handle: Actor = await scene.runtime.start(other.runOn("worker"));
    const stream = handle.stream(BesideFlow, { deed: "count", with: 1000 });
    await stream.next();
    let ahead = 0;
    for (let still = 0; still < 5; still++) {
      const notes = (await handle.ask(Beside, { deed: "notes" })) as unknown[];
      if (notes.length > ahead) still = 0;
      ahead = notes.length;
    }
    expect(ahead).toBeLessThanOrEqual(40);
    await stream.return(undefined);
    await until(async () => ((await handle.ask(Beside, { deed: "notes" })) as unknown[]).at(-1) === "left");
  });
});
