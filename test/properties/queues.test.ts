// Queues against plain arrays: first in, first out, never more than the bound, and whoever waits hears of it once.

import { expect } from "bun:test";
import * as fc from "fast-check";
import { z } from "zod";
import type { HandlerEntry } from "../../src/agent/definition.ts";
import { Mailbox } from "../../src/agent/mailbox.ts";
import { Publication } from "../../src/broker/publication.ts";
import { SubscriberQueue } from "../../src/broker/subscriber-queue.ts";
import { ManualClock } from "../../src/clock.ts";
import { Capacity } from "../../src/ipc/server/capacity.ts";
import { ReplyOrder, type ReplySlot } from "../../src/ipc/server/reply-order.ts";
import { BufferPool } from "../../src/ipc/wire/buffer-pool.ts";
import { FrameWriter } from "../../src/ipc/wire/frame-writer.ts";
import { Envelope, originHere } from "../../src/message/envelope.ts";
import { message } from "../../src/message/message-type.ts";
import { frameOf } from "../support/raw-client.ts";
import { property } from "./property.ts";

const Work = message("Work", z.int());
const entries: readonly HandlerEntry[] = [false, true].map((exclusive) => ({ type: Work, exclusive, handler: () => {}, place: 0 }));

interface Item {
  readonly envelope: Envelope;
  readonly entry: HandlerEntry;
  readonly connection: { revoked: boolean };
}

function item(number: number): Item {
  const connection = { revoked: false };
  return {
    envelope: new Envelope(Work, number, null, undefined, { ...originHere, connection }),
    entry: entries[number % 2] as HandlerEntry,
    connection,
  };
}

const mailboxSteps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.constant("put" as const) },
    { weight: 3, arbitrary: fc.constant("send" as const) },
    { weight: 4, arbitrary: fc.constant("take" as const) },
    fc.constantFrom("revoke" as const, "room" as const, "close" as const),
    fc.nat(60),
  ),
  { maxLength: 60 },
);
const mailboxLimits = fc.record({
  mailboxSize: fc.integer({ min: 1, max: 12 }),
  waitingSendersMax: fc.nat(4),
  sendTimeoutMs: fc.integer({ min: 1, max: 100 }),
});

property("a mailbox is a bounded queue with a bounded queue of senders behind it", [mailboxLimits, mailboxSteps], (limits, steps) => {
  const clock = new ManualClock();
  const mailbox = new Mailbox(limits, clock);
  let inside: Item[] = [];
  let waiting: (Item & { readonly due: number })[] = [];
  const heard: Record<number, string> = {};
  const expected: Record<number, string> = {};
  const settle = (number: number, outcome: string): void => void (expected[number] = outcome);
  for (const [number, step] of steps.entries()) {
    if (typeof step === "number") {
      clock.advance(step);
      for (const { envelope } of waiting.filter(({ due }) => due <= clock.monotonic())) settle(envelope.payload as number, "TARGET_BUSY");
      waiting = waiting.filter(({ due }) => due > clock.monotonic());
    } else if (step === "put" || step === "send") {
      const fresh = item(number);
      const fits = inside.length < limits.mailboxSize && waiting.length === 0;
      expect(mailbox.put(fresh.entry, fresh.envelope)).toBe(fits);
      if (fits) inside.push(fresh);
      else if (step === "send") {
        mailbox.wait(fresh.entry, fresh.envelope, (failure) => {
          expect(heard[number]).toBeUndefined();
          heard[number] = failure?.code ?? "in";
        });
        if (waiting.length >= limits.waitingSendersMax) settle(number, "TARGET_BUSY");
        else waiting.push({ ...fresh, due: clock.monotonic() + limits.sendTimeoutMs });
      }
    } else if (step === "take") {
      expect(mailbox.nextEntry()).toBe(inside[0]?.entry as HandlerEntry);
      if (inside.length > 0) {
        const taken = inside[0]?.envelope;
        inside = inside.slice(1);
        while (inside.length < limits.mailboxSize && waiting.length > 0) {
          const next = waiting.shift() as Item;
          settle(next.envelope.payload as number, "in");
          if (!next.connection.revoked) inside.push(next);
        }
        expect(mailbox.take()).toBe(taken as Envelope);
      }
    } else if (step === "revoke") {
      for (const { connection } of waiting.slice(0, 1)) connection.revoked = true;
    } else if (step === "close") {
      mailbox.close({ code: "AGENT_STOPPED", message: "stopped" });
      for (const { envelope } of waiting) settle(envelope.payload as number, "AGENT_STOPPED");
      waiting = [];
    }
    expect(mailbox.length).toBe(inside.length);
    expect(mailbox.length).toBeLessThanOrEqual(limits.mailboxSize);
    expect(clock.armed).toBe(waiting.length);
    expect(heard).toEqual(expected);
    expect(mailbox.hasExclusiveBefore(undefined)).toBe([...inside, ...waiting].some(({ entry }) => entry.exclusive));
  }
});

property("who waits for room in a mailbox is called once, when there is some or it has closed", [mailboxLimits, mailboxSteps], (limits, steps) => {
  const clock = new ManualClock();
  const mailbox = new Mailbox(limits, clock);
  const called = new Map<number, number>();
  let closing = false;
  for (const [number, step] of steps.entries()) {
    if (typeof step === "number") clock.advance(step);
    else if (step === "take") {
      if (mailbox.nextEntry() !== undefined) mailbox.take();
    } else if (step === "close") {
      closing = true;
      mailbox.close({ code: "AGENT_STOPPED", message: "stopped" });
      closing = false;
    } else if (step === "room") {
      mailbox.onRoom(() => {
        called.set(number, (called.get(number) ?? 0) + 1);
        if (!closing) expect(mailbox.length).toBeLessThan(limits.mailboxSize);
      });
    } else {
      const { entry, envelope } = item(number);
      if (!mailbox.put(entry, envelope) && step === "send") mailbox.wait(entry, envelope, () => {});
    }
  }
  closing = true;
  mailbox.close({ code: "AGENT_STOPPED", message: "stopped" });
  const asked = steps.flatMap((step, number) => (step === "room" ? [number] : []));
  expect([...called].sort(([a], [b]) => a - b)).toEqual(asked.map((number) => [number, 1]));
});

const queueSteps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constant("add" as const) },
    { weight: 3, arbitrary: fc.constant("arrive" as const) },
    fc.constantFrom("flush" as const, "clear" as const),
  ),
  {
    maxLength: 50,
  },
);

property(
  "a subscriber's queue loses the newest when it is full, and a flush waits for what was there",
  [fc.integer({ min: 1, max: 8 }), queueSteps],
  (lengthMax, steps) => {
    const queue = new SubscriberQueue(lengthMax);
    let model: Publication[] = [];
    let lost = 0;
    for (const [number, step] of steps.entries()) {
      if (step === "add") {
        const publication = new Publication(Work, number, 0, undefined);
        queue.add(publication);
        if (model.length < lengthMax) model.push(publication);
        else lost += 1;
      } else if (step === "arrive" && model.length > 0) {
        queue.arrived();
        model = model.slice(1);
      } else if (step === "flush") expect(queue.flushed() === undefined).toBe(model.length === 0);
      else if (step === "clear") {
        queue.clear();
        model = [];
      }
      expect(queue.first).toBe(model[0] as Publication);
      expect([queue.length, queue.lost]).toEqual([model.length, lost]);
    }
  },
);

const orderSteps = fc.array(fc.oneof(fc.constant("open" as const), fc.record({ slot: fc.nat(6), last: fc.boolean(), size: fc.nat(40) })), {
  maxLength: 60,
});

property("answers leave in the order of their frames, in whatever order they are written", [orderSteps], (steps) => {
  const pool = new BufferPool();
  const out = new FrameWriter(65_536, pool);
  const order = new ReplyOrder(out, 65_536, pool);
  const slots: { readonly slot: ReplySlot; readonly frames: Buffer[]; done: boolean; turns: number }[] = [];
  const startedFirst = new Set<(typeof slots)[0]>();
  const finish = (place: number): void => {
    const each = slots[place];
    if (each === undefined || each.done) return;
    each.done = true;
    order.close(each.slot);
  };
  for (const [number, step] of steps.entries()) {
    if (step === "open") {
      const each = { slot: order.open(), frames: [], done: false, turns: 0 };
      each.slot.onTurn = [() => (each.turns += 1)];
      if (order.isFirst(each.slot)) startedFirst.add(each);
      slots.push(each);
      continue;
    }
    const open = slots.filter(({ done }) => !done);
    const each = open[step.slot % Math.max(1, open.length)];
    if (each === undefined) continue;
    const body = Buffer.alloc(step.size, number);
    const writer = order.writerFor(each.slot);
    writer.begin();
    writer.raw(body);
    writer.finish();
    order.written(each.slot);
    each.frames.push(frameOf(body));
    if (step.last) finish(slots.indexOf(each));
    const turn = slots.findIndex(({ done }) => !done);
    const aside = turn < 0 ? [] : slots.slice(turn + 1);
    expect(order.pending).toBe(aside.reduce((sum, { frames }) => sum + Buffer.concat(frames).length, 0));
  }
  for (let place = 0; place < slots.length; place++) finish(place);
  expect(Buffer.from(out.view()).toString("hex")).toBe(Buffer.concat(slots.flatMap(({ frames }) => frames)).toString("hex"));
  expect([order.pending, order.length]).toEqual([0, 0]);
  // The first has its turn from the start; the others are told of theirs.
  expect(slots.map(({ turns }) => turns)).toEqual(slots.map((each) => (startedFirst.has(each) ? 0 : 1)));
});

const capacitySteps = fc.array(
  fc.record({ kind: fc.constantFrom("take", "give", "wait", "leave" as const), which: fc.nat(5), count: fc.integer({ min: 1, max: 6 }) }),
  {
    maxLength: 50,
  },
);

property(
  "a capacity calls those that wait one by one, in their order, as long as there is room",
  [fc.integer({ min: 1, max: 12 }), capacitySteps],
  (most, steps) => {
    const capacity = new Capacity(most);
    const called: number[] = [];
    const expected: number[] = [];
    // Whoever is called takes as much as its number.
    const callbacks = Array.from({ length: 6 }, (_, which) => (): void => {
      called.push(which);
      capacity.take(which);
    });
    let waiting: number[] = [];
    let used = 0;
    for (const { kind, which, count } of steps) {
      if (kind === "take") {
        capacity.take(count);
        used += count;
      } else if (kind === "wait") {
        capacity.whenRoom(callbacks[which] as () => void);
        if (!waiting.includes(which)) waiting.push(which);
      } else if (kind === "leave") {
        capacity.leave(callbacks[which] as () => void);
        waiting = waiting.filter((each) => each !== which);
      } else if (used >= count) {
        used -= count;
        while (used < most && waiting.length > 0) {
          const next = waiting.shift() as number;
          expected.push(next);
          used += next;
        }
        capacity.give(count);
      }
      expect([capacity.used, capacity.exhausted]).toEqual([used, used >= most]);
      expect(called).toEqual(expected);
    }
  },
);
