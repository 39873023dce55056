import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { agent } from "../../src/agent/blueprint.ts";
import { ActonError } from "../../src/errors.ts";
import { message } from "../../src/message/message-type.ts";
import { failure, Latch, outcome, testSystem, turns } from "../support/system.ts";

const Item = message("Item", z.int());
const Count = message("Count", { to: z.int() }).streams(Item);
const Bump = message("Bump", { by: z.int() }).replies(Item);

async function collect(stream: AsyncIterable<number>): Promise<number[]> {
  const items: number[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

function* upTo(to: number): Generator<number, void, void> {
  for (let i = 1; i <= to; i++) yield i;
}

describe("a stream", () => {
  test("carries what an async generator yields, in order, and then ends", async () => {
    const { system } = testSystem();
    const handle = await system.start(
      agent("counter", () => ({})).actOn(Count, async function* ({ message }) {
        for (let i = 1; i <= message.to; i++) {
          if (i % 3 === 0) await turns(1);
          yield i;
        }
      }),
    );
    expect(await collect(handle.stream(Count, { to: 100 }))).toEqual([...upTo(100)]);
    expect(await collect(handle.stream(Count, { to: 0 }))).toEqual([]);
  });

  test("carries what a sync generator yields, or reply.send, or an async iterable", async () => {
    const { system } = testSystem();
    const bySync = await system.start(agent("sync", () => ({})).actOn(Count, ({ message }) => upTo(message.to)));
    expect(await collect(bySync.stream(Count, { to: 50 }))).toEqual([...upTo(50)]);
    const byReply = await system.start(
      agent("reply", () => ({})).actOn(Count, async ({ message, reply }) => {
        for (const i of upTo(message.to)) await reply.send(i);
      }),
    );
    expect(await collect(byReply.stream(Count, { to: 50 }))).toEqual([...upTo(50)]);
    const byIterable = await system.start(
      agent("iterable", () => ({})).actOn(Count, () => ({
        async *[Symbol.asyncIterator]() {
          yield* [1, 2];
        },
      })),
    );
    expect(await collect(byIterable.stream(Count, { to: 2 }))).toEqual([1, 2]);
  });

  test("gives the generator's return value when it ends, and nothing after it", async () => {
    const { system } = testSystem();
    const handle = await system.start(
      agent("counter", () => ({})).actOn(Count, async function* () {
        yield 1;
        return 2;
      }),
    );
    const stream = handle.stream(Count, { to: 1 });
    expect(await stream.next()).toEqual({ done: false, value: 1 });
    expect(await stream.next()).toEqual({ done: true, value: 2 });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  test("ends when its handler returns nothing, unless it deferred", async () => {
    const { system } = testSystem();
    const handle = await system.start(
      agent("counter", () => ({})).actOn(Count, ({ message, reply }) => {
        if (message.to === 0) return;
        reply.defer();
        queueMicrotask(() => reply.end(message.to));
      }),
    );
    expect(await handle.stream(Count, { to: 0 }).next()).toEqual({ done: true, value: undefined });
    expect(await handle.stream(Count, { to: 9 }).next()).toEqual({ done: true, value: 9 });
  });

  test("fails after its items when the generator throws, and the next stream works", async () => {
    const { system } = testSystem();
    let fails = true;
    const handle = await system.start(
      agent("counter", () => ({})).actOn(Count, async function* () {
        yield 1;
        if (fails) throw new Error("torn");
      }),
    );
    const stream = handle.stream(Count, { to: 1 });
    expect(await stream.next()).toEqual({ done: false, value: 1 });
    expect(await failure(stream.next())).toMatchObject({ code: "HANDLER_FAILED", message: "torn" });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    fails = false;
    expect(await collect(handle.stream(Count, { to: 1 }))).toEqual([1]);
  });

  test("fails with the code that reply.fail names", async () => {
    const { system } = testSystem();
    const handle = await system.start(
      agent("counter", () => ({})).actOn(Count, async ({ reply }) => {
        await reply.send(1);
        reply.fail(new ActonError("ACCESS_DENIED", "no more"));
      }),
    );
    const stream = handle.stream(Count, { to: 1 });
    await stream.next();
    expect((await failure(stream.next())).code).toBe("ACCESS_DENIED");
    expect(system.counters.crashed).toBe(0);
  });
});

describe("the reader of a stream sets its pace", () => {
  test("the generator is at most 16 items ahead of it", async () => {
    const { system } = testSystem();
    let made = 0;
    const handle = await system.start(
      agent("counter", () => ({})).actOn(Count, async function* () {
        for (;;) yield (made += 1);
      }),
    );
    const stream = handle.stream(Count, { to: 0 });
    await turns();
    expect(made).toBeGreaterThan(0);
    expect(made).toBeLessThanOrEqual(17);
    for (let read = 1; read <= 40; read++) {
      expect(await stream.next()).toEqual({ done: false, value: read });
      await turns(2);
      expect(made - read).toBeLessThanOrEqual(17);
    }
    await stream.return(undefined);
  });

  test("items that are sent without awaiting arrive all and in order, and every send settles", async () => {
    const { system } = testSystem();
    let settled = false;
    const handle = await system.start(
      agent("counter", () => ({})).actOn(Count, async ({ message, reply }) => {
        await Promise.all([...upTo(message.to)].map((i) => reply.send(i)));
        settled = true;
      }),
    );
    const items: number[] = [];
    const reading = (async () => {
      for await (const item of handle.stream(Count, { to: 40 })) items.push(item);
    })();
    await turns(60);
    expect(items).toEqual([...upTo(40)]);
    expect(settled).toBe(true);
    expect(await outcome(reading)).toEqual({ value: undefined });
  });

  test("leaving the loop aborts the signal and runs the generator's finally", async () => {
    const { system, clock } = testSystem();
    const seen: string[] = [];
    const handle = await system.start(
      agent("counter", () => ({})).actOn(Count, async function* ({ signal }) {
        signal.addEventListener("abort", () => seen.push("abort"));
        try {
          for (let i = 1; ; i++) yield i;
        } finally {
          seen.push("finally");
        }
      }),
    );
    for await (const item of handle.stream(Count, { to: 0 })) if (item === 3) break;
    await turns();
    expect(seen).toEqual(["abort", "finally"]);
    expect(clock.armed).toBe(0);
  });

  test("a generator that waits for something else learns from the signal that its reader left", async () => {
    const { system } = testSystem();
    let ended = false;
    const handle = await system.start(
      agent("counter", () => ({})).actOn(Count, async function* ({ signal }) {
        yield 1;
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        ended = true;
      }),
    );
    const stream = handle.stream(Count, { to: 0 });
    await stream.next();
    await stream.return(undefined);
    await turns();
    expect(ended).toBe(true);
  });

  test("a finally that throws when the reader leaves harms nobody", async () => {
    const { system } = testSystem();
    const handle = await system.start(
      agent("counter", () => ({})).mutateOn(Count, async function* ({ message }) {
        try {
          for (;;) yield message.to;
        } finally {
          // oxlint-disable-next-line no-unsafe-finally -- that is what this test is about
          throw new Error("in finally");
        }
      }),
    );
    for await (const item of handle.stream(Count, { to: 1 })) if (item > 0) break;
    const next = handle.stream(Count, { to: 2 });
    expect(await next.next()).toEqual({ done: false, value: 2 });
    await next.return(undefined);
  });

  test("its own time and signal end it with TIMEOUT and CANCELLED, after what had arrived", async () => {
    const { system, clock } = testSystem();
    const handle = await system.start(
      agent("counter", () => ({})).actOn(Count, async function* ({ signal }) {
        yield 1;
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      }),
    );
    const timed = handle.stream(Count, { to: 0 }, { timeoutMs: 50 });
    const abort = new AbortController();
    const aborted = handle.stream(Count, { to: 0 }, { signal: abort.signal });
    await turns();
    clock.advance(50);
    abort.abort();
    for (const [stream, code] of [
      [timed, "TIMEOUT"],
      [aborted, "CANCELLED"],
    ] as const) {
      expect(await stream.next()).toEqual({ done: false, value: 1 });
      expect((await failure(stream.next())).code).toBe(code);
    }
  });

  test("an agent that does not handle the type, or has stopped, fails the first read", async () => {
    const { system } = testSystem();
    const handle = await system.start(agent("other", () => ({})).actOn(Bump, () => 1));
    const stream = handle.stream.bind(handle) as unknown as (type: typeof Count, payload: { to: number }) => AsyncGenerator<number>;
    expect((await failure(stream(Count, { to: 1 }).next())).code).toBe("UNHANDLED");
    await handle.stop();
    expect((await failure(stream(Count, { to: 1 }).next())).code).toBe("AGENT_STOPPED");
  });
});

test("the event loop runs while a generator that never awaits feeds a reader that never waits", async () => {
  const { system } = testSystem();
  const handle = await system.start(agent("counter", () => ({})).actOn(Count, ({ message }) => upTo(message.to)));
  let read = 0;
  let readWhenServed = Infinity;
  setImmediate(() => (readWhenServed = read));
  for await (const item of handle.stream(Count, { to: 20_000 })) read = item;
  expect(read).toBe(20_000);
  expect(readWhenServed).toBeLessThan(1_000);
});

test("a latch of a stream is not needed once the agent has stopped by force: the reader hears AGENT_STOPPED", async () => {
  const { system, clock } = testSystem();
  const latch = new Latch();
  const handle = await system.start(
    agent("counter", () => ({})).actOn(Count, async function* () {
      yield 1;
      await latch.wait();
    }),
  );
  const stream = handle.stream(Count, { to: 0 });
  await stream.next();
  const next = stream.next();
  const stopped = handle.stop();
  await turns();
  clock.advance(10_000);
  expect(await outcome(next)).toBe("AGENT_STOPPED");
  await stopped;
});
