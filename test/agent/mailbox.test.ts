import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { agent } from "../../src/agent/blueprint.ts";
import { Mailbox } from "../../src/agent/mailbox.ts";
import { ManualClock } from "../../src/clock.ts";
import { Envelope } from "../../src/message/envelope.ts";
import { message } from "../../src/message/message-type.ts";
import { seededRandom } from "../../src/random.ts";
import { failure, Latch, outcome, testSystem, turns } from "../support/system.ts";

const Answer = message("Answer", z.int());
const Work = message("Work", { id: z.int() });
const Ask = message("Ask", { id: z.int() }).replies(Answer);

/** A worker that is busy with its first message until the latch opens. */
async function busyWorker(limits: Parameters<typeof testSystem>[0] = {}) {
  const context = testSystem(limits);
  const latch = new Latch();
  const handled: number[] = [];
  const handle = await context.system.start(
    agent("worker", () => ({}))
      .mutateOn(Work, ({ message }): void | Promise<void> => {
        handled.push(message.id);
        if (message.id === -1) return latch.wait();
      })
      .mutateOn(Ask, ({ message }) => {
        handled.push(message.id);
        return message.id;
      }),
  );
  await handle.send(Work, { id: -1 });
  await turns();
  return { ...context, latch, handled, handle };
}

describe("a mailbox", () => {
  test("takes 1,024 messages: then trySend says no", async () => {
    const { handle, handled, latch } = await busyWorker();
    for (let id = 0; id < 1024; id++) expect(handle.trySend(Work, { id })).toBe(true);
    expect(handle.trySend(Work, { id: 1024 })).toBe(false);
    latch.open();
    await turns(60);
    expect(handled).toEqual([-1, ...Array.from({ length: 1024 }, (_, id) => id)]);
    expect(handle.trySend(Work, { id: 0 })).toBe(true);
  });

  test("takes as many as it is told to", async () => {
    const { handle } = await busyWorker({ mailboxSize: 3 });
    expect([0, 1, 2, 3].map((id) => handle.trySend(Work, { id }))).toEqual([true, true, true, false]);
  });

  test("that is full makes send wait, and resolve when there is room, in the order of the calls", async () => {
    const { handle, handled, latch, clock } = await busyWorker({ mailboxSize: 2 });
    const sends = Array.from({ length: 10 }, (_, id) => handle.send(Work, { id }));
    expect(await outcome(sends[1] as Promise<void>)).toEqual({ value: undefined });
    expect(await outcome(sends[2] as Promise<void>)).toBe("pending");
    latch.open();
    await Promise.all(sends);
    await turns();
    expect(handled).toEqual([-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(clock.armed).toBe(0);
  });

  test("calls those that wait for room when there is some, not when a sender has taken it", () => {
    const mailbox = new Mailbox({ mailboxSize: 1, waitingSendersMax: 1, sendTimeoutMs: 1 }, new ManualClock());
    const entry = { type: Work, exclusive: true, handler: () => {}, place: 0 };
    const [first, second] = [1, 2].map((id) => new Envelope(Work, { id }, null, undefined, undefined)) as [Envelope, Envelope];
    const lengths: number[] = [];
    mailbox.put(entry, first);
    mailbox.wait(entry, second, () => {});
    mailbox.onRoom(() => lengths.push(mailbox.length));
    expect([mailbox.take(), lengths]).toEqual([first, []]);
    expect([mailbox.take(), lengths]).toEqual([second, [0]]);
  });

  test("lets nobody overtake a sender that waits", async () => {
    const { handle, handled, latch } = await busyWorker({ mailboxSize: 1 });
    const sends = [handle.send(Work, { id: 0 }), handle.send(Work, { id: 1 })];
    expect(handle.trySend(Work, { id: 99 })).toBe(false);
    const asked = handle.ask(Ask, { id: 2 });
    sends.push(handle.send(Work, { id: 3 }));
    latch.open();
    await Promise.all([...sends, asked]);
    await turns();
    expect(handled).toEqual([-1, 0, 1, 2, 3]);
  });

  test("turns a waiting sender away with TARGET_BUSY after 30 s; its message is never handled", async () => {
    const { handle, handled, latch, clock } = await busyWorker({ mailboxSize: 1 });
    await handle.send(Work, { id: 0 });
    const late = handle.send(Work, { id: 1 });
    await turns();
    clock.advance(29_999);
    expect(await outcome(late)).toBe("pending");
    clock.advance(1);
    expect(await outcome(late)).toBe("TARGET_BUSY");
    const inTime = handle.send(Work, { id: 2 });
    latch.open();
    await inTime;
    await turns();
    expect(handled).toEqual([-1, 0, 2]);
  });

  test("lets 1,024 senders wait: the next is told TARGET_BUSY at once", async () => {
    const { handle, handled, latch } = await busyWorker();
    const sends = Array.from({ length: 2048 }, (_, id) => handle.send(Work, { id }));
    expect((await failure(handle.send(Work, { id: 2048 }))).code).toBe("TARGET_BUSY");
    latch.open();
    await Promise.all(sends);
    await turns(60);
    expect(handled.length).toBe(2049);
    expect(handled).toEqual([-1, ...Array.from({ length: 2048 }, (_, id) => id)]);
  });

  test("with no place for waiting senders is busy at once, and works on afterwards", async () => {
    const { handle, handled, latch } = await busyWorker({ mailboxSize: 1, waitingSendersMax: 0 });
    await handle.send(Work, { id: 0 });
    expect((await failure(handle.send(Work, { id: 1 }))).code).toBe("TARGET_BUSY");
    latch.open();
    await turns();
    expect(handle.trySend(Work, { id: 2 })).toBe(true);
    await turns();
    expect(handled).toEqual([-1, 0, 2]);
  });

  test("that stays full ends an ask by its own deadline, and the question is never handled", async () => {
    const { handle, handled, latch, clock } = await busyWorker({ mailboxSize: 1 });
    await handle.send(Work, { id: 0 });
    const asked = handle.ask(Ask, { id: 1 }, { timeoutMs: 50 });
    await turns();
    clock.advance(50);
    expect(await outcome(asked)).toBe("TIMEOUT");
    latch.open();
    await turns();
    expect(handled).toEqual([-1, 0]);
  });

  test("is FIFO for each sender, whatever mix of calls, waits and room", async () => {
    const random = seededRandom(11);
    for (let round = 0; round < 20; round++) {
      const { handle, handled, latch } = await busyWorker({ mailboxSize: 1 + Math.floor(random.next() * 5) });
      latch.open();
      const accepted: number[] = [];
      const calls: Promise<unknown>[] = [];
      for (let id = 0; id < 200; id++) {
        const way = random.next();
        if (way < 0.4) calls.push(handle.send(Work, { id }).then(() => accepted.push(id)));
        else if (way < 0.7) calls.push(handle.ask(Ask, { id }).then(() => accepted.push(id)));
        else if (handle.trySend(Work, { id })) accepted.push(id);
        if (random.next() < 0.1) await turns(1);
      }
      await Promise.all(calls);
      await turns();
      expect(handled).toEqual([-1, ...accepted.sort((a, b) => a - b)]);
    }
  });
});

describe("a stop signal", () => {
  test("reaches an agent whose mailbox is full: nothing new comes in, what is in is worked off", async () => {
    const { handle, handled, latch } = await busyWorker({ mailboxSize: 2 });
    await handle.send(Work, { id: 0 });
    await handle.send(Work, { id: 1 });
    const waits = handle.send(Work, { id: 2 });
    const stopped = handle.stop();
    expect(await outcome(waits)).toBe("AGENT_STOPPED");
    expect(handle.trySend(Work, { id: 3 })).toBe(false);
    expect(await outcome(stopped)).toBe("pending");
    latch.open();
    await stopped;
    expect(handled).toEqual([-1, 0, 1]);
  });
});
