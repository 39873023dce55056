// What is inferred without a word of annotation. Compiled, never run.

import { z } from "zod";
import * as mini from "zod/mini";
import {
  ActonError,
  agent,
  type AgentHandle,
  type AgentRef,
  type AnswerOf,
  type AskFailure,
  message,
  type PayloadOf,
  type RefusalReason,
  type ReplyStream,
  type Schedule,
} from "../../src/index.ts";
import type { AgentSystem } from "../../src/runtime/agent-system.ts";
import { AddRequest, AddResult, holds, ListItem, ListRequest, type Same, Tick } from "./messages.ts";

holds<Same<PayloadOf<typeof AddRequest>, { a: number; b: number }>>();
holds<Same<AnswerOf<typeof AddRequest>, { sum: number }>>();
holds<Same<AnswerOf<typeof ListRequest>, { id: number; name: string }>>();
holds<Same<(typeof AddRequest)["name"], "AddRequest">>();
holds<Same<(typeof AddRequest)["kind"], "request">>();
holds<Same<(typeof ListRequest)["kind"], "stream">>();
holds<Same<(typeof Tick)["kind"], "event">>();

// A record of zod types, a zod object, a zod/mini object and a Standard Schema are typed as their output.
const Converted = message("Converted", { n: z.coerce.number(), at: z.iso.datetime().transform((text) => new Date(text)), d: z.string().default("") });
holds<Same<PayloadOf<typeof Converted>, { n: number; at: Date; d: string }>>();
const Whole = message("Whole", z.object({ a: z.string().optional() }));
holds<Same<PayloadOf<typeof Whole>, { a?: string | undefined }>>();
const Mini = message("Mini", mini.object({ a: mini.string() }));
holds<Same<PayloadOf<typeof Mini>, { a: string }>>();
const Text = message("Text", z.string());
holds<Same<PayloadOf<typeof Text>, string>>();
const Choice = message("Choice", z.discriminatedUnion("kind", [z.object({ kind: z.literal("a") }), z.object({ kind: z.literal("b"), n: z.int() })]));
holds<Same<PayloadOf<typeof Choice>, { kind: "a" } | { kind: "b"; n: number }>>();
declare const foreign: {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => { value: Date };
    readonly types?: { readonly input: string; readonly output: Date } | undefined;
  };
};
const Foreign = message("Foreign", foreign);
holds<Same<PayloadOf<typeof Foreign>, Date>>();

const calculator = agent("calculator", () => ({ calls: 0 }))
  .mutateOn(AddRequest, ({ model, message, reply, sender, signal }) => {
    model.calls += 1;
    holds<Same<typeof message, { a: number; b: number }>>();
    const aborted: boolean = signal.aborted;
    const name: string | undefined = sender?.name;
    if (aborted) reply.end({ sum: 0 });
    if (name !== undefined) void reply.send({ sum: 1 });
    return { sum: message.a + message.b };
  })
  .actOn(ListRequest, async function* ({ model, message }) {
    const calls: number = model.calls;
    for (let id = 0; id < message.page_size; id++) yield { id, name: String(calls) };
  })
  .mutateOn(Tick, ({ message }) => {
    const at: number = message.at;
    if (at < 0) throw new Error("before time");
  })
  .subscribe(Tick);

/** Each way of answering that the guide shows. */
export const waysOfAnswering = [
  agent("value", () => ({})).mutateOn(AddRequest, () => ({ sum: 1 })),
  agent("promise", () => ({})).mutateOn(AddRequest, async () => ({ sum: 1 })),
  agent("by port", () => ({})).mutateOn(AddRequest, ({ reply }) => reply.end({ sum: 1 })),
  agent("by port, later", () => ({})).mutateOn(AddRequest, async ({ reply }) => {
    await reply.send({ sum: 1 });
  }),
  agent("either", () => ({})).mutateOn(AddRequest, ({ reply, message }) => {
    if (message.a > 0) return { sum: 1 };
    reply.defer();
    return undefined;
  }),
  agent("sync generator", () => ({})).actOn(ListRequest, function* () {
    yield { id: 1, name: "one" };
  }),
  agent("returns the last", () => ({})).actOn(ListRequest, async function* () {
    yield { id: 1, name: "one" };
    return { id: 2, name: "two" };
  }),
  agent("stream by port", () => ({})).actOn(ListRequest, async ({ reply }) => {
    await reply.send({ id: 1, name: "one" });
  }),
  agent("narrower", () => ({})).actOn(AddRequest, () => ({ sum: 1 }) as const),
];

export async function uses(system: AgentSystem): Promise<void> {
  const handle = await system.start(calculator);
  holds<Same<typeof handle, AgentHandle<typeof AddRequest | typeof ListRequest | typeof Tick>>>();
  const sum: number = (await handle.ask(AddRequest, { a: 1, b: 2 })).sum;
  const timed = await handle.ask(AddRequest, { a: sum, b: 2 }, { timeoutMs: 100, signal: AbortSignal.abort() });
  holds<Same<typeof timed, { sum: number }>>();
  for await (const item of handle.stream(ListRequest, { page_size: 10 })) holds<Same<typeof item, { id: number; name: string }>>();
  const stream = handle.stream(ListRequest, { page_size: 10 });
  holds<Same<typeof stream, ReplyStream<{ id: number; name: string }>>>();
  await handle.send(Tick, { at: 1 });
  await handle.send(AddRequest, { a: 1, b: 2 });
  const taken: boolean = handle.trySend(Tick, { at: 1 });
  const schedule: Schedule = handle.sendAfter(10, Tick, { at: 1 });
  handle.sendAt(0, AddRequest, { a: 1, b: 2 }).cancel();
  handle.sendEvery("@daily", Tick, { at: 1 }, { timeZone: "UTC" }).cancel();
  const ended = await schedule.settled();
  holds<Same<typeof ended.kind, "delivered" | "cancelled" | "abandoned" | "undeliverable">>();
  if (ended.kind === "undeliverable") throw ActonError.from(ended.failure);
  if (!taken) await handle.stop();

  // A local handle is a ref, and a ref to an agent that handles more serves where fewer are asked for.
  const ref: AgentRef<typeof AddRequest> = handle;
  const fewer: AgentHandle<typeof AddRequest> = handle;
  await Promise.all([ref.ask(AddRequest, { a: 1, b: 2 }), fewer.ask(AddRequest, { a: 1, b: 2 })]);

  system.broker.broadcast(Tick, { at: 1 });
  system.broker.subscribe(Tick, (payload, publication) => {
    holds<Same<typeof payload, { at: number }>>();
    const source: string | undefined = publication.source;
    return source;
  });
}

export const parent = agent("parent", () => ({ child: undefined as AgentHandle<typeof AddRequest> | undefined }))
  .beforeStart(async ({ model, start, sendEvery, sendAfter, sendAt, clock }) => {
    const child = await start(calculator, { name: "child" });
    const { sum } = await child.ask(AddRequest, { a: 1, b: 2 });
    model.child = child;
    sendEvery(sum, Tick, { at: 1 }, { fixed: "delay" }).cancel();
    sendAfter(10, Tick, { at: 1 });
    sendAt(clock.now() + 10, Tick, { at: 1 });
  })
  .mutateOn(Tick, ({ broker, message }) => broker.broadcast(ListItem, { id: message.at, name: "tick" }))
  .onCrash((error) => (error instanceof TypeError ? "stop" : "restart"));

/** There is no kind beside these, and none whose fields a caller has to guess. */
export function advice(failure: AskFailure): string {
  switch (failure.kind) {
    case "undeliverable":
      holds<Same<typeof failure.ran, "no">>();
      return failure.message;
    case "refused":
      holds<Same<typeof failure.reason, RefusalReason>>();
      return failure.reason;
    case "cancelled":
    case "noReply":
    case "failed":
    case "timedOut":
    case "transportLost":
      holds<Same<typeof failure.ran, "no" | "yes" | "unknown">>();
      return failure.ran;
  }
}

export { AddResult };
