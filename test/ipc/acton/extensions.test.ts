// Cancel, credit, trace context and statistics, in acton and in bare: one connection each, the same expectations.

import { expect, test } from "bun:test";
import { agent, message } from "acton";
import { z } from "zod";
import { oneRound, quiet } from "../../support/conditions.ts";
import { TestServer } from "../../support/test-server.ts";
import type { Fields } from "../../support/raw-client.ts";
import { type Caller, callers } from "./callers.ts";
import { connectActon, kinds } from "./support.ts";

const reply = { expects_reply: true };
const stream = { expects_stream: true };

/** The sequence numbers of the next `count` items. */
async function items(caller: Caller, count: number): Promise<unknown[]> {
  const sequences: unknown[] = [];
  while (sequences.length < count) {
    const frame = await caller.next();
    expect(frame["is_final"]).toBe(false);
    sequences.push(frame["sequence"]);
  }
  return sequences;
}

test.each(callers)("%s: cancel ends a running request with CANCELLED, and its handler's signal aborts", async (_dialect, connect) => {
  await using server = await TestServer.start();
  const caller = await connect(server);
  caller.request("r", "holder", "Hold", 1, reply);
  await server.until(() => server.seen.held.length === 1);
  caller.cancel("r");
  expect(await caller.next()).toMatchObject({
    [caller.idField]: "r",
    success: false,
    error_code: "CANCELLED",
    error: expect.stringMatching(/^Cancelled: /) as unknown,
  });
  expect(server.seen.call(0).signal.aborted).toBe(true);
  void server.seen.call(0).reply.send("too late");
  caller.cancel("r");
  await caller.nothingElse();
});

test.each(callers)("%s: cancel ends a request that waits for its place, and it never runs", async (_dialect, connect) => {
  await using server = await TestServer.start({ config: { inFlightMax: 1 } });
  const caller = await connect(server);
  for (const id of ["running", "waiting"]) caller.request(id, "holder", "Hold", id, reply);
  await server.until(() => server.listener.stats().requestsWaiting === 1);
  caller.cancel("waiting");
  expect(await caller.next()).toMatchObject({ [caller.idField]: "waiting", success: false, error_code: "CANCELLED" });
  void server.seen.call(0).reply.send("done");
  expect(await caller.next()).toMatchObject({ [caller.idField]: "running", success: true });
  await quiet();
  expect(server.seen.held).toHaveLength(1);
});

test.each(callers)("%s: cancel ends a stream with one final frame behind its items, and its generator is left", async (_dialect, connect) => {
  await using server = await TestServer.start();
  const caller = await connect(server);
  caller.request("s", "streams", "Count", { items: 1000 }, { ...stream, stream_window: 2 });
  expect(await items(caller, 2)).toEqual([0, 1]);
  caller.cancel("s");
  expect(await caller.next()).toMatchObject({ [caller.idField]: "s", sequence: 2, is_final: true, error_code: "CANCELLED" });
  await server.until(() => server.seen.left === 1);
  caller.credit("s", 10);
  await caller.nothingElse();
});

test.each(callers)("%s: a cancel of what is not open, and credit for it, mean nothing", async (_dialect, connect) => {
  await using server = await TestServer.start();
  const caller = await connect(server);
  caller.cancel("never asked");
  caller.credit("never asked", 3);
  caller.request("r", "holder", "Hold", 1, reply);
  caller.credit("r", 3);
  await caller.nothingElse();
  expect(server.listener.stats().errors).toBe(0);
});

test.each(callers)("%s: a stream with a window is never more than that ahead, and credit lets it go on", async (_dialect, connect) => {
  await using server = await TestServer.start();
  const caller = await connect(server);
  caller.request("s", "streams", "Count", { items: 7 }, { ...stream, stream_window: 3 });
  expect(await items(caller, 3)).toEqual([0, 1, 2]);
  await quiet();
  await caller.nothingElse();
  expect(server.seen.produced).toBeLessThanOrEqual(4);
  caller.credit("s", 1);
  expect(await items(caller, 1)).toEqual([3]);
  await quiet();
  await caller.nothingElse();
  for (const credit of [1, 0, 1]) caller.credit("s", credit);
  expect(await items(caller, 2)).toEqual([4, 5]);
  await quiet();
  await caller.nothingElse();
  caller.credit("s", 5);
  expect(await items(caller, 1)).toEqual([6]);
  expect(await caller.next()).toMatchObject({ [caller.idField]: "s", sequence: 7, is_final: true });
});

test.each(callers)("%s: a window of 0 sends nothing before there is credit", async (_dialect, connect) => {
  await using server = await TestServer.start();
  const caller = await connect(server);
  caller.request("s", "streams", "Count", { items: 2 }, { ...stream, stream_window: 0 });
  await server.until(() => server.listener.stats().streamsOpen === 1);
  await quiet();
  await caller.nothingElse();
  expect(server.seen.produced).toBeLessThanOrEqual(1);
  caller.credit("s", 2);
  expect(await items(caller, 2)).toEqual([0, 1]);
  expect(await caller.next()).toMatchObject({ is_final: true });
});

test.each(callers)("%s: what a handler sent without waiting for credit is not lost when it ends its stream", async (_dialect, connect) => {
  await using server = await TestServer.start();
  const caller = await connect(server);
  caller.request("s", "streams", "Feed", 1, { ...stream, stream_window: 1 });
  await server.until(() => server.seen.feeds.length === 1);
  const { reply: feed } = server.seen.feed(0);
  for (const item of ["a", "b", "c"]) void feed.send(item);
  feed.end("last");
  expect(await caller.next()).toMatchObject({ sequence: 0, payload: "a", is_final: false });
  caller.credit("s", 10);
  expect(await caller.next()).toMatchObject({ sequence: 1, payload: "b", is_final: false });
  expect(await caller.next()).toMatchObject({ sequence: 2, payload: "c", is_final: false });
  expect(await caller.next()).toMatchObject({ sequence: 3, payload: "last", is_final: true });
});

test.each(callers)("%s: the time spent waiting for credit counts against the stream's time", async (_dialect, connect) => {
  await using server = await TestServer.start();
  const caller = await connect(server);
  const timeField = caller.idField === "request_id" ? "timeout_ms" : "response_timeout_ms";
  caller.request("s", "streams", "Count", { items: 5 }, { ...stream, stream_window: 1, [timeField]: 200 });
  expect(await items(caller, 1)).toEqual([0]);
  server.clock.advance(199);
  await caller.nothingElse();
  server.clock.advance(1);
  expect(await caller.next()).toMatchObject({ [caller.idField]: "s", sequence: 1, is_final: true, error_code: "TIMEOUT" });
  await server.until(() => server.seen.left === 1);
});

test.each(callers)("%s: a stream that waits for credit delays no other call", async (_dialect, connect) => {
  await using server = await TestServer.start();
  const caller = await connect(server);
  caller.request("s", "streams", "Count", { items: 5 }, { ...stream, stream_window: 0 });
  for (let n = 0; n < 3; n++) {
    caller.request(`r${n}`, "echo", "Echo", n, reply);
    expect(await caller.next()).toMatchObject({ [caller.idField]: `r${n}`, payload: n });
  }
});

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

test.each(callers)("%s: the trace context of a request reaches its handler", async (_dialect, connect) => {
  await using server = await TestServer.start();
  const Traced = message("Traced", {}).replies(message("TracedAnswer", z.any()));
  server.runtime.ipcExpose("tracer", await server.runtime.start(agent("tracer", () => ({})).actOn(Traced, ({ trace }) => trace ?? "none")));
  const caller = await connect(server);
  const asked = async (more: Fields): Promise<unknown> => {
    caller.request("t", "tracer", "Traced", {}, { ...reply, ...more });
    return (await caller.next())["payload"];
  };
  expect(await asked({ traceparent, tracestate: "vendor=1" })).toEqual({ traceparent, tracestate: "vendor=1" });
  expect(await asked({ traceparent })).toEqual({ traceparent });
  expect(await asked({})).toBe("none");
  expect(await asked({ traceparent: 7 })).toBe("none");
});

test.each(callers)("%s: statistics are a response with the listener's figures", async (_dialect, connect) => {
  await using server = await TestServer.start();
  const caller = await connect(server);
  caller.request("e", "nobody", "Echo", 1, reply);
  await caller.next();
  caller.request("h", "holder", "Hold", 1, reply);
  await server.until(() => server.seen.held.length === 1);
  caller.stats("st");
  const answer = await caller.next();
  expect(answer).toMatchObject({ [caller.idField]: "st", success: true });
  expect(answer["payload"]).toMatchObject({
    active_connections: 1,
    requests_in_flight: 1,
    bytes_in_flight: expect.any(Number),
    errors: 1,
    errors_by_code: { AgentNotFound: 1 },
    draining: false,
  });
});

test("extensions of ours are asked for in version 2 only, and answered in kinds that acton knows", async () => {
  await using server = await TestServer.start();
  for (const spelling of ["json", "msgpack"] as const) {
    const client = await connectActon(server, spelling);
    const stats = await client.ask(kinds.stats, { correlation_id: "st" });
    expect(stats).toMatchObject({ version: 2, kind: kinds.response, format: spelling });
    client.send(kinds.request, { correlation_id: "h", target: "holder", message_type: "Hold", payload: 1, expects_reply: true });
    expect(await client.ask(kinds.cancel, { correlation_id: "h" })).toMatchObject({ version: 2, kind: kinds.error, format: spelling });
    await oneRound();
    await client.expectNothingElse();
  }
});
