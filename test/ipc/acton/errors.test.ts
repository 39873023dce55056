// Each failure of section 5 in acton's own words and codes, in each spelling, and what becomes of the connection after it.

import { expect, test } from "bun:test";
import { ActonError, agent, type AgentRef, message } from "acton";
import { z } from "zod";
import { TestServer } from "../../support/test-server.ts";
import { connectActon, echo, envelope, expectFailure, expectStreamFailure, headerOf, kinds, reply, spellings, stream } from "./support.ts";

const nobody = { error: "Actor not found: nobody", error_code: "ACTOR_NOT_FOUND" };
const unregistered = { error: "Unknown message type: Nope", error_code: "UNKNOWN_MESSAGE_TYPE" };

test("an unknown agent is ACTOR_NOT_FOUND, for requests, deliveries, streams and reply_to", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  await expectFailure(client, envelope("e", "nobody", "Echo", 1), nobody);
  await expectFailure(client, envelope("e", "nobody", "Echo", 1, { expects_reply: false }), nobody);
  await expectStreamFailure(client, envelope("e", "nobody", "Count", { items: 1 }), nobody);
  await expectFailure(client, envelope("e", "echo", "Echo", 1, { reply_to: "nobody" }), nobody);
  expect(server.seen.echoes).toEqual([]);
});

test("an unknown type is UNKNOWN_MESSAGE_TYPE, for requests, deliveries and streams", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  await expectFailure(client, envelope("e", "echo", "Nope", 1), unregistered);
  await expectFailure(client, envelope("e", "echo", "Nope", 1, { expects_reply: false }), unregistered);
  await expectStreamFailure(client, envelope("e", "echo", "Nope", 1), unregistered);
});

test("a payload that does not match is SERIALIZATION_ERROR with the field's path", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  const error = expect.stringMatching(/^Serialization error: .*payload\.b/) as unknown;
  await expectFailure(client, envelope("e", "echo", "Add", { a: 1, b: "two" }), { error, error_code: "SERIALIZATION_ERROR" });
  const items = expect.stringMatching(/^Serialization error: .*payload\.items/) as unknown;
  await expectStreamFailure(client, envelope("e", "streams", "Count", {}), { error: items, error_code: "SERIALIZATION_ERROR" });
});

test("the names in error texts stand as they were sent", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  for (const name of ['no"body', "grüße 😀", "a b", ""]) {
    const answer = await client.request(envelope("e", name, "Echo", 1));
    expect(answer.fields).toMatchObject({ error: `Actor not found: ${name}`, error_code: "ACTOR_NOT_FOUND" });
  }
});

test.each([
  { field: "target", error_code: "ACTOR_NOT_FOUND" },
  { field: "message_type", error_code: "UNKNOWN_MESSAGE_TYPE" },
])(
  "a $field so long that its refusal would exceed the frame limit is refused all the same, and the connection lives",
  async ({ field, error_code }) => {
    await using server = await TestServer.start({ config: { maxMessageSize: 2_000 } });
    for (const more of [reply, stream]) {
      const client = await connectActon(server);
      const short = { correlation_id: "e", target: "echo", message_type: "Echo", ...more };
      const room = 2_000 - JSON.stringify({ ...short, [field]: "" }).length;
      const answer = await client.ask(kinds.request, { ...short, [field]: "x".repeat(room) });
      expect(answer.fields).toMatchObject({ correlation_id: "e", error_code });
      await client.expectNothingElse();
    }
  },
);

test("reply_to sends the reply to another agent, and the caller gets the delivery", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  for (const spelling of spellings) {
    const answer = await client.request(envelope("f", "echo", "Echo", spelling, { reply_to: "notes" }), spelling);
    expect(answer).toMatchObject({ ...headerOf(spelling), kind: kinds.response });
    expect(answer.fields).toEqual({ correlation_id: "f", success: true, payload: { status: "delivered" } });
  }
  await server.until(() => server.seen.notes.length === 3);
  expect(server.seen.notes).toEqual([...spellings]);
});

test("a full mailbox is TARGET_BUSY, for requests, deliveries and streams", async () => {
  await using server = await TestServer.start({ limits: { mailboxSize: 1 } });
  const client = await connectActon(server);
  client.send(kinds.request, envelope("running", "alone", "HoldAlone", 0, reply));
  await server.until(() => server.seen.held.length === 1);
  expect((await client.ask(kinds.request, envelope("queued", "alone", "Note", 1))).fields["success"]).toBe(true);
  const busy = { error: "Target actor inbox is full", error_code: "TARGET_BUSY" };
  await expectFailure(client, envelope("e", "alone", "HoldAlone", 2), busy);
  await expectFailure(client, envelope("e", "alone", "Note", 2, { expects_reply: false }), busy);
  await expectStreamFailure(client, envelope("e", "alone", "HoldAlone", 2), busy);
});

test("a correlation still in use is PROTOCOL_ERROR for the second; the connection lives", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  client.send(kinds.request, envelope("x", "holder", "Hold", 1, reply));
  const error = expect.stringMatching(/^Protocol error: .*x/) as unknown;
  await expectFailure(client, envelope("x", "holder", "Hold", 1), { error, error_code: "PROTOCOL_ERROR" });
  await server.until(() => server.seen.held.length === 1);
  void server.seen.call(0).reply.send("first");
  expect((await client.next()).fields).toEqual({ correlation_id: "x", success: true, payload: "first" });
  expect((await client.request(echo("x", "free again"))).fields["payload"]).toBe("free again");
});

test("a handler that returned without replying is IO_ERROR in acton's words; a stream of it just ends", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  const end = await client.ask(kinds.request, envelope("n", "echo", "Silence", {}, stream));
  expect(end).toMatchObject({ kind: kinds.stream });
  expect(end.fields).toEqual({ correlation_id: "n", sequence: 0, is_final: true });
  await expectFailure(client, envelope("n", "echo", "Silence", {}), {
    error: "I/O error: Response channel closed without receiving a response",
    error_code: "IO_ERROR",
  });
});

test("a type that the agent does not handle is UNHANDLED", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  const failure = { error: expect.stringMatching(/^Unhandled: /) as unknown, error_code: "UNHANDLED" };
  await expectFailure(client, envelope("u", "holder", "Add", { a: 1, b: 2 }), failure);
  await expectStreamFailure(client, envelope("u", "holder", "Count", { items: 1 }), failure);
});

test("a handler that throws is IO_ERROR with the error's message", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  await expectFailure(client, envelope("h", "echo", "Fail", { text: "no such thing" }), {
    error: "I/O error: HandlerFailed: no such thing",
    error_code: "IO_ERROR",
  });
});

test("a reply beyond the frame limit is IO_ERROR, and the connection lives", async () => {
  await using server = await TestServer.start();
  for (const spelling of spellings) {
    const client = await connectActon(server, spelling);
    client.send(kinds.request, envelope("b", "holder", "Hold", spelling, reply));
    await server.until(() => server.seen.held.at(-1)?.message === spelling);
    server.seen.held.at(-1)?.reply.end("x".repeat(2 ** 20));
    const { fields } = await client.next();
    expect(fields).toMatchObject({ correlation_id: "b", success: false, error_code: "IO_ERROR" });
    expect(fields["error"]).toMatch(/^I\/O error: HandlerFailed: .*1048576/);
    await client.expectNothingElse();
  }
});

test.each(["TARGET_BUSY", "ACTOR_NOT_FOUND", "RATE_LIMITED", "SERIALIZATION_ERROR", "SHUTTING_DOWN", "UNHANDLED"] as const)(
  "a handler that fails with %s has run, so acton is told IO_ERROR: its client would send the request again",
  async (code) => {
    await using server = await TestServer.start();
    const client = await connectActon(server);
    client.send(kinds.request, envelope("t", "holder", "Hold", 1, reply));
    client.send(kinds.request, envelope("s", "streams", "Feed", 1, stream));
    await server.until(() => server.seen.held.length + server.seen.feeds.length === 2);
    server.seen.call(0).reply.fail(new ActonError(code, "of somebody else"));
    expect((await client.next()).fields).toMatchObject({ correlation_id: "t", success: false, error_code: "IO_ERROR" });
    server.seen.feed(0).reply.fail(new ActonError(code, "of somebody else"));
    expect((await client.next()).fields).toMatchObject({ correlation_id: "s", is_final: true, error_code: "IO_ERROR" });
  },
);

test("an agent that stops with requests running and queued is IO_ERROR in acton's words", async () => {
  await using server = await TestServer.start();
  const Stay = message("Stay", {}).replies(message("Stayed", z.any()));
  const stopping = await server.runtime.start(agent("stopping", () => ({})).mutateOn(Stay, () => new Promise<void>(() => {})));
  server.runtime.ipcExpose("stopping", stopping);
  const client = await connectActon(server, "v1");
  client.send(kinds.request, envelope("running", "stopping", "Stay", {}, reply));
  client.send(kinds.request, envelope("queued", "stopping", "Stay", {}, reply));
  await server.until(() => server.listener.stats().requestsInFlight === 2);
  const stopped = stopping.stop();
  server.clock.advance(10_000);
  await stopped;
  for (const { fields } of await client.take(2)) {
    expect(fields).toMatchObject({ success: false, error: "I/O error: Recipient channel is closed", error_code: "IO_ERROR" });
  }
});

test("an ask that would wait for itself, passed on by the handler that made it, is IO_ERROR and names the cycle", async () => {
  await using server = await TestServer.start();
  const Self = message("Self", {}).replies(message("SelfAnswer", z.any()));
  const selfish = agent("selfish", () => ({})).mutateOn(Self, async ({ self, reply: answer }) => {
    await (self as unknown as AgentRef<typeof Self>).ask(Self, {}).catch((error: unknown) => answer.fail(error));
  });
  server.runtime.ipcExpose("selfish", await server.runtime.start(selfish));
  const client = await connectActon(server);
  await expectFailure(client, envelope("c", "selfish", "Self", {}), {
    error: expect.stringMatching(/^I\/O error: HandlerFailed: .*selfish.*selfish/) as unknown,
    error_code: "IO_ERROR",
  });
});

test("a correlation is a string of 1 to 128 bytes: others are refused under the correlation unknown", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  for (const correlation_id of ["", "x".repeat(129), "é".repeat(65), 7, null, undefined, ["x"]]) {
    const answer = await client.request({ ...echo("", 1), correlation_id });
    expect(answer.fields).toMatchObject({ correlation_id: "unknown", success: false, error_code: "SERIALIZATION_ERROR" });
    expect(answer.fields["error"]).toMatch(/^Serialization error: .*correlation_id/);
  }
  for (const correlation of ["x", "x".repeat(128), "é".repeat(64), "unknown", "\u0000 \u2028"]) {
    expect((await client.request(echo(correlation, 1))).fields).toEqual({ correlation_id: correlation, success: true, payload: 1 });
  }
});
