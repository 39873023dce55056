// What a stream holds of its agent while it waits for its reader: nothing in actOn, everything, for a second, in mutateOn.

import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { agent } from "../../src/agent/blueprint.ts";
import { message } from "../../src/message/message-type.ts";
import { failure, Latch, outcome, testSystem, turns } from "../support/system.ts";

const Item = message("Item", z.int());
const Watch = message("Watch", { items: z.int() }).streams(Item);
const Set = message("Set", { to: z.int() }).replies(Item);
const Get = message("Get", {}).replies(Item);

function watcher() {
  return agent("watched", () => ({ value: 0 }))
    .mutateOn(Set, ({ model, message }) => (model.value = message.to))
    .actOn(Get, ({ model }) => model.value)
    .actOn(Watch, async function* ({ model, message }) {
      for (let i = 0; i < message.items; i++) yield model.value;
    });
}

describe("an actOn stream that waits for its reader", () => {
  test("lets a mutateOn run, and then sees the changed model", async () => {
    const { system } = testSystem();
    const handle = await system.start(watcher());
    const stream = handle.stream(Watch, { items: 100 });
    expect(await stream.next()).toEqual({ done: false, value: 0 });
    await turns();
    expect(await outcome(handle.ask(Set, { to: 7 }))).toEqual({ value: 7 });
    const rest: number[] = [];
    for await (const item of stream) rest.push(item);
    expect(rest.length).toBe(99);
    expect(rest.at(-1)).toBe(7);
  });

  test("does the same with reply.send, when it is awaited", async () => {
    const { system } = testSystem();
    const handle = await system.start(
      agent("watched", () => ({ value: 0 }))
        .mutateOn(Set, ({ model, message }) => (model.value = message.to))
        .actOn(Watch, async ({ model, message, reply }) => {
          for (let i = 0; i < message.items; i++) await reply.send(model.value);
        }),
    );
    const stream = handle.stream(Watch, { items: 100 });
    await turns();
    expect(await outcome(handle.ask(Set, { to: 7 }))).toEqual({ value: 7 });
    let last = 0;
    for await (const item of stream) last = item;
    expect(last).toBe(7);
  });

  test("goes on only when the mutateOn that runs meanwhile has settled", async () => {
    const { system } = testSystem();
    const latch = new Latch();
    const handle = await system.start(
      agent("watched", () => ({ value: 0 }))
        .mutateOn(Set, async ({ model, message }) => {
          model.value = -1;
          await latch.wait();
          return (model.value = message.to);
        })
        .actOn(Watch, async function* ({ model, message }) {
          for (let i = 0; i < message.items; i++) yield model.value;
        }),
    );
    const stream = handle.stream(Watch, { items: 200 });
    await turns();
    const set = handle.ask(Set, { to: 7 });
    await turns();
    const items: number[] = [];
    const reading = (async () => {
      for await (const item of stream) items.push(item);
    })();
    await turns(40);
    expect(items.length).toBeLessThanOrEqual(17);
    latch.open();
    await reading;
    expect(await set).toBe(7);
    expect(items.length).toBe(200);
    expect(items).not.toContain(-1);
  });

  test("is not among the 100: two hundred suspended streams leave room for readers", async () => {
    const { system } = testSystem();
    const handle = await system.start(watcher());
    const streams = Array.from({ length: 200 }, () => handle.stream(Watch, { items: 100 }));
    await turns(20);
    expect(await outcome(handle.ask(Get, {}))).toEqual({ value: 0 });
    expect(await outcome(handle.ask(Set, { to: 3 }))).toEqual({ value: 3 });
    for (const stream of streams) {
      let read = 0;
      for await (const item of stream) read += item >= 0 ? 1 : 0;
      expect(read).toBe(100);
    }
    expect(await outcome(handle.ask(Set, { to: 4 }))).toEqual({ value: 4 });
  });

  test("leaves the count of readers right, whether it ends, is left or fails while suspended", async () => {
    const { system } = testSystem({ readersMax: 2 });
    const latch = new Latch<number>();
    const Wait = message("Wait", {}).replies(Item);
    const handle = await system.start(watcher().actOn(Wait, () => latch.wait()));
    for (let round = 0; round < 10; round++) {
      const left = handle.stream(Watch, { items: 100 });
      const read = handle.stream(Watch, { items: 20 });
      await left.next();
      await turns();
      await left.return(undefined);
      for await (const item of read) expect(item).toBe(round);
      expect(await outcome(handle.ask(Set, { to: round + 1 }))).toEqual({ value: round + 1 });
    }
    const waits = [handle.ask(Wait, {}), handle.ask(Wait, {}), handle.ask(Wait, {})];
    await turns();
    expect(latch.waiting).toBe(2);
    latch.open(1);
    await Promise.all(waits);
  });

  test("is a reader all the same while it works on after a send that it does not await", async () => {
    const { system } = testSystem();
    const latch = new Latch();
    let before: number | undefined;
    let after: number | undefined;
    const handle = await system.start(
      agent("watched", () => ({ value: 0 }))
        .mutateOn(Set, ({ model, message }) => (model.value = message.to))
        .actOn(Watch, async ({ model, message, reply }) => {
          for (let i = 0; i < message.items; i++) void reply.send(i);
          before = model.value;
          await latch.wait();
          after = model.value;
        }),
    );
    const stream = handle.stream(Watch, { items: 20 });
    await turns();
    const set = handle.ask(Set, { to: 7 });
    await turns();
    latch.open();
    await turns();
    expect([before, after]).toEqual([0, 0]);
    await stream.return(undefined);
    expect(await set).toBe(7);
  });

  test("does not keep a mutateOn waiting for ever, however fast its reader is", async () => {
    const { system } = testSystem();
    const handle = await system.start(watcher());
    let set: unknown = "pending";
    let read = 0;
    for await (const item of handle.stream(Watch, { items: 20_000 })) {
      read += item >= 0 ? 1 : 0;
      if (read === 100) void handle.ask(Set, { to: 7 }).then((value) => (set = value));
      if (set !== "pending") break;
    }
    expect(set).toBe(7);
    expect(read).toBeLessThan(10_000);
  });
});

describe("a mutateOn stream", () => {
  test("that its reader keeps waiting for 1 s ends with TIMEOUT, and the agent goes on", async () => {
    const { system, clock } = testSystem();
    let finished = 0;
    const handle = await system.start(
      agent("exclusive", () => ({ value: 0 }))
        .mutateOn(Watch, async function* ({ message }) {
          try {
            for (let i = 0; i < message.items; i++) yield i;
          } finally {
            finished += 1;
          }
        })
        .actOn(Get, ({ model }) => model.value),
    );
    const stream = handle.stream(Watch, { items: 100 });
    const got = handle.ask(Get, {});
    await turns();
    clock.advance(999);
    expect(await outcome(got)).toBe("pending");
    clock.advance(1);
    expect(await outcome(got)).toEqual({ value: 0 });
    expect(finished).toBe(1);
    let read = 0;
    const reading = (async () => {
      for await (const item of stream) read = item;
    })();
    expect((await failure(reading)).code).toBe("TIMEOUT");
    expect(read).toBeLessThanOrEqual(17);
  });

  test("may take as long as it likes with a reader that keeps reading", async () => {
    const { system, clock } = testSystem();
    const handle = await system.start(
      agent("exclusive", () => ({})).mutateOn(Watch, async function* ({ message }) {
        for (let i = 0; i < message.items; i++) yield i;
      }),
    );
    let read = 0;
    for await (const item of handle.stream(Watch, { items: 60 })) {
      expect(item).toBe(read);
      read += 1;
      await turns(1);
      clock.advance(900);
    }
    expect(read).toBe(60);
  });

  test("aborts its handler's signal when the reader's time is over", async () => {
    const { system, clock } = testSystem();
    let sends = 0;
    let aborted = false;
    const handle = await system.start(
      agent("exclusive", () => ({ value: 0 }))
        .mutateOn(Watch, async ({ signal, reply }) => {
          while (!signal.aborted && sends < 5_000) {
            sends += 1;
            await reply.send(sends);
          }
          aborted = signal.aborted;
        })
        .actOn(Get, ({ model }) => model.value),
    );
    const stream = handle.stream(Watch, { items: 0 });
    await turns();
    clock.advance(1_000);
    expect(await outcome(handle.ask(Get, {}))).toEqual({ value: 0 });
    expect(aborted).toBe(true);
    expect(sends).toBeLessThanOrEqual(17);
    await stream.return(undefined);
  });
});
