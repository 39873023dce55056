// A handler that works on after its asker has gone, or after its agent has: it harms nobody but itself.

import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { agent } from "../../src/agent/blueprint.ts";
import { message } from "../../src/message/message-type.ts";
import type { Reply } from "../../src/message/reply-port.ts";
import { outcome, testSystem, turns } from "../support/system.ts";

const Answer = message("Answer", z.int());
const Ask = message("Ask", {}).replies(Answer);
const Items = message("Items", {}).streams(Answer);

describe("a stream that goes on sending after its reader left", () => {
  test("lets the event loop run all the same", async () => {
    const { system } = testSystem();
    let sends = 0;
    let sendsWhenServed = Infinity;
    let left = false;
    const handle = await system.start(
      agent("deaf", () => ({})).actOn(Items, async ({ reply }) => {
        while (sends < 50_000 && sendsWhenServed === Infinity) {
          sends += 1;
          if (left && sends % 10 === 0) setImmediate(() => (sendsWhenServed = Math.min(sendsWhenServed, sends)));
          await reply.send(sends);
        }
      }),
    );
    for await (const item of handle.stream(Items, {})) {
      if (item < 5) continue;
      left = true;
      break;
    }
    await turns(4);
    expect(sendsWhenServed).toBeLessThan(10_000);
  });

  test("drops what it sends, without counting each item as a second reply", async () => {
    const { system, lines } = testSystem();
    const handle = await system.start(
      agent("deaf", () => ({})).actOn(Items, async ({ reply }) => {
        for (let i = 0; i < 100; i++) await reply.send(i);
      }),
    );
    for await (const item of handle.stream(Items, {})) if (item === 3) break;
    await turns();
    expect(system.counters.surplusReplies).toBe(0);
    expect(lines).toEqual([]);
  });
});

describe("an answer that was deferred", () => {
  test("ends with AGENT_STOPPED when its agent stops without having given it", async () => {
    const { system } = testSystem();
    const handle = await system.start(agent("deferring", () => ({})).mutateOn(Ask, ({ reply }) => reply.defer()));
    const asked = handle.ask(Ask, {});
    await turns();
    const stopped = handle.stop();
    expect(await outcome(asked)).toBe("AGENT_STOPPED");
    await stopped;
  });

  test("tells its signal when the asker leaves", async () => {
    const { system } = testSystem();
    let signal: AbortSignal | undefined;
    let kept: Reply<number> | undefined;
    const handle = await system.start(
      agent("deferring", () => ({})).mutateOn(Ask, (argument) => {
        signal = argument.signal;
        kept = argument.reply;
        argument.reply.defer();
      }),
    );
    const abort = new AbortController();
    const asked = handle.ask(Ask, {}, { signal: abort.signal });
    await turns();
    expect(signal?.aborted).toBe(false);
    abort.abort();
    expect(await outcome(asked)).toBe("CANCELLED");
    expect(signal?.aborted).toBe(true);
    void kept?.send(1);
    expect(system.counters).toMatchObject({ lateReplies: 1, surplusReplies: 0 });
  });
});
