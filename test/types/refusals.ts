// What must not compile: under each directive stands the mistake, and beside it the reason. Compiled, never run.

import { agent, type AgentHandle, type AgentRef } from "../../src/index.ts";
import type { AgentSystem } from "../../src/runtime/agent-system.ts";
import { AddRequest, ListRequest, Other, Tick } from "./messages.ts";

const calculator = agent("calculator", () => ({ calls: 0, nested: { deep: 0 }, items: [] as number[] }))
  .mutateOn(AddRequest, ({ message }) => ({ sum: message.a + message.b }))
  .actOn(ListRequest, async function* () {
    yield { id: 1, name: "one" };
  })
  .mutateOn(Tick, () => {});

export async function payloads(handle: AgentHandle<typeof AddRequest | typeof ListRequest | typeof Tick>): Promise<void> {
  // @ts-expect-error -- a field has the wrong type
  await handle.ask(AddRequest, { a: "1", b: 2 });
  // @ts-expect-error -- a field is missing
  await handle.ask(AddRequest, { a: 1 });
  // @ts-expect-error -- a field is unknown
  await handle.ask(AddRequest, { a: 1, b: 2, c: 3 });
  // @ts-expect-error -- the payload is missing
  await handle.ask(AddRequest);
  // @ts-expect-error -- wrong payload on send
  await handle.send(Tick, { at: "now" });
  // @ts-expect-error -- wrong payload on trySend
  handle.trySend(Tick, {});
  // @ts-expect-error -- wrong payload on stream
  handle.stream(ListRequest, { page_size: "10" });
}

export async function unhandled(
  handle: AgentHandle<typeof AddRequest | typeof ListRequest | typeof Tick>,
  ref: AgentRef<typeof Tick>,
): Promise<void> {
  // @ts-expect-error -- the agent does not handle it: send
  await handle.send(Other, { x: true });
  // @ts-expect-error -- the agent does not handle it: trySend
  handle.trySend(Other, { x: true });
  // @ts-expect-error -- the agent does not handle it: ask
  await handle.ask(Other.replies(Tick), { x: true });
  // @ts-expect-error -- the agent does not handle it: stream
  handle.stream(Other.streams(Tick), { x: true });
  // @ts-expect-error -- the ref's agent does not handle it
  await ref.send(Other, { x: true });
  // @ts-expect-error -- ask on a stream type
  await handle.ask(ListRequest, { page_size: 1 });
  // @ts-expect-error -- stream on a request type
  handle.stream(AddRequest, { a: 1, b: 2 });
  // @ts-expect-error -- ask on an event
  await handle.ask(Tick, { at: 1 });
  // @ts-expect-error -- stream on an event
  handle.stream(Tick, { at: 1 });
  // @ts-expect-error -- a ref to an agent that handles less does not serve where more is asked for
  const more: AgentRef<typeof Tick | typeof Other> = ref;
  await more.send(Tick, { at: 1 });
}

export async function answers(handle: AgentHandle<typeof AddRequest | typeof ListRequest>): Promise<void> {
  // @ts-expect-error -- the reply is no string
  const text: string = (await handle.ask(AddRequest, { a: 1, b: 2 })).sum;
  // @ts-expect-error -- the reply has no such field
  const total: unknown = (await handle.ask(AddRequest, { a: 1, b: 2 })).total;
  for await (const item of handle.stream(ListRequest, { page_size: 1 })) {
    // @ts-expect-error -- the item has no such field
    void [item.title, text, total];
  }
}

export const wrongReplies = [
  // @ts-expect-error -- a field of the reply has the wrong type
  agent("a", () => ({})).mutateOn(AddRequest, () => ({ sum: "3" })),
  // @ts-expect-error -- a field of the reply is missing
  agent("a", () => ({})).mutateOn(AddRequest, () => ({})),
  // @ts-expect-error -- the reply is no object
  agent("a", () => ({})).mutateOn(AddRequest, () => 3),
  // @ts-expect-error -- the reply may not be null
  agent("a", () => ({})).mutateOn(AddRequest, () => null),
  // @ts-expect-error -- an async handler resolves to a wrong reply
  agent("a", () => ({})).mutateOn(AddRequest, async () => ({ sum: "3" })),
  // @ts-expect-error -- an async actOn handler resolves to a wrong reply
  agent("a", () => ({})).actOn(AddRequest, async () => ({ total: 3 })),
  // @ts-expect-error -- one of two ways returns a wrong reply
  agent("a", () => ({})).mutateOn(AddRequest, ({ message }) => (message.a > 0 ? { sum: 1 } : { total: 1 })),
  // @ts-expect-error -- a generator yields wrong items
  agent("a", () => ({})).actOn(ListRequest, async function* () {
    yield { id: "1", name: "one" };
  }),
  // @ts-expect-error -- a sync generator yields wrong items
  agent("a", () => ({})).actOn(ListRequest, function* () {
    yield 1;
  }),
  // @ts-expect-error -- a generator returns a wrong last item
  agent("a", () => ({})).actOn(ListRequest, async function* () {
    yield { id: 1, name: "one" };
    return "the end";
  }),
  // @ts-expect-error -- a stream is not answered by one plain value
  agent("a", () => ({})).actOn(ListRequest, () => ({ id: 1, name: "one" })),
  // @ts-expect-error -- a request is not answered by a generator
  agent("a", () => ({})).actOn(AddRequest, async function* () {
    yield { sum: 1 };
  }),
];

export const wrongPorts = agent("ports", () => ({}))
  .mutateOn(AddRequest, async ({ reply }) => {
    // @ts-expect-error -- the reply port is typed: send
    await reply.send({ sum: "3" });
    // @ts-expect-error -- the reply port is typed: end
    reply.end({ total: 3 });
  })
  .actOn(ListRequest, async ({ reply }) => {
    // @ts-expect-error -- a stream's port takes items
    await reply.send({ id: 1 });
  })
  .mutateOn(Tick, ({ reply }) => {
    // @ts-expect-error -- an event has no answer to send
    void reply.send({ at: 1 });
  });

export const handlers = agent("handlers", () => ({ calls: 0, items: [] as number[] }))
  .mutateOn(AddRequest, ({ message, model, peer, identity }) => {
    // @ts-expect-error -- the message has no such field
    void message.c;
    // @ts-expect-error -- the model has no such field
    void model.missing;
    // @ts-expect-error -- a field of the model has another type
    model.calls = "one";
    // @ts-expect-error -- the message's field is a number
    const text: string = message.a;
    // @ts-expect-error -- there is no peer behind a local message
    void peer.uid;
    // @ts-expect-error -- the identity is unknown until it is checked
    void identity.name;
    return { sum: text.length };
  })
  .actOn(ListRequest, ({ model }) => {
    // @ts-expect-error -- the model is read-only in actOn
    model.calls += 1;
    // @ts-expect-error -- and what it holds cannot be replaced
    model.items = [];
  });

export const blueprints = [
  // @ts-expect-error -- subscribe to a type that it does not handle
  calculator.subscribe(Other),
  // @ts-expect-error -- subscribe before there is a handler
  agent("a", () => ({})).subscribe(Tick),
  // @ts-expect-error -- no such decision
  calculator.onCrash("ignore"),
  // @ts-expect-error -- a policy function decides
  calculator.onCrash(() => true),
  // @ts-expect-error -- a model comes from a function
  agent("a", { calls: 0 }),
];

export const parent = agent("parent", () => ({})).beforeStart(async ({ start, sendAfter, sendEvery, broker }) => {
  const child = await start(calculator);
  // @ts-expect-error -- the child does not handle it
  await child.send(Other, { x: true });
  // @ts-expect-error -- wrong payload for the child
  await child.ask(AddRequest, { a: 1, b: "2" });
  // @ts-expect-error -- wrong payload in a schedule
  sendAfter(10, Tick, { at: "later" });
  // @ts-expect-error -- no such rhythm
  sendEvery(10, Tick, { at: 1 }, { fixed: "often" });
  // @ts-expect-error -- the child does not handle it, later neither
  child.sendAfter(10, Other, { x: true });
  // @ts-expect-error -- wrong payload in a schedule for the child
  child.sendEvery("@daily", AddRequest, { a: 1 });
  // @ts-expect-error -- wrong payload in a broadcast
  broker.broadcast(Tick, { x: true });
});

export function system(system: AgentSystem): void {
  // @ts-expect-error -- wrong payload in a broadcast
  system.broker.broadcast(Tick, { at: "now" });
  // @ts-expect-error -- a subscriber's payload is typed
  system.broker.subscribe(Tick, (payload: { x: boolean }) => payload.x);
}
