// The client's side of a death watch: one on the wire for each agent, however many callbacks wait for it.

import { expect, test } from "bun:test";
import { open, turn } from "./wire.ts";

test("many watchers of one agent are one watch on the wire, and are all told by its answer", async () => {
  const { wire, client } = await open();
  const calls: string[] = [];
  const a = client.agent("a");
  for (const name of ["one", "two", "three"]) a.watch(() => calls.push(name));
  client.agent("a").watch(() => calls.push("by another ref"));
  client.agent("b").watch(() => calls.push("of another agent"));
  await turn();
  expect(wire.sent).toEqual([
    { watch: "a", request_id: "1" },
    { watch: "b", request_id: "2" },
  ]);
  wire.answer({ request_id: "1", success: true, payload: { agent: "a", reason: "stopped" }, error: null });
  expect(calls).toEqual(["one", "two", "three", "by another ref"]);
  wire.lose();
  expect(calls).toEqual(["one", "two", "three", "by another ref", "of another agent"]);
});

test("the same callback twice is called twice", async () => {
  const { wire, client } = await open();
  let calls = 0;
  const count = (): number => (calls += 1);
  client.agent("a").watch(count);
  const end = client.agent("a").watch(count);
  client.agent("a").watch(count);
  end();
  end();
  wire.lose();
  expect(calls).toBe(2);
});

test("the last watcher that leaves cancels the watch on the wire, and the next one begins another", async () => {
  const { wire, client } = await open();
  const calls: string[] = [];
  const ends = ["one", "two"].map((name) => client.agent("a").watch(() => calls.push(name)));
  ends[0]?.();
  await turn();
  expect(wire.sent).toEqual([{ watch: "a", request_id: "1" }]);
  ends[1]?.();
  ends[1]?.();
  client.agent("a").watch(() => calls.push("three"));
  await turn();
  expect(wire.sent.slice(1)).toEqual([{ cancel: "1" }, { watch: "a", request_id: "2" }]);
  wire.answer({ request_id: "1", success: false, payload: null, error: "Cancelled: x", error_code: "CANCELLED" });
  expect(calls).toEqual([]);
  wire.answer({ request_id: "2", success: true, payload: { agent: "a", reason: "stopped" }, error: null });
  expect(calls).toEqual(["three"]);
});

test("an agent that is not there is gone at once", async () => {
  const { wire, client } = await open();
  const calls: string[] = [];
  client.agent("a").watch(() => calls.push("gone"));
  wire.answer({ request_id: "1", success: false, payload: null, error: "AgentNotFound: a", error_code: "ACTOR_NOT_FOUND" });
  expect(calls).toEqual(["gone"]);
  client.agent("a").watch(() => calls.push("again"));
  await turn();
  expect(wire.sent.at(-1)).toEqual({ watch: "a", request_id: "2" });
});

test.each(["SERIALIZATION_ERROR", "PROTOCOL_ERROR", "ACCESS_DENIED", "TARGET_BUSY", "SHUTTING_DOWN"])(
  "a server that answers %s, as old ones do, leaves the loss of the connection to be told",
  async (code) => {
    const { wire, client } = await open();
    const calls: string[] = [];
    client.agent("a").watch(() => calls.push("lost"));
    wire.answer({ request_id: "1", success: false, payload: null, error: "no", error_code: code });
    expect(calls).toEqual([]);
    wire.lose();
    expect(calls).toEqual(["lost"]);
  },
);

test("a watcher may watch again when it is told, and is told of the next end too", async () => {
  const { wire, client } = await open();
  let calls = 0;
  const again = (): void => {
    calls += 1;
    if (calls === 1) client.agent("a").watch(again);
  };
  client.agent("a").watch(again);
  wire.answer({ request_id: "1", success: true, payload: {}, error: null });
  expect(calls).toBe(1);
  wire.answer({ request_id: "2", success: true, payload: {}, error: null });
  expect(calls).toBe(2);
});
