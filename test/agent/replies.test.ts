import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { agent, type Handler } from "../../src/agent/blueprint.ts";
import { ActonError } from "../../src/errors.ts";
import { message } from "../../src/message/message-type.ts";
import type { Reply } from "../../src/message/reply-port.ts";
import { failure, Latch, outcome, testSystem, turns } from "../support/system.ts";

const Text = message("Text", z.string());
const Maybe = message("Maybe", z.string().nullable());
const Greet = message("Greet", { name: z.string() }).replies(Text);
const Find = message("Find", {}).replies(Maybe);
const Note = message("Note", {});

async function greeter(handler: Handler<object, typeof Greet>) {
  const context = testSystem();
  const handle = await context.system.start(agent("greeter", () => ({})).mutateOn(Greet, handler));
  return { ...context, handle, greet: () => handle.ask(Greet, { name: "Ada" }) };
}

describe("a handler answers a request", () => {
  test("by returning the reply", async () => {
    const { greet } = await greeter(({ message }) => `Hello ${message.name}`);
    expect(await greet()).toBe("Hello Ada");
  });

  test("by a promise of the reply", async () => {
    const { greet } = await greeter(async ({ message }) => `Hello ${message.name}`);
    expect(await greet()).toBe("Hello Ada");
  });

  test("by any thenable, which is awaited as a promise is", async () => {
    // oxlint-disable-next-line unicorn/no-thenable -- that is what this test is about
    const thenable = { then: (resolve: (value: string) => void) => resolve("later") };
    const { greet } = await greeter((() => thenable) as unknown as Handler<object, typeof Greet>);
    expect(await greet()).toBe("later");
  });

  test("by reply.send, reply.end or the first item of a generator", async () => {
    const bySend = await greeter(({ reply }) => void reply.send("sent"));
    expect(await bySend.greet()).toBe("sent");
    const byEnd = await greeter(({ reply }) => reply.end("ended"));
    expect(await byEnd.greet()).toBe("ended");
    let finished = 0;
    const yields = async function* () {
      try {
        yield "first";
        yield "second";
      } finally {
        finished += 1;
      }
    };
    const byYield = await greeter(yields as unknown as Handler<object, typeof Greet>);
    expect(await byYield.greet()).toBe("first");
    await turns();
    expect(finished).toBe(1);
  });

  test("before it has settled, when it replies early", async () => {
    const latch = new Latch();
    const { greet } = await greeter(async ({ reply }) => {
      await reply.send("early");
      await latch.wait();
    });
    expect(await greet()).toBe("early");
    latch.open();
  });

  test("by an empty string, zero-like values being replies too", async () => {
    const { greet } = await greeter(() => "");
    expect(await greet()).toBe("");
  });

  test("with null, which is a reply, unlike undefined, which is none", async () => {
    const { system } = testSystem();
    const handle = await system.start(agent("finder", () => ({})).actOn(Find, () => null));
    expect(await handle.ask(Find, {})).toBeNull();
    const silent = await greeter(() => undefined);
    expect((await failure(silent.greet())).code).toBe("NO_REPLY");
    const later = await greeter(async () => {});
    expect((await failure(later.greet())).code).toBe("NO_REPLY");
  });

  test("with null when it sends undefined: an explicit reply is never none", async () => {
    const { system } = testSystem();
    const handle = await system.start(agent("finder", () => ({})).actOn(Find, ({ reply }) => void reply.send(undefined as unknown as null)));
    expect(await handle.ask(Find, {})).toBeNull();
  });
});

describe("reply.defer", () => {
  test("keeps the answer open after the handler has returned", async () => {
    let kept: Reply<string> | undefined;
    const { greet } = await greeter(({ reply }) => {
      reply.defer();
      kept = reply;
    });
    const asked = greet();
    expect(await outcome(asked)).toBe("pending");
    void kept?.send("deferred");
    expect(await asked).toBe("deferred");
  });

  test("does not keep the agent from the next message", async () => {
    const kept: Reply<string>[] = [];
    const { greet } = await greeter(({ reply }) => {
      reply.defer();
      kept.push(reply);
    });
    const asked = [greet(), greet()];
    await turns();
    kept[1]?.end("second");
    kept[0]?.end("first");
    expect(await Promise.all(asked)).toEqual(["first", "second"]);
  });

  test("ends with TIMEOUT at the deadline when nobody replies", async () => {
    const { greet, clock } = await greeter(({ reply }) => reply.defer());
    const asked = greet();
    await turns();
    clock.advance(29_999);
    expect(await outcome(asked)).toBe("pending");
    clock.advance(1);
    expect(await outcome(asked)).toBe("TIMEOUT");
  });
});

describe("reply.fail", () => {
  test("gives the asker the code and text of an ActonError, retry time and details too", async () => {
    const { greet } = await greeter(({ reply }) =>
      reply.fail(new ActonError("RATE_LIMITED", "not so fast", { retryAfterMs: 7, details: { left: 0 } })),
    );
    expect(await failure(greet())).toMatchObject({ code: "RATE_LIMITED", message: "not so fast", retryAfterMs: 7, details: { left: 0 } });
  });

  test("makes HANDLER_FAILED of anything else", async () => {
    for (const thrown of [new Error("no such name"), "no such name"]) {
      const { greet } = await greeter(({ reply }) => reply.fail(thrown));
      expect(await failure(greet())).toMatchObject({ code: "HANDLER_FAILED", message: "no such name" });
    }
  });

  test("is no crash: neither counted nor decided upon", async () => {
    const { system } = testSystem();
    let decisions = 0;
    const policy = (): "stop" => {
      decisions += 1;
      return "stop";
    };
    const handle = await system.start(
      agent("greeter", () => ({}))
        .mutateOn(Greet, ({ reply }) => reply.fail(new Error("no")))
        .onCrash(policy),
    );
    await failure(handle.ask(Greet, { name: "Ada" }));
    expect(decisions).toBe(0);
    expect(system.counters.crashed).toBe(0);
    expect((await failure(handle.ask(Greet, { name: "Ada" }))).code).toBe("HANDLER_FAILED");
  });
});

describe("a second reply", () => {
  test("is dropped, counted, and logged with the handler's name", async () => {
    const { greet, system, lines } = await greeter(function greetTwice({ reply }) {
      void reply.send("one");
      void reply.send("two");
    });
    expect(await greet()).toBe("one");
    expect(system.counters.surplusReplies).toBe(1);
    const line = lines.find(({ message }) => message.includes("second reply"));
    expect(line?.fields).toMatchObject({ agent: "greeter", handler: "greetTwice" });
  });

  test("is a value returned after reply.send, or a failure after it", async () => {
    const returned = await greeter(({ reply }) => {
      void reply.send("one");
      return "two";
    });
    expect(await returned.greet()).toBe("one");
    expect(returned.system.counters.surplusReplies).toBe(1);
    const failed = await greeter(({ reply }) => {
      void reply.send("one");
      reply.fail(new Error("two"));
    });
    expect(await failed.greet()).toBe("one");
    expect(failed.system.counters.surplusReplies).toBe(1);
  });

  test("names a handler without a name of its own by its type", async () => {
    const { system, lines } = testSystem();
    const handle = await system.start(
      agent("greeter", () => ({})).mutateOn(Greet, ({ reply }) => {
        void reply.send("one");
        return "two";
      }),
    );
    await handle.ask(Greet, { name: "Ada" });
    expect(String(lines.find(({ message }) => message.includes("second reply"))?.fields["handler"])).toContain("Greet");
  });

  test("is not reply.end without a value after reply.send", async () => {
    const { greet, system } = await greeter(({ reply }) => {
      void reply.send("one");
      reply.end();
    });
    expect(await greet()).toBe("one");
    expect(system.counters.surplusReplies).toBe(0);
  });
});

describe("a late reply", () => {
  test("is dropped and counted, and is no second reply", async () => {
    const latch = new Latch();
    const { greet, system, clock, lines } = await greeter(async () => {
      await latch.wait();
      return "too late";
    });
    const asked = greet();
    await turns();
    clock.advance(30_000);
    expect(await outcome(asked)).toBe("TIMEOUT");
    latch.open();
    await turns();
    expect(system.counters).toMatchObject({ lateReplies: 1, surplusReplies: 0 });
    expect(lines).toEqual([]);
  });

  test("of an agent that was stopped by force counts as late too", async () => {
    const latch = new Latch();
    const { greet, handle, system, clock, lines } = await greeter(async () => {
      await latch.wait();
      return "too late";
    });
    const asked = greet();
    await turns();
    const stopped = handle.stop();
    await turns();
    clock.advance(10_000);
    expect(await outcome(asked)).toBe("AGENT_STOPPED");
    await stopped;
    latch.open();
    await turns();
    expect(system.counters).toMatchObject({ lateReplies: 1, surplusReplies: 0 });
    expect(lines.filter(({ message }) => message.includes("second reply"))).toEqual([]);
  });
});

describe("a message that nobody asked an answer for", () => {
  test("lets the handler reply all the same, into nothing", async () => {
    const { handle, system, lines } = await greeter(({ reply }) => {
      void reply.send("one");
      void reply.send("two");
      reply.fail(new Error("three"));
      return "four";
    });
    await handle.send(Greet, { name: "Ada" });
    await turns();
    expect(system.counters).toMatchObject({ handled: 1, surplusReplies: 0, lateReplies: 0, crashed: 0 });
    expect(lines).toEqual([]);
  });

  test("is handled once and in full, whatever the handler returns", async () => {
    const { system } = testSystem();
    let handled = 0;
    const handle = await system.start(
      agent("counter", () => ({})).mutateOn(Note, () => {
        handled += 1;
      }),
    );
    await handle.send(Note, {});
    await turns();
    expect(handled).toBe(1);
  });
});
