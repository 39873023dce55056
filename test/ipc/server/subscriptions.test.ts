// Subscriptions by name and by pattern, and the pushes that come of them (wire protocol 3; 4, rules 7 and 8).

import { expect, test } from "bun:test";
import { z } from "zod";
import { message } from "acton";
import { quiet } from "../../support/conditions.ts";
import type { RawClient } from "../../support/raw-client.ts";
import { TestServer } from "../../support/test-server.ts";
import { Price, PriceAlert, Text } from "../../support/test-services.ts";

const acme = { symbol: "ACME", price: 99.5 };

/** What the client holds now, as the answer to an empty subscription says it. */
async function held(client: RawClient): Promise<{ types: unknown; patterns: unknown }> {
  const answer = await client.ask({ message_types: [], request_id: "held" });
  return { types: answer["subscribed_types"], patterns: answer["subscribed_patterns"] };
}

test("a subscription with an id is answered with what is held", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  expect(await client.ask({ message_types: ["Price", "Text"], request_id: "s" })).toEqual({
    request_id: "s",
    success: true,
    subscribed_types: ["Price", "Text"],
    rejected_types: [],
    subscribed_patterns: [],
  });
});

test("a subscription without an id is answered with nothing", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send({ message_types: ["Price"] });
  client.send({ patterns: ["Te*"] });
  client.send({ unsubscribe: ["Nothing"] });
  expect(await client.ask({ ping: true, request_id: "p" })).toMatchObject({ request_id: "p" });
  expect(await held(client)).toEqual({ types: ["Price"], patterns: ["Te*"] });
});

test("a push has type, payload, time and sequence, and nothing that does not apply", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  await client.ask({ message_types: ["Price"], request_id: "s" });
  server.clock.advance(5);
  server.runtime.broker().broadcast(Price, acme);
  expect(await client.next()).toEqual({
    notification_type: "subscription",
    message_type: "Price",
    payload: acme,
    timestamp: server.clock.now(),
    seq: 0,
  });
});

test("a push of an agent's broadcast names the agent", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  await client.ask({ message_types: ["Text"], request_id: "s" });
  const { agent } = await import("acton");
  const Go = message("Go", {});
  const publisher = await server.runtime.start(agent("publisher", () => ({})).actOn(Go, ({ broker }) => broker.broadcast(Text, "hi")));
  await publisher.send(Go, {});
  expect(await client.next()).toMatchObject({ message_type: "Text", payload: "hi", source_agent: "publisher" });
});

test("seq counts per connection and type, from 0, without a gap", async () => {
  await using server = await TestServer.start();
  const [early, late] = [await server.connect(), await server.connect()];
  await early.ask({ message_types: ["Price", "Text"], request_id: "s" });
  const broker = server.runtime.broker();
  broker.broadcast(Price, acme);
  broker.broadcast(Text, 1);
  broker.broadcast(Price, acme);
  expect((await early.take(3)).map((push) => [push["message_type"], push["seq"]])).toEqual([
    ["Price", 0],
    ["Text", 0],
    ["Price", 1],
  ]);
  await late.ask({ message_types: ["Price"], request_id: "s" });
  broker.broadcast(Price, acme);
  expect(await early.next()).toMatchObject({ seq: 2 });
  expect(await late.next()).toMatchObject({ seq: 0 });
});

test("known types are subscribed, the others come back rejected", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  expect(await client.ask({ message_types: ["Nothing", "Price", "Nowhere"], request_id: "s" })).toMatchObject({
    success: true,
    subscribed_types: ["Price"],
    rejected_types: ["Nothing", "Nowhere"],
  });
});

test("when no type is known the answer is UnknownMessageType in the shape of a subscription's", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  expect(await client.ask({ message_types: ["Nothing"], request_id: "s" })).toMatchObject({
    request_id: "s",
    success: false,
    error: expect.stringMatching(/^UnknownMessageType: .*Nothing.* is not registered$/) as unknown,
    error_code: "UNKNOWN_MESSAGE_TYPE",
    subscribed_types: [],
    subscribed_patterns: [],
  });
  client.send({ message_types: ["Nothing"] });
  expect(await client.next()).toMatchObject({ request_id: null, success: false, error_code: "UNKNOWN_MESSAGE_TYPE" });
});

test("subscribing again holds it once and pushes once", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  await client.ask({ message_types: ["Price", "Price"], request_id: "s" });
  expect(await client.ask({ message_types: ["Price"], request_id: "t" })).toMatchObject({ subscribed_types: ["Price"] });
  server.runtime.broker().broadcast(Price, acme);
  server.runtime.broker().broadcast(Text, "no");
  expect(await client.next()).toMatchObject({ seq: 0 });
  expect(await client.ask({ ping: true, request_id: "p" })).toMatchObject({ request_id: "p" });
});

test("a broadcast comes once however many subscriptions match it", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  await client.ask({ message_types: ["Price", "PriceAlert"], patterns: ["*", "P*", "Price*"], request_id: "s" });
  server.runtime.broker().broadcast(Price, acme);
  server.runtime.broker().broadcast(PriceAlert, { symbol: "X" });
  expect((await client.take(2)).map((push) => push["message_type"])).toEqual(["Price", "PriceAlert"]);
  expect(await client.ask({ ping: true, request_id: "p" })).toMatchObject({ request_id: "p" });
});

test("a pattern's prefix is literal and case-sensitive", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  await client.ask({ patterns: ["price*", "Pri.e*", "PriceA*"], request_id: "s" });
  server.runtime.broker().broadcast(Price, acme);
  server.runtime.broker().broadcast(PriceAlert, { symbol: "X" });
  expect(await client.next()).toMatchObject({ message_type: "PriceAlert" });
});

test("a pattern matches a name that is registered later, and nothing that is not registered", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  await client.ask({ patterns: ["Late*"], request_id: "s" });
  const Later = message("Later", z.any());
  server.runtime.broker().broadcast(Later, "too early");
  server.runtime.ipcRegistry().register(Later);
  server.runtime.broker().broadcast(Later, "now");
  expect(await client.next()).toMatchObject({ message_type: "Later", payload: "now" });
});

test("patterns are held sorted, and each at most 256 bytes", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  const [long, tooLong] = [`${"é".repeat(127)}x*`, `${"é".repeat(128)}*`];
  expect(await client.ask({ patterns: ["b*", "a*", long], request_id: "s" })).toMatchObject({
    success: true,
    subscribed_patterns: ["a*", "b*", long],
  });
  expect(await client.ask({ patterns: [tooLong], request_id: "t" })).toMatchObject({ success: false, subscribed_patterns: [] });
  expect(await held(client)).toEqual({ types: [], patterns: ["a*", "b*", long] });
});

test("a request with one bad pattern applies to none, nor to its types", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  for (const bad of ["", "Price", "P*e*", "*P", "**", "P*e"]) {
    expect(await client.ask({ message_types: ["Price"], patterns: ["Good*", bad], request_id: "s" })).toMatchObject({
      success: false,
      subscribed_types: [],
      subscribed_patterns: [],
    });
  }
  expect(await held(client)).toEqual({ types: [], patterns: [] });
});

test("128 patterns are held, one more is refused whole", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  const patterns = Array.from({ length: 127 }, (_, n) => `p${n}*`);
  expect(await client.ask({ patterns, request_id: "s" })).toMatchObject({ success: true });
  expect(await client.ask({ patterns: ["x*", "y*"], request_id: "t" })).toMatchObject({ success: false });
  expect(await client.ask({ patterns: ["x*", "p0*"], request_id: "u" })).toMatchObject({ success: true });
  expect((await held(client)).patterns).toHaveLength(128);
  expect(await client.ask({ patterns: ["y*"], request_id: "v" })).toMatchObject({ success: false });
});

test("subscriptionsMax: so many types are held, one more is refused whole", async () => {
  await using server = await TestServer.start({ config: { subscriptionsMax: 2 } });
  const client = await server.connect();
  expect(await client.ask({ message_types: ["Price"], request_id: "1" })).toMatchObject({ success: true });
  expect(await client.ask({ message_types: ["Text", "PriceAlert"], request_id: "2" })).toMatchObject({ success: false, subscribed_types: [] });
  expect((await held(client)).types).toEqual(["Price"]);
  expect(await client.ask({ message_types: ["Text", "Price"], request_id: "3" })).toMatchObject({ success: true });
  expect(await client.ask({ message_types: ["PriceAlert"], request_id: "4" })).toMatchObject({ success: false });
  expect(await client.ask({ unsubscribe: ["Price"], request_id: "5" })).toMatchObject({ success: true });
  expect(await client.ask({ message_types: ["PriceAlert"], request_id: "6" })).toMatchObject({
    success: true,
    subscribed_types: ["Text", "PriceAlert"],
  });
});

test("subscriptionsMax: so many patterns are held, one more is refused whole", async () => {
  await using server = await TestServer.start({ config: { subscriptionsMax: 2 } });
  const client = await server.connect();
  expect(await client.ask({ patterns: ["a*", "b*"], request_id: "1" })).toMatchObject({ success: true });
  expect(await client.ask({ patterns: ["c*"], request_id: "2" })).toMatchObject({ success: false });
});

test("unsubscribing gives up what it names; an empty list gives up all types and patterns", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  await client.ask({ message_types: ["Price", "Text"], patterns: ["P*", "Q*"], request_id: "s" });
  expect(await client.ask({ unsubscribe: ["Text", "Never"], unsubscribe_patterns: ["Q*"], request_id: "u" })).toEqual({
    request_id: "u",
    success: true,
    subscribed_types: ["Price"],
    rejected_types: [],
    subscribed_patterns: ["P*"],
  });
  expect(await client.ask({ unsubscribe: [], request_id: "v" })).toMatchObject({ subscribed_types: [], subscribed_patterns: [] });
  server.runtime.broker().broadcast(Price, acme);
  expect(await client.ask({ ping: true, request_id: "p" })).toMatchObject({ request_id: "p" });
  expect(server.listener.stats().subscriptions).toBe(0);
});

test("an empty list of unsubscribe_patterns gives up patterns only", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  await client.ask({ message_types: ["Price"], patterns: ["P*"], request_id: "s" });
  expect(await client.ask({ unsubscribe_patterns: [], request_id: "u" })).toMatchObject({ subscribed_types: ["Price"], subscribed_patterns: [] });
});

test("pushes use the format of the latest subscribe", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  const formats: string[] = [];
  const push = async (): Promise<void> => {
    server.runtime.broker().broadcast(Price, acme);
    formats.push((await client.nextBody())[0] === 0x7b ? "json" : "msgpack");
  };
  await client.ask({ message_types: ["Price"], request_id: "1" });
  await push();
  client.sendPacked({ message_types: ["Text"], request_id: "2" });
  await client.next();
  await push();
  await client.ask({ ping: true, request_id: "3" });
  await client.ask({ unsubscribe: ["Text"], request_id: "4" });
  await push();
  await client.ask({ patterns: ["T*"], request_id: "5" });
  await push();
  expect(formats).toEqual(["json", "msgpack", "msgpack", "json"]);
});

test("a connection that goes takes its subscriptions with it", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  await client.ask({ message_types: ["Price"], patterns: ["*"], request_id: "s" });
  expect(server.listener.stats().subscriptions).toBe(2);
  client.destroy();
  await server.until(() => server.listener.stats().activeConnections === 0);
  server.runtime.broker().broadcast(Price, acme);
  await quiet();
  expect(server.listener.stats()).toMatchObject({ subscriptions: 0, pushesSent: 0, pushesDropped: 0 });
});

test("a broadcast that cannot be encoded is told as dropped with the next one", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  await client.ask({ message_types: ["Text"], request_id: "s" });
  const broker = server.runtime.broker();
  broker.broadcast(Text, new Map());
  broker.broadcast(Text, "x".repeat(2_000_000));
  broker.broadcast(Text, "good");
  expect(await client.next()).toMatchObject({ payload: "good", seq: 2, dropped: 2 });
  expect(server.listener.stats()).toMatchObject({ pushesSent: 1, pushesDropped: 2 });
});
