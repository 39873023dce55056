import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { agent } from "../../src/agent/blueprint.ts";
import { message } from "../../src/message/message-type.ts";
import { seededRandom } from "../../src/random.ts";
import { Latch, outcome, testSystem, turns } from "../support/system.ts";

const Total = message("Total", z.int());
const Add = message("Add", { by: z.int() }).replies(Total);
const Read = message("Read", { key: z.int() }).replies(Total);
const Done = message("Done", {});

describe("a mutateOn handler", () => {
  test("runs alone across its awaits: no update is lost", async () => {
    const { system } = testSystem();
    const handle = await system.start(
      agent("counter", () => ({ total: 0 })).mutateOn(Add, async ({ model, message }) => {
        const before = model.total;
        await turns(1);
        model.total = before + message.by;
        return model.total;
      }),
    );
    const replies = await Promise.all(Array.from({ length: 20 }, () => handle.ask(Add, { by: 1 })));
    expect(replies).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  });

  test("keeps readers out until it has settled", async () => {
    const { system } = testSystem();
    const latch = new Latch();
    const handle = await system.start(
      agent("counter", () => ({ total: 0 }))
        .mutateOn(Add, async ({ model, message }) => {
          model.total = -1;
          await latch.wait();
          return (model.total = message.by);
        })
        .actOn(Read, ({ model }) => model.total),
    );
    const added = handle.ask(Add, { by: 5 });
    const read = handle.ask(Read, { key: 0 });
    expect(await outcome(read)).toBe("pending");
    latch.open();
    expect(await read).toBe(5);
    expect(await added).toBe(5);
  });

  test("waits for the readers that run", async () => {
    const { system } = testSystem();
    const latch = new Latch();
    const handle = await system.start(
      agent("counter", () => ({ total: 0 }))
        .mutateOn(Add, ({ model, message }) => (model.total += message.by))
        .actOn(Read, async ({ model }) => {
          const before = model.total;
          await latch.wait();
          expect(model.total).toBe(before);
          return model.total;
        }),
    );
    const read = handle.ask(Read, { key: 0 });
    const added = handle.ask(Add, { by: 5 });
    expect(await outcome(added)).toBe("pending");
    latch.open();
    expect(await read).toBe(0);
    expect(await added).toBe(5);
  });

  test("lets the next message in after it threw or rejected", async () => {
    const { system } = testSystem();
    let calls = 0;
    const handle = await system.start(
      agent("counter", () => ({ total: 0 })).mutateOn(Add, async () => {
        calls += 1;
        await turns(1);
        if (calls === 1) throw new Error("first");
        return calls;
      }),
    );
    const first = handle.ask(Add, { by: 1 });
    const second = handle.ask(Add, { by: 1 });
    expect(await outcome(first)).toBe("HANDLER_FAILED");
    expect(await second).toBe(2);
  });
});

describe("actOn handlers", () => {
  test("run beside one another", async () => {
    const { system } = testSystem();
    const latches = [new Latch<number>(), new Latch<number>()];
    const handle = await system.start(agent("reader", () => ({})).actOn(Read, ({ message }) => latches[message.key]?.wait()));
    const first = handle.ask(Read, { key: 0 });
    const second = handle.ask(Read, { key: 1 });
    await turns();
    expect(latches.map(({ waiting }) => waiting)).toEqual([1, 1]);
    latches[1]?.open(2);
    expect(await second).toBe(2);
    latches[0]?.open(1);
    expect(await first).toBe(1);
  });

  test("run at most 100 at once; the next one starts when one has settled", async () => {
    const { system } = testSystem();
    const latches = Array.from({ length: 150 }, () => new Latch<number>());
    const handle = await system.start(agent("reader", () => ({})).actOn(Read, ({ message }) => latches[message.key]?.wait()));
    const asked = latches.map((_, key) => handle.ask(Read, { key }));
    const running = (): number => latches.reduce((sum, { waiting }) => sum + waiting, 0);
    await turns();
    expect(running()).toBe(100);
    latches[42]?.open(42);
    await turns();
    expect(running()).toBe(101);
    for (const [key, latch] of latches.entries()) latch.open(key);
    expect(await Promise.all(asked)).toEqual(latches.map((_, key) => key));
    expect(running()).toBe(150);
  });

  test("of another limit run as many as it says", async () => {
    const { system } = testSystem({ readersMax: 1 });
    const latch = new Latch<number>();
    let started = 0;
    const handle = await system.start(
      agent("reader", () => ({})).actOn(Read, () => {
        started += 1;
        return latch.wait();
      }),
    );
    const asked = [handle.ask(Read, { key: 0 }), handle.ask(Read, { key: 1 })];
    await turns();
    expect(started).toBe(1);
    latch.open(1);
    await Promise.all(asked);
    expect(started).toBe(2);
  });
});

describe("messages", () => {
  test("are taken in mailbox order: a reader does not overtake a waiting mutateOn", async () => {
    const { system } = testSystem();
    const latch = new Latch<number>();
    const order: string[] = [];
    const handle = await system.start(
      agent("counter", () => ({ total: 0 }))
        .mutateOn(Add, ({ message }) => {
          order.push("add");
          return message.by;
        })
        .actOn(Read, ({ message }) => {
          order.push(`read ${message.key}`);
          return message.key === 0 ? latch.wait() : 1;
        }),
    );
    const asked = [handle.ask(Read, { key: 0 }), handle.ask(Add, { by: 1 }), handle.ask(Read, { key: 1 })];
    await turns();
    expect(order).toEqual(["read 0"]);
    latch.open(0);
    await Promise.all(asked);
    expect(order).toEqual(["read 0", "add", "read 1"]);
  });

  test("sent, tried and asked by one sender arrive in the order of the calls", async () => {
    const { system } = testSystem();
    const order: number[] = [];
    const handle = await system.start(
      agent("counter", () => ({}))
        .mutateOn(Read, ({ message }) => order.push(message.key))
        .mutateOn(Done, () => {}),
    );
    void handle.send(Read, { key: 1 });
    handle.trySend(Read, { key: 2 });
    const asked = handle.ask(Read, { key: 3 });
    void handle.send(Read, { key: 4 });
    await asked;
    await turns();
    expect(order).toEqual([1, 2, 3, 4]);
  });

  test("keep exclusive and concurrent handlers apart in any mix", async () => {
    const random = seededRandom(7);
    for (let round = 0; round < 20; round++) {
      const { system } = testSystem();
      let writers = 0;
      let readers = 0;
      const started: number[] = [];
      const pause = async (): Promise<void> => {
        for (let left = Math.floor(random.next() * 4); left > 0; left--) await Promise.resolve();
        if (random.next() < 0.2) await turns(1);
      };
      const handle = await system.start(
        agent("mixed", () => ({}))
          .mutateOn(Add, async ({ message }) => {
            started.push(message.by);
            writers += 1;
            expect([writers, readers]).toEqual([1, 0]);
            await pause();
            expect([writers, readers]).toEqual([1, 0]);
            writers -= 1;
            if (random.next() < 0.2) throw new Error("on purpose");
            return message.by;
          })
          .actOn(Read, async ({ message }) => {
            started.push(message.key);
            readers += 1;
            expect(writers).toBe(0);
            await pause();
            expect(writers).toBe(0);
            readers -= 1;
            return message.key;
          }),
      );
      const asked = Array.from({ length: 60 }, (_, i) => (random.next() < 0.5 ? handle.ask(Add, { by: i }) : handle.ask(Read, { key: i })));
      for (const [i, result] of (await Promise.allSettled(asked)).entries()) {
        if (result.status === "fulfilled") expect(result.value).toBe(i);
        else expect(result.reason).toMatchObject({ code: "HANDLER_FAILED", message: "on purpose" });
      }
      expect(started).toEqual(Array.from({ length: 60 }, (_, i) => i));
    }
  });
});
