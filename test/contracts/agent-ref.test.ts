// What holds for every way to an agent: each test runs on a local handle, and on a remote ref over a socket in both formats.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { ActonError, agent, type AgentRef, ManualClock, message } from "acton";
import { z } from "zod";
import { eventually, quiet } from "../support/conditions.ts";
import { kinds, open, type Way } from "../support/ways.ts";

const Doubled = message("Doubled", { value: z.number() });
const Double = message("Double", { value: z.number() }).replies(Doubled);
const Wait = message("Wait", {}).replies(Doubled);
const Break = message("Break", { text: z.string() }).replies(Doubled);
const Refuse = message("Refuse", {}).replies(Doubled);
const Forget = message("Forget", {}).replies(Doubled);
const Numbers = message("Numbers", { count: z.int(), failAfter: z.int().optional() }).streams(message("NumbersItem", { n: z.int() }));
const Endless = message("Endless", {}).streams(message("EndlessItem", { n: z.int() }));
const Remember = message("Remember", { text: z.string() });
const Unknown = message("Unknown", {}).replies(Doubled);

class Seen {
  readonly remembered: string[] = [];
  readonly signals: AbortSignal[] = [];
  left = 0;
}

const subject = (seen: Seen) =>
  agent("subject", () => ({}))
    .actOn(Double, ({ message }) => ({ value: 2 * message.value }))
    .actOn(Wait, ({ reply, signal }) => {
      seen.signals.push(signal);
      reply.defer();
    })
    .actOn(Break, ({ message }) => {
      throw new Error(message.text);
    })
    .actOn(Refuse, ({ reply }) => reply.fail(new ActonError("TARGET_BUSY", "come back later")))
    .actOn(Forget, () => {})
    .actOn(Remember, ({ message }) => void seen.remembered.push(message.text))
    .actOn(Numbers, async function* ({ message }) {
      for (let n = 0; n < message.count; n++) {
        if (n === message.failAfter) throw new Error("no more numbers");
        yield { n };
      }
      return { n: -1 };
    })
    .actOn(Endless, async function* () {
      try {
        for (let n = 0; ; n++) yield { n };
      } finally {
        seen.left += 1;
      }
    });

type Handled = ReturnType<typeof subject>["handled"];

async function codeOf(call: Promise<unknown>): Promise<string> {
  const error: unknown = await call.then(
    () => "no failure",
    (thrown: unknown) => thrown,
  );
  return error instanceof ActonError ? error.code : String(error);
}

describe.each(kinds)("$name", ({ kind }) => {
  let seen: Seen;
  let clock: ManualClock;
  let way: Way<Handled>;
  let ref: AgentRef<Handled>;

  beforeEach(async () => {
    seen = new Seen();
    clock = new ManualClock();
    way = await open(kind, subject(seen), { clock });
    ref = way.ref;
  });

  afterEach(() => way.close());

  test("has its agent's name", () => {
    expect(ref.name).toBe("subject");
  });

  test("asks, and gets the reply", async () => {
    const { value } = await ref.ask(Double, { value: 21 });
    expect(value).toBe(42);
  });

  test("asks many times at once, and each gets its own reply", async () => {
    const replies = await Promise.all(Array.from({ length: 200 }, (_, value) => ref.ask(Double, { value })));
    expect(replies.map(({ value }) => value)).toEqual(Array.from({ length: 200 }, (_, value) => 2 * value));
  });

  test("sends, and resolves when the message is in the mailbox", async () => {
    for (const text of ["one", "two", "three"]) await ref.send(Remember, { text });
    await eventually(() => seen.remembered.length === 3);
    expect(seen.remembered).toEqual(["one", "two", "three"]);
  });

  test("fails with HANDLER_FAILED and the error's message when the handler throws", async () => {
    const call = ref.ask(Break, { text: "broken" });
    expect(await codeOf(call)).toBe("HANDLER_FAILED");
    await expect(call).rejects.toThrow("broken");
  });

  test("fails with the code that the handler chose", async () => {
    const call = ref.ask(Refuse, {});
    expect(await codeOf(call)).toBe("TARGET_BUSY");
    await expect(call).rejects.toThrow("come back later");
  });

  test("fails with NO_REPLY when the handler has returned without one", async () => {
    expect(await codeOf(ref.ask(Forget, {}))).toBe("NO_REPLY");
  });

  test("fails for a type that the agent does not handle", async () => {
    const untyped = ref as AgentRef<Handled | typeof Unknown>;
    expect(["UNHANDLED", "UNKNOWN_MESSAGE_TYPE"]).toContain(await codeOf(untyped.ask(Unknown, {})));
  });

  test("times out, and the handler's signal aborts", async () => {
    const code = codeOf(ref.ask(Wait, {}, { timeoutMs: 100 }));
    await eventually(() => seen.signals.length === 1);
    clock.advance(99);
    await quiet();
    expect(seen.signals[0]?.aborted).toBe(false);
    clock.advance(1);
    expect(await code).toBe("TIMEOUT");
    await eventually(() => seen.signals[0]?.aborted === true, "the handler's signal");
  });

  test("times out after 30 s when no time is given", async () => {
    const code = codeOf(ref.ask(Wait, {}));
    await eventually(() => seen.signals.length === 1);
    clock.advance(30_000);
    expect(await code).toBe("TIMEOUT");
  });

  test("is cancelled by the caller's signal, and the handler's aborts", async () => {
    const controller = new AbortController();
    const code = codeOf(ref.ask(Wait, {}, { signal: controller.signal }));
    await eventually(() => seen.signals.length === 1);
    controller.abort();
    expect(await code).toBe("CANCELLED");
    await eventually(() => seen.signals[0]?.aborted === true, "the handler's signal");
  });

  test("asks nothing when the signal is aborted already", async () => {
    expect(await codeOf(ref.ask(Wait, {}, { signal: AbortSignal.abort() }))).toBe("CANCELLED");
  });

  test("streams items in order, then the last value, then the end", async () => {
    const stream = ref.stream(Numbers, { count: 300 });
    for (let n = 0; n < 300; n++) expect(await stream.next()).toEqual({ done: false, value: { n } });
    expect(await stream.next()).toEqual({ done: true, value: { n: -1 } });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  test("streams to several readers of one stream in the order in which they came", async () => {
    const stream = ref.stream(Numbers, { count: 3 });
    const read = await Promise.all([stream.next(), stream.next(), stream.next()]);
    expect(read.map(({ value }) => value)).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }]);
  });

  test("fails a stream after the items that came before the failure", async () => {
    const items: number[] = [];
    const read = (async () => {
      for await (const { n } of ref.stream(Numbers, { count: 10, failAfter: 3 })) items.push(n);
    })();
    expect(await codeOf(read)).toBe("HANDLER_FAILED");
    expect(items).toEqual([0, 1, 2]);
  });

  test("ends the handler's work when the loop is left", async () => {
    for await (const { n } of ref.stream(Endless, {})) if (n === 200) break;
    await eventually(() => seen.left === 1, "the generator's end");
  });

  test("ends the handler's work when the stream is disposed of", async () => {
    {
      await using stream = ref.stream(Endless, {});
      expect((await stream.next()).value).toEqual({ n: 0 });
    }
    await eventually(() => seen.left === 1, "the generator's end");
  });

  test("ends the handler's work when the caller's signal aborts, and the reader is told", async () => {
    const controller = new AbortController();
    const stream = ref.stream(Endless, {}, { signal: controller.signal });
    await stream.next();
    controller.abort();
    const read = (async () => {
      for await (const _ of stream);
    })();
    expect(await codeOf(read)).toBe("CANCELLED");
    await eventually(() => seen.left === 1, "the generator's end");
  });

  test("makes the agent wait for the reader", async () => {
    const stream = ref.stream(Endless, {});
    await stream.next();
    await quiet();
    expect((await stream.next()).value).toEqual({ n: 1 });
    await stream.return(undefined);
    await eventually(() => seen.left === 1, "the generator's end");
  });

  test("bounds a whole stream by its time", async () => {
    const stream = ref.stream(Endless, {}, { timeoutMs: 100 });
    await stream.next();
    clock.advance(200);
    const read = (async () => {
      for await (const _ of stream);
    })();
    expect(await codeOf(read)).toBe("TIMEOUT");
  });

  test("calls a watcher back once when the agent is out of reach, and not one that has ended its watch", async () => {
    const calls: string[] = [];
    ref.watch(() => calls.push("watching"));
    ref.watch(() => calls.push("ended"))();
    await ref.ask(Double, { value: 1 });
    expect(calls).toEqual([]);
    await way.end();
    await eventually(() => calls.length > 0);
    await quiet();
    expect(calls).toEqual(["watching"]);
  });

  test("calls each watcher back once when the agent itself has stopped, and at once whoever comes later", async () => {
    const calls: string[] = [];
    ref.watch(() => calls.push("one"));
    ref.watch(() => calls.push("other"));
    ref.watch(() => calls.push("ended"))();
    await ref.ask(Double, { value: 1 });
    expect(calls).toEqual([]);
    await way.handle.stop();
    await eventually(() => calls.length === 2);
    ref.watch(() => calls.push("late"));
    await eventually(() => calls.length === 3);
    await way.end();
    await quiet();
    expect(calls).toEqual(["one", "other", "late"]);
  });

  test("fails what is asked once the agent is out of reach", async () => {
    await way.end();
    expect(["AGENT_STOPPED", "CONNECTION_CLOSED", "SHUTTING_DOWN"]).toContain(await codeOf(ref.ask(Double, { value: 1 })));
  });
});
