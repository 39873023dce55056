import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { agent } from "../../src/agent/blueprint.ts";
import { message } from "../../src/message/message-type.ts";
import { Latch, outcome, testSystem, turns } from "../support/system.ts";

const Price = message("Price", { value: z.int() });
const Volume = message("Volume", { value: z.int() });
const Go = message("Go", { from: z.int() });

describe("flush", () => {
  test("resolves when every earlier broadcast is in every agent's mailbox", async () => {
    const { system } = testSystem({ mailboxSize: 1 });
    const latch = new Latch();
    const seen: number[] = [];
    const handle = await system.start(
      agent("slow", () => ({}))
        .mutateOn(Go, () => latch.wait())
        .mutateOn(Price, ({ message }) => void seen.push(message.value))
        .subscribe(Price),
    );
    await handle.send(Go, { from: 0 });
    await turns();
    for (const value of [1, 2, 3]) system.broker.broadcast(Price, { value });
    const flushed = system.broker.flush();
    expect(await outcome(flushed)).toBe("pending");
    latch.open();
    await flushed;
    expect(seen.length).toBeGreaterThanOrEqual(2);
    await turns();
    expect(seen).toEqual([1, 2, 3]);
  });

  test("waits for no later broadcast, and resolves at once when nothing waits", async () => {
    const { system } = testSystem();
    const seen: number[] = [];
    system.broker.subscribe(Price, ({ value }) => seen.push(value));
    expect(await outcome(system.broker.flush())).toEqual({ value: undefined });
    system.broker.broadcast(Price, { value: 1 });
    const flushed = system.broker.flush();
    system.broker.broadcast(Price, { value: 2 });
    expect(await outcome(flushed)).toEqual({ value: undefined });
    expect(seen).toEqual([1, 2]);
  });

  test("does not wait for ever for a function that hangs, nor for one that flushes itself", async () => {
    const { system } = testSystem();
    const latch = new Latch();
    system.broker.subscribe(Price, () => latch.wait());
    system.broker.broadcast(Price, { value: 1 });
    await turns();
    expect(await outcome(system.broker.flush())).toEqual({ value: undefined });
    let flushed = false;
    system.broker.subscribe(Volume, async () => {
      await system.broker.flush();
      flushed = true;
    });
    system.broker.broadcast(Volume, { value: 1 });
    await turns();
    expect(flushed).toBe(true);
  });

  test("resolves when the subscriber that it waits for is cancelled or stops", async () => {
    const { system } = testSystem({ mailboxSize: 1 });
    const latch = new Latch();
    const handle = await system.start(
      agent("slow", () => ({}))
        .mutateOn(Go, () => latch.wait())
        .mutateOn(Price, () => {})
        .subscribe(Price),
    );
    const subscription = system.broker.subscribe(Price, () => latch.wait());
    await handle.send(Go, { from: 0 });
    await turns();
    for (const value of [1, 2, 3]) system.broker.broadcast(Price, { value });
    const flushed = system.broker.flush();
    await turns();
    subscription.cancel();
    void handle.stop();
    expect(await outcome(flushed)).toEqual({ value: undefined });
    latch.open();
  });
});
