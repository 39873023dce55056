import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { agent } from "../../src/agent/blueprint.ts";
import type { AgentHandle } from "../../src/agent/handle.ts";
import { ActonError } from "../../src/errors.ts";
import { message } from "../../src/message/message-type.ts";
import { failure, Latch, outcome, testSystem, turns } from "../support/system.ts";

const Answer = message("Answer", z.string());
const Question = message("Question", { text: z.string() }).replies(Answer);
const Other = message("Other", {}).replies(Answer);

describe("an ask has exactly one outcome", () => {
  test("the reply, and then its timer is gone", async () => {
    const { system, clock } = testSystem();
    const handle = await system.start(agent("echo", () => ({})).actOn(Question, ({ message }) => message.text));
    expect(await handle.ask(Question, { text: "hi" })).toBe("hi");
    expect(clock.armed).toBe(0);
  });

  test("TIMEOUT after 30 s, or the time that it names, by the injected clock", async () => {
    const { system, clock } = testSystem();
    const latch = new Latch<string>();
    const handle = await system.start(agent("slow", () => ({})).actOn(Question, () => latch.wait()));
    const short = handle.ask(Question, { text: "" }, { timeoutMs: 100 });
    const long = handle.ask(Question, { text: "" });
    await turns();
    clock.advance(99);
    expect(await outcome(short)).toBe("pending");
    clock.advance(1);
    expect(await outcome(short)).toBe("TIMEOUT");
    clock.advance(29_899);
    expect(await outcome(long)).toBe("pending");
    clock.advance(1);
    expect(await outcome(long)).toBe("TIMEOUT");
    expect(clock.armed).toBe(0);
  });

  test("CANCELLED when its signal aborts, and the handler's signal aborts too", async () => {
    const { system, clock } = testSystem();
    let aborted = false;
    const handle = await system.start(
      agent("slow", () => ({})).actOn(Question, async ({ signal }) => {
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        aborted = true;
      }),
    );
    const abort = new AbortController();
    const asked = handle.ask(Question, { text: "" }, { signal: abort.signal });
    await turns();
    abort.abort();
    expect(await outcome(asked)).toBe("CANCELLED");
    expect(aborted).toBe(true);
    expect(clock.armed).toBe(0);
  });

  test("CANCELLED at once with a signal that was aborted before: the handler never runs", async () => {
    const { system } = testSystem();
    let ran = false;
    const handle = await system.start(
      agent("echo", () => ({})).actOn(Question, () => {
        ran = true;
        return "";
      }),
    );
    expect((await failure(handle.ask(Question, { text: "" }, { signal: AbortSignal.abort() }))).code).toBe("CANCELLED");
    await turns();
    expect(ran).toBe(false);
  });

  test("the reply, when the signal aborts or the time comes only afterwards", async () => {
    const { system, clock } = testSystem();
    const abort = new AbortController();
    const handle = await system.start(agent("echo", () => ({})).actOn(Question, ({ message }) => message.text));
    const asked = handle.ask(Question, { text: "hi" }, { signal: abort.signal });
    await turns();
    abort.abort();
    clock.advance(60_000);
    expect(await asked).toBe("hi");
  });

  test("and a question that timed out in the mailbox is not handled any more", async () => {
    const { system, clock } = testSystem();
    const latch = new Latch<string>();
    const handled: string[] = [];
    const handle = await system.start(
      agent("slow", () => ({})).mutateOn(Question, ({ message }) => {
        handled.push(message.text);
        return latch.wait();
      }),
    );
    const first = handle.ask(Question, { text: "first" });
    const second = handle.ask(Question, { text: "second" }, { timeoutMs: 10 });
    await turns();
    clock.advance(10);
    expect(await outcome(second)).toBe("TIMEOUT");
    latch.open("done");
    expect(await first).toBe("done");
    await turns();
    expect(handled).toEqual(["first"]);
  });

  test("UNHANDLED, AGENT_STOPPED and HANDLER_FAILED say why it did not come", async () => {
    const { system } = testSystem();
    const handle = await system.start(
      agent("failing", () => ({})).actOn(Question, () => {
        throw new Error("broken");
      }),
    );
    expect(await failure(handle.ask(Question, { text: "" }))).toMatchObject({ code: "HANDLER_FAILED", message: "broken" });
    const untyped = handle as AgentHandle as AgentHandle<typeof Other>;
    const unhandled = await failure(untyped.ask(Other, {}));
    expect(unhandled.code).toBe("UNHANDLED");
    expect(unhandled.message).toContain("Other");
    await handle.stop();
    expect((await failure(handle.ask(Question, { text: "" }))).code).toBe("AGENT_STOPPED");
  });

  test("HANDLER_FAILED for whatever is thrown, an ActonError with another code included", async () => {
    const { system } = testSystem();
    const thrown = [new ActonError("ACCESS_DENIED", "inner"), "text", undefined, null, 7, Object.create(null) as object];
    for (const what of thrown) {
      for (const asynchronous of [false, true]) {
        const blueprint = agent("failing", () => ({}));
        const fails = (): never => {
          throw what;
        };
        const handle = await system.start(asynchronous ? blueprint.actOn(Question, async () => fails()) : blueprint.actOn(Question, fails));
        expect((await failure(handle.ask(Question, { text: "" }))).code).toBe("HANDLER_FAILED");
      }
    }
  });

  test("and the code says whether the handler ran", async () => {
    const { errorKinds } = await import("../../src/errors.ts");
    expect(errorKinds.UNHANDLED.ran).toBe("no");
    expect(errorKinds.TARGET_BUSY.ran).toBe("no");
    expect(errorKinds.ASK_CYCLE.ran).toBe("no");
    expect(errorKinds.HANDLER_FAILED.ran).toBe("yes");
    expect(errorKinds.NO_REPLY.ran).toBe("yes");
    expect(errorKinds.TIMEOUT.ran).toBe("unknown");
  });
});

describe("a handler that asks", () => {
  test("is the sender that the other agent sees, after an await too", async () => {
    const { system } = testSystem();
    const senders: (string | undefined)[] = [];
    const echo = await system.start(
      agent("echo", () => ({})).actOn(Question, ({ message, sender }) => {
        senders.push(sender?.name);
        return message.text;
      }),
    );
    const asker = await system.start(
      agent("asker", () => ({})).mutateOn(Other, async () => {
        await echo.ask(Question, { text: "" });
        await turns(1);
        await echo.send(Question, { text: "" });
        return "";
      }),
    );
    await asker.ask(Other, {});
    await echo.ask(Question, { text: "" });
    await turns();
    expect(senders).toEqual(["asker", "asker", undefined]);
  });

  test("may answer the sender by a message of its own", async () => {
    const { system } = testSystem();
    const Told = message("Told", { by: z.string() });
    const Tell = message("Tell", {});
    const told: string[] = [];
    const teller = await system.start(
      agent("teller", () => ({})).mutateOn(Tell, async ({ sender, self }) => {
        await sender?.send(Told, { by: self.name });
      }),
    );
    const asker = await system.start(
      agent("asker", () => ({}))
        .mutateOn(Other, async () => {
          await teller.send(Tell, {});
          return "";
        })
        .mutateOn(Told, ({ message }) => void told.push(message.by)),
    );
    await asker.ask(Other, {});
    await turns();
    expect(told).toEqual(["teller"]);
  });
});
