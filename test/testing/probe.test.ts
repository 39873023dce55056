// The test kit: a probe takes what comes, in order, and says clearly what was not as expected.

import { expect, test } from "bun:test";
import { ActonApp, agent, message } from "acton";
import { probe } from "acton/testing";
import { z } from "zod";
import { silentLog } from "../../src/log.ts";

const Answer = message("Answer", { n: z.int() });
const Question = message("Question", { n: z.int() }).replies(Answer);
const Items = message("Items", {}).streams(Answer);
const Note = message("Note", { n: z.int() });

const runtimeWithoutLog = (): ActonApp => ActonApp.launch({ log: silentLog });

test("a probe takes messages in their order, whether they are waited for or not", async () => {
  await using runtime = runtimeWithoutLog();
  const peer = probe("peer", [Note, Question]);
  const handle = await runtime.start(peer.blueprint);
  const early = peer.expectMessage(Note);
  for (const n of [1, 2, 3]) await handle.send(Note, { n });
  expect((await early).message).toEqual({ n: 1 });
  for (const n of [2, 3]) expect((await peer.expectMessage(Note)).message).toEqual({ n });
});

test("what it was asked stays open until the test answers: by reply, failure or items", async () => {
  await using runtime = runtimeWithoutLog();
  const peer = probe("peer", [Question, Items]);
  const handle = await runtime.start(peer.blueprint);
  const answer = handle.ask(Question, { n: 1 });
  (await peer.expectMessage(Question)).reply.end({ n: 2 });
  expect(await answer).toEqual({ n: 2 });
  const failed = handle.ask(Question, { n: 1 }).catch((error: unknown) => String(error));
  (await peer.expectMessage(Question)).reply.fail("not today");
  expect(await failed).toContain("not today");
  const items = Array.fromAsync(handle.stream(Items, {}));
  const { reply } = await peer.expectMessage(Items);
  for (const n of [1, 2]) await reply.send({ n });
  reply.end();
  expect(await items).toEqual([{ n: 1 }, { n: 2 }]);
});

test("it sees who asks, and that the asker has left", async () => {
  await using runtime = runtimeWithoutLog();
  const peer = probe("peer", [Question]);
  const handle = await runtime.start(peer.blueprint);
  const asker = await runtime.start(agent("asker", () => ({})).actOn(Note, () => handle.ask(Question, { n: 1 }, { timeoutMs: 20 }).catch(() => {})));
  await asker.send(Note, { n: 1 });
  const { sender, signal } = await peer.expectMessage(Question);
  expect(sender?.name).toBe("asker");
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
});

test("with subscribe it receives broadcasts", async () => {
  await using runtime = runtimeWithoutLog();
  const listener = probe("listener", [Note], { subscribe: true });
  await runtime.start(listener.blueprint);
  runtime.broker().broadcast(Note, { n: 7 });
  expect((await listener.expectMessage(Note)).message).toEqual({ n: 7 });
});

test("another message than the expected one, and none at all, are told by name", async () => {
  await using runtime = runtimeWithoutLog();
  const peer = probe("peer", [Note, Question]);
  const handle = await runtime.start(peer.blueprint);
  await handle.send(Note, { n: 1 });
  await expect(peer.expectMessage(Question)).rejects.toThrow("the probe peer got Note instead of Question");
  await expect(peer.expectMessage(Note, { withinMs: 1 })).rejects.toThrow("the probe peer got no Note within 1 ms");
});

test("expectNoMessage holds while nothing comes, and fails for what came before it or meanwhile", async () => {
  await using runtime = runtimeWithoutLog();
  const peer = probe("peer", [Note]);
  const handle = await runtime.start(peer.blueprint);
  await peer.expectNoMessage(1);
  const silence = peer.expectNoMessage(10_000).catch((error: unknown) => String(error));
  await handle.send(Note, { n: 1 });
  expect(await silence).toContain("got Note instead of no message");
});

test("fishing passes over what comes before, and keeps what comes after", async () => {
  await using runtime = runtimeWithoutLog();
  const peer = probe("peer", [Note, Question]);
  const handle = await runtime.start(peer.blueprint);
  await handle.send(Note, { n: 1 });
  const answer = handle.ask(Question, { n: 2 });
  for (const n of [3, 4]) await handle.send(Note, { n });
  (await peer.fishFor(Question)).reply.end({ n: 5 });
  expect(await answer).toEqual({ n: 5 });
  expect((await peer.fishFor(Note, { where: ({ n }) => n > 3 })).message).toEqual({ n: 4 });
  await peer.expectNoMessage(1);
  const caught = peer.fishFor(Note, { where: ({ n }) => n === 6, withinMs: 10_000 });
  for (const n of [5, 6, 7]) await handle.send(Note, { n });
  expect((await caught).message).toEqual({ n: 6 });
  expect((await peer.expectMessage(Note)).message).toEqual({ n: 7 });
});

test("fishing in vain is told by name, however much else comes", async () => {
  await using runtime = runtimeWithoutLog();
  const peer = probe("peer", [Note, Question]);
  const handle = await runtime.start(peer.blueprint);
  for (const n of [1, 2]) await handle.send(Note, { n });
  await expect(peer.fishFor(Question, { withinMs: 1 })).rejects.toThrow("the probe peer got no Question within 1 ms");
});

test("fishing ends in time, even if something else comes all the time", async () => {
  await using runtime = runtimeWithoutLog();
  const peer = probe("peer", [Note, Question]);
  const handle = await runtime.start(peer.blueprint);
  await runtime.start(
    agent("noise", () => ({}))
      .afterStart(({ sendEvery }) => sendEvery(1, Note, { n: 1 }))
      .actOn(Note, () => handle.send(Note, { n: 1 })),
  );
  await expect(peer.fishFor(Question, { withinMs: 30 })).rejects.toThrow("the probe peer got no Question within 30 ms");
});
