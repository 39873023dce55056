// The code of an agent on a thread is exchanged, while it works.

import { expect, setDefaultTimeout, test } from "bun:test";
import { actor, Beside, Do, Order, Told } from "./scene.ts";
import { heard, stage, until } from "./stage.ts";

// A thread takes its time on a machine that is busy.
setDefaultTimeout(30_000);

const blueprint = actor.runOn("worker");

test("what runs may finish, though nobody waits for it, and a reply that was put off keeps nobody waiting", async () => {
  await using scene = stage("scene.ts");
  const told = heard(scene, Told);
  const handle = await scene.runtime.start(blueprint);
  const deferred = handle.ask(Beside, { deed: "defer" }).catch(({ code }) => String(code));
  await handle.send(Order, { deed: "replyThenWork" });
  await handle.ask(Beside, { deed: "nothing" }).catch(() => {});
  await handle.reload(blueprint);
  await until(() => told.length === 1, "the end of the work");
  expect(await deferred).toBe("AGENT_STOPPED");
  expect(await handle.ask(Do, { deed: "notes" })).toEqual([]);
  expect(handle.generation).toBe(2);
  expect(scene.lines.filter(({ level }) => level === "error")).toEqual([]);
});

test("what is asked in the same turn is answered by the new code", async () => {
  await using scene = stage("scene.ts");
  const handle = await scene.runtime.start(blueprint);
  const answers = Array.from({ length: 100 }, (_, i) => handle.ask(Do, { deed: "echo", with: i }));
  await handle.reload(blueprint);
  expect(await Promise.all(answers)).toEqual(Array.from({ length: 100 }, (_, i) => i));
});
