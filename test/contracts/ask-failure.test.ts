// What became of a call that failed, on every way to an agent: its kind, and whether the handler ran.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { ActonError, agent, type AgentRef, type AskFailure, askFailure, ManualClock, message } from "acton";
import { z } from "zod";
import { askOutcomes } from "../../src/ask-failure.ts";
import { errorKinds, isErrorCode } from "../../src/errors.ts";
import { eventually, quiet } from "../support/conditions.ts";
import { kinds, open, passing, type Way } from "../support/ways.ts";

const Done = message("Done", {});
const Block = message("Block", {}).replies(Done);
const Break = message("Break", {}).replies(Done);
const Forget = message("Forget", {}).replies(Done);
const Refuse = message("Refuse", { code: z.string(), retryAfterMs: z.int().optional() }).replies(Done);
const Endless = message("Endless", {}).streams(Done);
const Unknown = message("Unknown", {}).replies(Done);

class Seen {
  /** Calls of Block that have begun: each keeps the agent to itself. */
  readonly blocked: AbortSignal[] = [];
}

const subject = (seen: Seen) =>
  agent("subject", () => ({}))
    .mutateOn(Block, ({ signal }) => {
      seen.blocked.push(signal);
      return new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    })
    .actOn(Break, () => {
      throw new Error("broken");
    })
    .actOn(Forget, () => {})
    .actOn(Refuse, ({ message: { code, retryAfterMs }, reply }) => {
      if (isErrorCode(code)) reply.fail(new ActonError(code, "no", retryAfterMs === undefined ? {} : { retryAfterMs }));
    })
    .actOn(Endless, async function* () {
      for (;;) yield {};
    });

type Handled = ReturnType<typeof subject>["handled"];

interface Options {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** A call under way. In an object, so that nobody awaits it by mistake. */
interface Call {
  readonly settled: Promise<unknown>;
}

interface Stage {
  readonly way: Way<Handled>;
  readonly ref: AgentRef<Handled>;
  readonly clock: ManualClock;
  /** Asks, and resolves when the handler has begun. */
  readonly begun: (options?: Options) => Promise<Call>;
  /** Asks, and resolves when the message waits in the mailbox behind one that runs. */
  readonly queued: (options?: Options) => Promise<Call>;
}

interface Case {
  readonly what: string;
  readonly kind: AskFailure["kind"];
  /** For a ref over a socket too, unless that knows less. */
  readonly ran: AskFailure["ran"];
  readonly remotely?: AskFailure["ran"];
  readonly more?: Readonly<Record<string, unknown>>;
  readonly only?: "remote";
  readonly call: (stage: Stage) => Promise<unknown>;
}

const long = { timeoutMs: 1_000_000 };

const cases: readonly Case[] = [
  {
    what: "a type that the agent does not handle",
    kind: "undeliverable",
    ran: "no",
    call: ({ ref }) => (ref as AgentRef<Handled | typeof Unknown>).ask(Unknown, {}),
  },
  {
    what: "an agent that has stopped",
    kind: "undeliverable",
    ran: "no",
    more: { code: "AGENT_STOPPED" },
    async call({ way, ref }) {
      await way.handle.stop();
      return ref.ask(Forget, {});
    },
  },
  {
    what: "an agent that stops by force with the message queued",
    kind: "undeliverable",
    ran: "no",
    more: { code: "AGENT_STOPPED" },
    async call({ way, clock, queued }) {
      const { settled } = await queued();
      await passing(clock, way.handle.stop());
      return settled;
    },
  },
  {
    what: "an agent that stops by force with the handler running",
    kind: "failed",
    ran: "yes",
    more: { code: "AGENT_STOPPED" },
    async call({ way, clock, begun }) {
      const { settled } = await begun();
      await passing(clock, way.handle.stop());
      return settled;
    },
  },
  {
    what: "a full mailbox",
    kind: "refused",
    ran: "no",
    more: { reason: "busy" },
    async call({ ref, queued }) {
      await queued();
      // A local ask waits for room, as long as not too many do.
      ref.ask(Forget, {}, long).catch(() => {});
      return ref.ask(Forget, {}, long);
    },
  },
  {
    what: "a handler that says that it is busy",
    kind: "refused",
    ran: "yes",
    more: { reason: "busy", retryAfterMs: 250 },
    call: ({ ref }) => ref.ask(Refuse, { code: "TARGET_BUSY", retryAfterMs: 250 }),
  },
  {
    what: "a handler that forbids it",
    kind: "refused",
    ran: "yes",
    more: { reason: "forbidden" },
    call: ({ ref }) => ref.ask(Refuse, { code: "ACCESS_DENIED" }),
  },
  {
    what: "a handler that found nobody itself",
    kind: "failed",
    ran: "yes",
    more: { code: "ACTOR_NOT_FOUND" },
    call: ({ ref }) => ref.ask(Refuse, { code: "ACTOR_NOT_FOUND" }),
  },
  {
    what: "a caller whose signal had aborted before",
    kind: "cancelled",
    ran: "no",
    call: ({ ref }) => ref.ask(Block, {}, { signal: AbortSignal.abort() }),
  },
  {
    what: "a caller that cancels a queued message",
    kind: "cancelled",
    ran: "no",
    remotely: "unknown",
    async call({ queued }) {
      const controller = new AbortController();
      const { settled } = await queued({ ...long, signal: controller.signal });
      controller.abort();
      return settled;
    },
  },
  {
    what: "a caller that cancels a running handler",
    kind: "cancelled",
    ran: "yes",
    remotely: "unknown",
    async call({ begun }) {
      const controller = new AbortController();
      const { settled } = await begun({ ...long, signal: controller.signal });
      controller.abort();
      return settled;
    },
  },
  {
    what: "a caller that cancels a stream of which it has an item",
    kind: "cancelled",
    ran: "yes",
    async call({ ref }) {
      const controller = new AbortController();
      const stream = ref.stream(Endless, {}, { signal: controller.signal });
      await stream.next();
      controller.abort();
      for await (const _ of stream);
    },
  },
  { what: "a handler that does not reply", kind: "noReply", ran: "yes", call: ({ ref }) => ref.ask(Forget, {}) },
  { what: "a handler that throws", kind: "failed", ran: "yes", more: { message: "broken" }, call: ({ ref }) => ref.ask(Break, {}) },
  {
    what: "time that is over with the message queued",
    kind: "timedOut",
    ran: "no",
    async call({ clock, queued }) {
      const { settled } = await queued({ timeoutMs: 100 });
      clock.advance(100);
      return settled;
    },
  },
  {
    what: "time that is over with the handler running",
    kind: "timedOut",
    ran: "yes",
    async call({ clock, begun }) {
      const { settled } = await begun({ timeoutMs: 100 });
      clock.advance(100);
      return settled;
    },
  },
  {
    what: "a connection that is lost with the handler running",
    kind: "transportLost",
    ran: "unknown",
    only: "remote",
    async call({ begun, way }) {
      const { settled } = await begun();
      way.cut();
      return settled;
    },
  },
  {
    what: "a connection that was lost before",
    kind: "transportLost",
    ran: "no",
    only: "remote",
    async call({ ref, way }) {
      const lost = new Promise<void>((resolve) => ref.watch(resolve));
      way.cut();
      await lost;
      return ref.ask(Forget, {});
    },
  },
];

describe.each(kinds)("a call of $name that fails", ({ kind: way }) => {
  let seen: Seen;
  let clock: ManualClock;
  let opened: Way<Handled>;

  beforeEach(async () => {
    seen = new Seen();
    clock = new ManualClock();
    opened = await open(way, subject(seen), { clock, limits: { mailboxSize: 1, waitingSendersMax: 1 } });
  });

  afterEach(() => opened.close());

  test.each(cases.filter(({ only }) => only === undefined || way !== "local"))(
    "because of $what is $kind, and says whether the handler ran",
    async ({ kind, ran, remotely, more, call }) => {
      expect(await failureOf(call(stage()))).toMatchObject({ kind, ran: way === "local" ? ran : (remotely ?? ran), ...more });
    },
  );

  test("before its handler began never has it begin later", async () => {
    const { settled } = await stage().queued({ timeoutMs: 100 });
    clock.advance(100);
    expect((await failureOf(settled)).ran).toBe("no");
    clock.advance(long.timeoutMs);
    await eventually(() => seen.blocked[0]?.aborted === true, "the end of the first handler");
    await quiet();
    expect(seen.blocked).toHaveLength(1);
  });

  function stage(): Stage {
    const { ref } = opened;
    const ask = (options: Options = long): Call => {
      const settled = ref.ask(Block, {}, options);
      settled.catch(() => {});
      return { settled };
    };
    const begun = async (options?: Options): Promise<Call> => {
      const call = ask(options);
      await eventually(() => seen.blocked.length === 1, "the handler's beginning");
      return call;
    };
    const queued = async (options?: Options): Promise<Call> => {
      await begun();
      const call = ask(options);
      const { listener } = opened;
      if (listener !== undefined) await eventually(() => listener.stats().requestsInFlight === 2, "the second request");
      expect(opened.handle.trySend(Block, {})).toBe(false);
      return call;
    };
    return { way: opened, ref, clock, begun, queued };
  }
});

describe("a failure", () => {
  test("is undefined for what is none", () => {
    expect(askFailure(new TypeError("a mistake"))).toBeUndefined();
    expect(askFailure("text")).toBeUndefined();
  });

  test("has one kind for each code, and each kind has a code", () => {
    expect(Object.keys(askOutcomes).sort()).toEqual(Object.keys(errorKinds).sort());
    const told = codes.map((code) => askFailure(new ActonError(code, "x", { ran: "no" }))?.kind);
    const everyKind: AskFailure["kind"][] = ["cancelled", "failed", "noReply", "refused", "timedOut", "transportLost", "undeliverable"];
    expect(new Set(told)).toEqual(new Set(everyKind));
  });

  test("that reached a handler is not undeliverable, whatever its code", () => {
    for (const ran of ["yes", "unknown"] as const) expect(askFailure(new ActonError("UNHANDLED", "x", { ran }))?.kind).toBe("failed");
  });

  test("says what its code says of the handler, where the case says nothing", () => {
    for (const code of codes) expect(new ActonError(code, "x").ran).toBe(errorKinds[code].ran);
  });

  const codes = Object.keys(errorKinds).filter(isErrorCode);
});

async function failureOf(call: Promise<unknown>): Promise<AskFailure> {
  const failure = await call.then(
    () => undefined,
    (error: unknown) => askFailure(error),
  );
  if (failure === undefined) throw new Error("expected a failure");
  return failure;
}
