// Subscriptions of acton clients by pattern: what a pattern is, how many there may be, and what is answered.

import { expect, test } from "bun:test";
import { TestServer } from "../../support/test-server.ts";
import { Price, PriceAlert } from "../../support/test-services.ts";
import { connectActon, formats, kinds, subscribe, subscribePatterns } from "./support.ts";

const acme = { symbol: "ACME", price: 99.5 };

const tooMany = Array.from({ length: 129 }, (_, n) => `P${n}*`);

test("an empty subscribe to patterns changes nothing, not the format of pushes either", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  await subscribe(client, ["Price"], "json");
  await subscribePatterns(client, ["P*"], "json");
  expect(await subscribePatterns(client, [], "msgpack")).toEqual({ correlation_id: "psub", success: true, subscribed_patterns: ["P*"] });
  server.runtime.broker().broadcast(Price, acme);
  expect((await client.next()).format).toBe("json");
});

test("the prefix of a pattern is literal and case-sensitive", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  await subscribePatterns(client, ["price*", "Pric?*", "PriceA*", ".*"]);
  server.runtime.broker().broadcast(Price, acme);
  server.runtime.broker().broadcast(PriceAlert, { symbol: "ACME" });
  expect((await client.next()).fields).toMatchObject({ message_type: "PriceAlert" });
  await client.expectNothingElse();
});

test("an answer about patterns has every pattern now held, sorted, whichever way they came", async () => {
  await using server = await TestServer.start();
  for (const format of formats) {
    const client = await connectActon(server, format);
    await subscribe(client, ["Text"]);
    expect(await subscribePatterns(client, ["T*", "*"])).toEqual({ correlation_id: "psub", success: true, subscribed_patterns: ["*", "T*"] });
    expect(await subscribePatterns(client, ["Price*", "T*"])).toEqual({
      correlation_id: "psub",
      success: true,
      subscribed_patterns: ["*", "Price*", "T*"],
    });
    const fewer = await client.ask(kinds.unsubscribePatterns, { correlation_id: "p", patterns: ["*", "Unknown*"] });
    expect(fewer).toMatchObject({ kind: kinds.response, format });
    expect(fewer.fields).toEqual({ correlation_id: "p", success: true, subscribed_patterns: ["Price*", "T*"] });
  }
});

test.each([
  { patterns: ["Price"], error: "pattern must contain exactly one terminal '*'" },
  { patterns: ["Pr*ce"], error: "pattern must contain exactly one terminal '*'" },
  { patterns: ["Price**"], error: "pattern must contain exactly one terminal '*'" },
  { patterns: ["T*", ""], error: "pattern must contain exactly one terminal '*'" },
  { patterns: [`${"x".repeat(256)}*`], error: "pattern exceeds 256 UTF-8 bytes" },
  { patterns: [`${"é".repeat(128)}*`], error: "pattern exceeds 256 UTF-8 bytes" },
  { patterns: tooMany, error: "pattern limit of 128 exceeded" },
])("$error: such patterns are refused whole, in a response", async ({ patterns, error }) => {
  await using server = await TestServer.start();
  for (const format of formats) {
    const client = await connectActon(server, format);
    await subscribePatterns(client, ["Held*"]);
    const answer = await client.ask(kinds.subscribePatterns, { correlation_id: "p", patterns: ["New*", ...patterns] });
    expect(answer).toMatchObject({ version: 2, kind: kinds.response, format });
    expect(answer.fields).toEqual({ correlation_id: "p", success: false, error, subscribed_patterns: [] });
    expect(await subscribePatterns(client, [])).toMatchObject({ subscribed_patterns: ["Held*"] });
  }
});

test("a connection holds 128 patterns: one more is refused, one that it holds already is not", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  expect((await subscribePatterns(client, tooMany.slice(0, 128)))["subscribed_patterns"]).toHaveLength(128);
  expect(await subscribePatterns(client, ["P0*"])).toMatchObject({ success: true });
  expect(await subscribePatterns(client, ["P0*", "Q*"])).toEqual({
    correlation_id: "psub",
    success: false,
    error: "pattern limit of 128 exceeded",
    subscribed_patterns: [],
  });
  await client.ask(kinds.unsubscribePatterns, { correlation_id: "u", patterns: ["P0*"] });
  expect(await subscribePatterns(client, ["Q*"])).toMatchObject({ success: true });
});

test("a pattern of 256 bytes is taken", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  expect(await subscribePatterns(client, [`${"x".repeat(255)}*`])).toMatchObject({ success: true });
});
