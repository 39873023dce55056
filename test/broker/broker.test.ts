import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { agent } from "../../src/agent/blueprint.ts";
import type { Publication, Subscriber } from "../../src/broker/publication.ts";
import { message } from "../../src/message/message-type.ts";
import { Latch, testSystem, turns } from "../support/system.ts";

const Price = message("Price", { value: z.int() });
const Volume = message("Volume", { value: z.int() });
const Go = message("Go", { from: z.int() });

describe("a broadcast", () => {
  test("reaches every subscriber of its type and nobody else", async () => {
    const { system } = testSystem();
    const seen: string[] = [];
    system.broker.subscribe(Price, ({ value }) => seen.push(`one ${value}`));
    system.broker.subscribe(Price, ({ value }) => seen.push(`two ${value}`));
    system.broker.subscribe(Volume, ({ value }) => seen.push(`volume ${value}`));
    await system.start(
      agent("agent", () => ({}))
        .mutateOn(Price, ({ message }) => void seen.push(`agent ${message.value}`))
        .subscribe(Price),
    );
    await system.start(agent("deaf", () => ({})).mutateOn(Price, () => void seen.push("deaf")));
    system.broker.broadcast(Price, { value: 1 });
    await turns();
    expect(seen.toSorted()).toEqual(["agent 1", "one 1", "two 1"]);
  });

  test("without a subscriber is no dead letter", async () => {
    const { system } = testSystem();
    system.broker.broadcast(Price, { value: 1 });
    await system.broker.flush();
    expect(system.counters.deadLetters).toBe(0);
  });

  test("is passed by reference, with its time and, from an agent, its source", async () => {
    const { system, clock } = testSystem();
    const seen: [payload: object, source: string | undefined, at: number][] = [];
    system.broker.subscribe(Price, (payload, { source, timestamp }) => seen.push([payload, source, timestamp]));
    const payload = { value: 1 };
    system.broker.broadcast(Price, payload);
    const publisher = await system.start(agent("feed", () => ({})).mutateOn(Go, ({ broker }) => broker.broadcast(Price, payload)));
    clock.advance(5);
    await publisher.send(Go, { from: 0 });
    await turns();
    expect(seen).toEqual([
      [payload, undefined, clock.now() - 5],
      [payload, "feed", clock.now()],
    ]);
    expect(seen[0]?.[0]).toBe(payload);
  });

  test("never calls a function within the call of broadcast", async () => {
    const { system } = testSystem();
    let called = false;
    system.broker.subscribe(Price, () => (called = true));
    system.broker.broadcast(Price, { value: 1 });
    expect(called).toBe(false);
    await turns(1);
    expect(called).toBe(true);
  });

  test("arrives first in, first out for each publisher and subscriber", async () => {
    const { system } = testSystem();
    const order: number[] = [];
    system.broker.subscribe(Price, async ({ value }) => {
      if (value % 7 === 0) await turns(1);
      order.push(value);
    });
    for (let value = 0; value < 300; value++) system.broker.broadcast(Price, { value });
    await turns(100);
    expect(order).toEqual(Array.from({ length: 300 }, (_, i) => i));
  });

  test("arrives first in, first out at an agent across its types, a full mailbox included", async () => {
    const { system } = testSystem({ mailboxSize: 1 });
    const latch = new Latch();
    const order: string[] = [];
    const handle = await system.start(
      agent("slow", () => ({}))
        .mutateOn(Go, () => latch.wait())
        .mutateOn(Price, ({ message }) => void order.push(`price ${message.value}`))
        .mutateOn(Volume, ({ message }) => void order.push(`volume ${message.value}`))
        .subscribe(Price)
        .subscribe(Volume),
    );
    await handle.send(Go, { from: 0 });
    await turns();
    const expected: string[] = [];
    for (let value = 0; value < 5; value++) {
      system.broker.broadcast(Price, { value });
      system.broker.broadcast(Volume, { value });
      expected.push(`price ${value}`, `volume ${value}`);
    }
    latch.open();
    await turns();
    expect(order).toEqual(expected);
  });
});

describe("a subscriber function", () => {
  test("gets one publication at a time: a promise holds back its next one, and delays nobody else", async () => {
    const { system } = testSystem();
    const latch = new Latch();
    const slow: number[] = [];
    const fast: number[] = [];
    system.broker.subscribe(Price, ({ value }) => {
      slow.push(value);
      return latch.wait();
    });
    system.broker.subscribe(Price, ({ value }) => fast.push(value));
    for (const value of [1, 2, 3]) system.broker.broadcast(Price, { value });
    await turns();
    expect([slow, fast]).toEqual([[1], [1, 2, 3]]);
    latch.open();
    await turns();
    expect(slow).toEqual([1, 2, 3]);
  });

  test("that throws or rejects is logged with its type, and gets the next one", async () => {
    const { system, lines } = testSystem();
    const seen: number[] = [];
    system.broker.subscribe(Price, ({ value }): unknown => {
      seen.push(value);
      const error = new Error(`no ${value}`);
      if (value === 1) throw error;
      return value === 2 ? Promise.reject(error) : undefined;
    });
    for (const value of [1, 2, 3]) system.broker.broadcast(Price, { value });
    await turns();
    expect(seen).toEqual([1, 2, 3]);
    expect(lines.map(({ level, fields }) => [level, fields["type"], fields["error"]])).toEqual([
      ["error", "Price", "no 1"],
      ["error", "Price", "no 2"],
    ]);
  });

  test("that falls behind loses what its queue of 1,024 cannot hold, and the count says how much", async () => {
    const { system } = testSystem();
    const latch = new Latch();
    const seen: number[] = [];
    const subscription = system.broker.subscribe(Price, ({ value }) => {
      seen.push(value);
      if (value === -1) return latch.wait();
    });
    const quick = system.broker.subscribe(Volume, () => {});
    system.broker.broadcast(Price, { value: -1 });
    await turns();
    for (let value = 0; value < 1100; value++) system.broker.broadcast(Price, { value });
    expect(subscription.lost).toBeGreaterThanOrEqual(1100 - 1024);
    expect(subscription.lost).toBeLessThanOrEqual(1100 - 1023);
    expect(quick.lost).toBe(0);
    latch.open();
    await turns(60);
    expect(seen).toEqual([-1, ...Array.from({ length: 1100 - subscription.lost }, (_, i) => i)]);
  });

  test("that has cancelled hears nothing more, not even what waited for it", async () => {
    const { system } = testSystem();
    const latch = new Latch();
    const seen: number[] = [];
    const subscription = system.broker.subscribe(Price, ({ value }) => {
      seen.push(value);
      return latch.wait();
    });
    system.broker.broadcast(Price, { value: 1 });
    system.broker.broadcast(Price, { value: 2 });
    await turns();
    subscription.cancel();
    subscription.cancel();
    system.broker.broadcast(Price, { value: 3 });
    latch.open();
    await turns();
    expect(seen).toEqual([1]);
  });

  test("may cancel itself, and publish again, from within", async () => {
    const { system } = testSystem();
    const seen: number[] = [];
    const subscription = system.broker.subscribe(Price, ({ value }) => {
      seen.push(value);
      if (value === 3) subscription.cancel();
      system.broker.broadcast(Price, { value: value + 1 });
    });
    system.broker.broadcast(Price, { value: 1 });
    await turns();
    expect(seen).toEqual([1, 2, 3]);
  });

  test("does not keep the event loop from its turn, however much it publishes to itself", async () => {
    const { system } = testSystem();
    let calls = 0;
    let servedAt = Infinity;
    setImmediate(() => (servedAt = calls));
    system.broker.subscribe(Price, ({ value }) => {
      calls += 1;
      if (value > 0) system.broker.broadcast(Price, { value: value - 1 });
    });
    system.broker.broadcast(Price, { value: 5_000 });
    await turns(200);
    expect(calls).toBe(5_001);
    expect(servedAt).toBeLessThanOrEqual(300);
  });
});

describe("a slow agent", () => {
  test("gets what its own queue holds once it has room, in order, and what is beyond it is lost", async () => {
    const { system } = testSystem({ mailboxSize: 2, subscriberQueueSize: 3 });
    const latch = new Latch();
    const slow: number[] = [];
    const fast: number[] = [];
    const handle = await system.start(
      agent("slow", () => ({}))
        .mutateOn(Go, () => latch.wait())
        .mutateOn(Price, ({ message }) => void slow.push(message.value))
        .subscribe(Price),
    );
    system.broker.subscribe(Price, ({ value }) => fast.push(value));
    await handle.send(Go, { from: 0 });
    await turns();
    for (let value = 0; value < 8; value++) {
      system.broker.broadcast(Price, { value });
      await turns(1);
    }
    expect(fast).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    latch.open();
    await turns();
    expect(slow).toEqual([0, 1, 2, 3, 4]);
  });
});

describe("Broker.join", () => {
  function recorder() {
    const seen: string[] = [];
    const subscriber: Subscriber = {
      publish: (publication: Publication) => void seen.push(publication.type.name),
      flushed: () => undefined,
    };
    return { seen, subscriber };
  }

  test("takes a name or a prefix pattern, and delivers each publication once", () => {
    const { system } = testSystem();
    const { seen, subscriber } = recorder();
    const leave = [system.broker.join("Price", subscriber), system.broker.join("P*", subscriber), system.broker.join("*", subscriber)];
    system.broker.broadcast(Price, { value: 1 });
    system.broker.broadcast(Volume, { value: 1 });
    expect(seen).toEqual(["Price", "Volume"]);
    leave[2]?.();
    system.broker.broadcast(Volume, { value: 1 });
    leave[0]?.();
    system.broker.broadcast(Price, { value: 1 });
    leave[1]?.();
    system.broker.broadcast(Price, { value: 1 });
    expect(seen).toEqual(["Price", "Volume", "Price"]);
  });

  test("refuses a malformed pattern", () => {
    const { system } = testSystem();
    const { subscriber } = recorder();
    for (const pattern of ["P**", "*P*", `${"x".repeat(256)}*`]) expect(() => system.broker.join(pattern, subscriber)).toThrow(TypeError);
  });
});
