// The time that a request of acton has: what it says, what it leaves out, and what happens when it is over.

import { expect, test } from "bun:test";
import { quiet } from "../../support/conditions.ts";
import { TestServer } from "../../support/test-server.ts";
import { connectActon, echo, envelope, expectFailure, expectStreamFailure, headerOf, kinds, reply, spellings, stream } from "./support.ts";

test("no reply in time is TIMEOUT, says how long was waited, and aborts the handler's signal", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  for (const [index, spelling] of spellings.entries()) {
    client.send(kinds.request, envelope("t", "holder", "Hold", 1, { ...reply, response_timeout_ms: 100 }), spelling);
    await server.until(() => server.seen.held.length === index + 1);
    server.clock.advance(99);
    await client.expectNothingElse();
    expect(server.seen.call(index).signal.aborted).toBe(false);
    server.clock.advance(1);
    const answer = await client.next();
    expect(answer).toMatchObject({ ...headerOf(spelling), kind: kinds.error });
    expect(answer.fields).toEqual({
      correlation_id: "t",
      success: false,
      error: "Request timed out after 100 ms waiting for response",
      error_code: "TIMEOUT",
    });
    expect(server.seen.call(index).signal.aborted).toBe(true);
  }
});

test("a stream past its time ends with TIMEOUT behind the items it has sent", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server, "msgpack");
  client.send(kinds.request, envelope("s", "streams", "Feed", 1, { ...stream, response_timeout_ms: 250 }));
  await server.until(() => server.seen.feeds.length === 1);
  void server.seen.feed(0).reply.send("only");
  expect((await client.next()).fields).toEqual({ correlation_id: "s", sequence: 0, is_final: false, payload: "only" });
  server.clock.advance(250);
  expect((await client.next()).fields).toEqual({
    correlation_id: "s",
    sequence: 1,
    is_final: true,
    error: "Stream timed out after 250 ms",
    error_code: "TIMEOUT",
  });
  expect(server.seen.feed(0).signal.aborted).toBe(true);
});

test("without a time of their own requests and streams have 30 seconds", async () => {
  await using server = await TestServer.start({ config: { requestTimeoutMs: 5_000 } });
  const client = await connectActon(server);
  client.send(kinds.request, envelope("r", "holder", "Hold", 1, reply));
  client.send(kinds.request, envelope("s", "streams", "Feed", 1, stream));
  await server.until(() => server.seen.held.length + server.seen.feeds.length === 2);
  server.clock.advance(29_999);
  await client.expectNothingElse();
  server.clock.advance(1);
  const ends = await client.take(2);
  expect(new Set(ends.map(({ fields }) => fields["error"]))).toEqual(
    new Set(["Request timed out after 30000 ms waiting for response", "Stream timed out after 30000 ms"]),
  );
});

test("a time of 0 is over at once where an answer is wanted, and nothing runs; in a delivery it means nothing", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  const none = { response_timeout_ms: 0 };
  await expectFailure(client, envelope("z", "holder", "Hold", 1, none), {
    error: "Request timed out after 0 ms waiting for response",
    error_code: "TIMEOUT",
  });
  await expectStreamFailure(client, envelope("z", "streams", "Feed", 1, none), { error: "Stream timed out after 0 ms", error_code: "TIMEOUT" });
  expect((await client.ask(kinds.request, envelope("z", "notes", "Note", "kept", none))).fields["success"]).toBe(true);
  await quiet();
  expect(server.seen).toMatchObject({ held: [], feeds: [], notes: ["kept"] });
});

test.each([2n ** 64n - 1n, 2n ** 63n, 2n ** 53n + 1n, 2n ** 31n])("a time of %p is taken, and is no limit", async (response_timeout_ms) => {
  await using server = await TestServer.start();
  for (const [index, spelling] of spellings.entries()) {
    const client = await connectActon(server, spelling);
    client.send(kinds.request, envelope("r", "holder", "Hold", 1, { ...reply, response_timeout_ms }));
    client.send(kinds.request, envelope("s", "streams", "Feed", 1, { ...stream, response_timeout_ms }));
    await server.until(() => server.seen.held.length === index + 1 && server.seen.feeds.length === index + 1);
    server.clock.advance(2 ** 31);
    await client.expectNothingElse();
    server.seen.call(index).reply.end("after weeks");
    server.seen.feed(index).reply.end();
    const ends = await client.take(2);
    expect(ends.map(({ fields }) => fields["error_code"])).toEqual([undefined, undefined]);
  }
});

test.each([-1, 1.5, "100", true, -(2n ** 63n)])("a time of %p is refused as SERIALIZATION_ERROR", async (response_timeout_ms) => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  const error = expect.stringContaining("response_timeout_ms") as unknown;
  await expectFailure(client, { ...echo("t", 1), response_timeout_ms }, { error, error_code: "SERIALIZATION_ERROR" });
});
