// What a client leaves behind counts until it is handled: messages that nobody asked an answer to, and requests whose asker has gone.
// Else whoever comes back could fill one mailbox after the other with the largest frames.

import { expect, test } from "bun:test";
import { agent } from "acton";
import { quiet } from "../../support/conditions.ts";
import type { Fields, RawClient } from "../../support/raw-client.ts";
import { request, TestServer } from "../../support/test-server.ts";
import { Echoed, Note } from "../../support/test-services.ts";

const bodyBytes = 1000;

/** A body of a thousand bytes. */
function thousand(body: Fields): Fields {
  const text = "x".repeat(bodyBytes - Buffer.byteLength(JSON.stringify({ ...body, payload: "" })));
  return { ...body, payload: text };
}

const note = (target = "alone"): Fields => thousand({ target, message_type: "Note", request_id: "n" });
const ask = (target: string, type: string, id: string, more: Fields = {}): Fields => thousand(request(target, type, "", { request_id: id, ...more }));

/** Keeps the agent `alone` from its mailbox. */
async function keepBusy(server: TestServer, client: RawClient): Promise<void> {
  client.send(request("alone", "HoldAlone", "", { request_id: "busy", timeout_ms: 1_000_000_000 }));
  await server.until(() => server.seen.held.length === 1);
}

const held = (server: TestServer): number => server.listener.stats().bytesInFlight;

test("messages without an answer hold their bytes until they are handled; past half of the bytes the next is TargetBusy, and requests go on", async () => {
  await using server = await TestServer.start({ config: { inFlightBytesMax: 10_000 } });
  const [busy, client] = [await server.connect(), await server.connect()];
  await keepBusy(server, busy);
  const before = held(server);
  for (let n = 0; n < 5; n++) expect(await client.ask(note())).toMatchObject({ success: true });
  expect(held(server)).toBe(before + 5 * bodyBytes);
  expect(await client.ask(note())).toMatchObject({ success: false, error_code: "TARGET_BUSY" });
  expect(await client.ask(note("notes"))).toMatchObject({ success: false, error_code: "TARGET_BUSY" });
  expect(server.listener.stats()).toMatchObject({ bytesInFlight: before + 5 * bodyBytes, errorsByCode: { TARGET_BUSY: 2 } });
  expect(await client.ask(ask("echo", "Echo", "e"))).toMatchObject({ request_id: "e", success: true });
  server.seen.call(0).reply.end("done");
  await server.until(() => server.seen.notes.length === 5);
  expect(held(server)).toBe(0);
  expect(await client.ask(note())).toMatchObject({ success: true });
});

test("a message that finds its agent's mailbox full, or closed, holds nothing", async () => {
  await using server = await TestServer.start({ limits: { mailboxSize: 1 } });
  const client = await server.connect();
  await keepBusy(server, await server.connect());
  const before = held(server);
  expect(await client.ask(note())).toMatchObject({ success: true });
  expect(await client.ask(note())).toMatchObject({ error_code: "TARGET_BUSY" });
  expect(await client.ask(ask("alone", "HoldAlone", "h"))).toMatchObject({ error_code: "TARGET_BUSY" });
  expect(await client.ask(ask("alone", "Echo", "u"))).toMatchObject({ error_code: "UNHANDLED" });
  expect(held(server)).toBe(before + bodyBytes);
});

test("a request that has timed out, or was cancelled, holds its bytes as long as it lies in the mailbox", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  await keepBusy(server, await server.connect());
  const before = held(server);
  client.send(ask("alone", "HoldAlone", "late", { timeout_ms: 10 }));
  client.send(ask("alone", "HoldAlone", "cancelled"));
  await server.until(() => held(server) === before + 2 * bodyBytes);
  server.clock.advance(10);
  client.send({ cancel: "cancelled" });
  expect((await client.take(2)).map((answer) => answer["error_code"])).toEqual(["TIMEOUT", "CANCELLED"]);
  expect(server.listener.stats()).toMatchObject({ requestsInFlight: 1, bytesInFlight: before + 2 * bodyBytes });
  server.seen.call(0).reply.end("done");
  await server.until(() => held(server) === 0);
  expect(server.seen.held).toHaveLength(1);
});

test("a client that comes back again and again leaves no more in a mailbox than the bytes in flight and one message a connection", async () => {
  await using server = await TestServer.start({ config: { inFlightBytesMax: 4_000, maxConnections: 3, maxMessageSize: bodyBytes } });
  await keepBusy(server, await server.connect());
  const bound = 4_000 + 3 * bodyBytes;
  for (let round = 0; round < 20; round++) {
    const client = await server.connect();
    client.send(ask("alone", "HoldAlone", "h"));
    expect(await client.ask({ ping: true, request_id: "p" })).toMatchObject({ request_id: "p" });
    expect(held(server)).toBeLessThanOrEqual(bound);
    client.destroy();
    await server.until(() => server.listener.stats().activeConnections === 1);
  }
  expect(held(server)).toBeGreaterThan(4_000);
  server.seen.call(0).reply.end("done");
  await server.until(() => held(server) === 0);
});

test("what is sent on to another agent holds the request's bytes until it is handled there", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  const open = Promise.withResolvers<void>();
  const slow = agent("slow", () => ({})).mutateOn(Echoed, () => open.promise);
  server.runtime.ipcExpose("slow", await server.runtime.start(slow));
  for (let n = 0; n < 3; n++)
    expect(await client.ask(ask("echo", "Echo", "f", { reply_to: "slow" }))).toMatchObject({ payload: { status: "delivered" } });
  await quiet();
  expect(held(server)).toBe(3 * bodyBytes);
  open.resolve();
  await server.until(() => held(server) === 0);
});

test("an agent that stops gives back what it had queued, and a handler that was given up what it held", async () => {
  await using server = await TestServer.start({ limits: { stopTimeoutMs: 1_000 } });
  const client = await server.connect();
  const stuck = await server.runtime.start(agent("stuck", () => ({})).mutateOn(Note, () => new Promise<void>(() => {})));
  server.runtime.ipcExpose("stuck", stuck);
  for (let n = 0; n < 3; n++) expect(await client.ask(note("stuck"))).toMatchObject({ success: true });
  await quiet();
  expect(held(server)).toBe(3 * bodyBytes);
  const stopped = stuck.stop();
  await quiet();
  server.clock.advance(1_000);
  await stopped;
  expect(held(server)).toBe(0);
});
