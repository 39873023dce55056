// Failures whose own words or details cannot be written: they must cost their request what it would have cost anyway,
// and neither the connection, nor the agent that failed.

import { expect, test } from "bun:test";
import { ActonError } from "acton";
import { quiet } from "../../support/conditions.ts";
import { TestServer } from "../../support/test-server.ts";
import { connectActon, echo, envelope, kinds, rejected, reply, spellings, stream } from "./support.ts";

const unwritable: ReadonlyArray<readonly [what: string, options: { readonly message?: string; readonly details?: unknown }]> = [
  ["details with a function", { details: { give: () => 1 } }],
  ["details with bytes", { details: { bytes: new Uint8Array(3) } }],
  ["details with a lone surrogate", { details: ["\ud800"] }],
  ["details in a circle", { details: circle() }],
  ["details beyond the frame limit", { details: "x".repeat(2 ** 21) }],
  ["a text with a lone surrogate", { message: "half \ud800" }],
  ["a text beyond the frame limit", { message: "x".repeat(2 ** 21) }],
];

test.each(unwritable)(
  "a handler that fails with %s: request and stream end with IO_ERROR, and its agent goes on",
  async (_what, { message, details }) => {
    await using server = await TestServer.start();
    for (const spelling of spellings) {
      const client = await connectActon(server, spelling);
      const [calls, feeds] = [server.seen.held.length, server.seen.feeds.length];
      client.send(kinds.request, envelope("r", "holder", "Hold", 1, reply));
      client.send(kinds.request, envelope("s", "streams", "Feed", 1, stream));
      await server.until(() => server.seen.held.length > calls && server.seen.feeds.length > feeds);
      const failure = (): ActonError => new ActonError("HANDLER_FAILED", message ?? "no", { details });
      expect(() => server.seen.call(calls).reply.fail(failure())).not.toThrow();
      expect((await client.next()).fields).toMatchObject({ correlation_id: "r", success: false, error_code: "IO_ERROR" });
      expect(() => server.seen.feed(feeds).reply.fail(failure())).not.toThrow();
      expect((await client.next()).fields).toMatchObject({ correlation_id: "s", is_final: true, error_code: "IO_ERROR" });
      await client.expectNothingElse();
    }
  },
);

test.each([
  ["with a lone surrogate", "no \ud800"],
  ["beyond the frame limit", "x".repeat(2 ** 21)],
  ["that is empty", ""],
])("a policy's text %s still refuses, whatever was asked, and the connection lives", async (_what, text) => {
  await using server = await TestServer.start({ policy: { authorize: () => text } });
  const client = await connectActon(server);
  const asked = [
    [kinds.request, { ...echo("c", 1), ...reply }],
    [kinds.request, envelope("c", "streams", "Feed", 1, stream)],
    [kinds.subscribe, { correlation_id: "c", message_types: ["Price"] }],
    [kinds.subscribePatterns, { correlation_id: "c", patterns: ["P*"] }],
    [kinds.discover, { correlation_id: "c" }],
  ] as const;
  for (const [kind, body] of asked) {
    const { fields } = await client.ask(kind, body);
    expect(fields["correlation_id"]).toBe("c");
    expect(fields["success"] ?? false).toBe(false);
    expect(JSON.stringify(fields)).toContain("ACCESS_DENIED");
  }
  await client.expectNothingElse();
});

test.each([
  ["with a lone surrogate", "no \ud800"],
  ["beyond the frame limit", "x".repeat(2 ** 21)],
])("a connection refused with a text %s is told ACCESS_DENIED all the same", async (_what, refused) => {
  await using server = await TestServer.start({ policy: { admit: () => ({ refused }) } });
  const client = await connectActon(server);
  client.send(kinds.request, { ...echo("c", 1), ...reply });
  const frames = await client.rest();
  expect(frames.map(({ fields }) => [fields["correlation_id"], fields["error_code"]])).toEqual([[rejected, "ACCESS_DENIED"]]);
});

test("a stream cut off by an unreadable frame has run, so its end is IO_ERROR or no frame at all", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  client.send(kinds.request, envelope("s", "streams", "Feed", 1, stream));
  await server.until(() => server.seen.feeds.length === 1);
  void server.seen.feed(0).reply.send("one");
  expect((await client.next()).fields["payload"]).toBe("one");
  client.send(0x7f, {});
  const ends = (await client.rest()).filter(({ fields }) => fields["correlation_id"] === "s");
  for (const { fields } of ends) expect(fields).toMatchObject({ is_final: true, error_code: "IO_ERROR" });
  await quiet();
  expect(server.seen.feed(0).signal.aborted).toBe(true);
});

function circle(): object {
  const value: Record<string, unknown> = {};
  value["self"] = value;
  return value;
}
