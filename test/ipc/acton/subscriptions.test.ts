// Subscriptions of acton clients by type and by pattern, and the pushes that come of them.

import { expect, test } from "bun:test";
import { agent, message, type Policy } from "acton";
import { z } from "zod";
import { oneRound } from "../../support/conditions.ts";
import { TestServer } from "../../support/test-server.ts";
import { Price, PriceAlert, Text } from "../../support/test-services.ts";
import { actonFrame, connectActon, formats, kinds, subscribe, subscribePatterns } from "./support.ts";

const acme = { symbol: "ACME", price: 99.5 };

test("a subscription is answered with the whole set now held; types that nothing here can publish yet are named", async () => {
  await using server = await TestServer.start();
  for (const format of formats) {
    const client = await connectActon(server, format);
    expect(await subscribe(client, ["Price"])).toEqual({ correlation_id: "sub", success: true, subscribed_types: ["Price"] });
    const answer = await subscribe(client, ["Text", "LaterOn"]);
    expect(answer).toEqual({
      correlation_id: "sub",
      success: true,
      subscribed_types: ["Price", "Text", "LaterOn"],
      unregistered_types: ["LaterOn"],
    });
    expect((await subscribe(client, []))["subscribed_types"]).toHaveLength(3);
  }
});

test("a type registered after it was subscribed is pushed, by name and by pattern", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  const other = await connectActon(server);
  expect(await subscribe(client, ["LaterOn"])).toMatchObject({ success: true, unregistered_types: ["LaterOn"] });
  await subscribePatterns(other, ["Later*"]);
  const LaterOn = message("LaterOn", { n: z.int() });
  server.runtime.ipcRegistry().register(LaterOn);
  server.runtime.broker().broadcast(LaterOn, { n: 1 });
  for (const subscriber of [client, other]) expect((await subscriber.next()).fields).toMatchObject({ message_type: "LaterOn", payload: { n: 1 } });
  expect(await subscribe(client, [])).toEqual({ correlation_id: "sub", success: true, subscribed_types: ["LaterOn"] });
});

test("a push is kind 0x05 in version 2, with its own id, time and sequence", async () => {
  await using server = await TestServer.start();
  for (const format of formats) {
    const client = await connectActon(server, format);
    await subscribe(client, ["Price", "Text"]);
    server.clock.advance(5);
    for (const payload of [acme, { ...acme, price: 100 }]) server.runtime.broker().broadcast(Price, payload);
    server.runtime.broker().broadcast(Text, null);
    const pushes = await client.take(3);
    for (const push of pushes) expect(push).toMatchObject({ version: 2, kind: kinds.push, format });
    const ids = pushes.map(({ fields }) => fields["notification_id"]);
    expect(new Set(ids).size).toBe(3);
    const rest = { timestamp_ms: server.clock.now() };
    expect(pushes.map(({ fields }) => fields)).toEqual([
      { notification_id: ids[0], message_type: "Price", payload: acme, ...rest, seq: 0 },
      { notification_id: ids[1], message_type: "Price", payload: { ...acme, price: 100 }, ...rest, seq: 1 },
      { notification_id: ids[2], message_type: "Text", payload: null, ...rest, seq: 0 },
    ]);
  }
});

test("the push of an agent's broadcast names the agent", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  await subscribe(client, ["Text"]);
  const Go = message("Go", {});
  const publisher = await server.runtime.start(agent("publisher", () => ({})).actOn(Go, ({ broker }) => broker.broadcast(Text, "hi")));
  await publisher.send(Go, {});
  expect((await client.next()).fields).toMatchObject({ message_type: "Text", payload: "hi", source_actor: "publisher" });
});

test("pushes have the format of the latest subscribe, by type or by pattern, and no unsubscribe changes it", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  const pushed = async (): Promise<string> => {
    server.runtime.broker().broadcast(Price, acme);
    return (await client.next()).format;
  };
  await subscribe(client, ["Price"], "msgpack");
  expect(await pushed()).toBe("msgpack");
  await subscribe(client, ["Text"], "json");
  expect(await pushed()).toBe("json");
  await subscribePatterns(client, ["T*"], "msgpack");
  expect(await pushed()).toBe("msgpack");
  await client.ask(kinds.unsubscribe, { correlation_id: "u", message_types: ["Text"] }, "json");
  await client.ask(kinds.unsubscribePatterns, { correlation_id: "u", patterns: [] }, "json");
  expect(await pushed()).toBe("msgpack");
  expect(await subscribePatterns(client, ["no star"], "json")).toMatchObject({ success: false });
  expect(await pushed()).toBe("msgpack");
});

test("one broadcast is one push, however many subscriptions match", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  await subscribe(client, ["Price", "Price"]);
  await subscribePatterns(client, ["*", "Pr*", "Price*"]);
  server.runtime.broker().broadcast(Price, acme);
  server.runtime.broker().broadcast(PriceAlert, { symbol: "ACME" });
  expect((await client.take(2)).map(({ fields }) => [fields["message_type"], fields["seq"]])).toEqual([
    ["Price", 0],
    ["PriceAlert", 0],
  ]);
  await client.expectNothingElse();
});

test("an empty unsubscribe clears types and patterns, an empty unsubscribe of patterns only those", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  await subscribe(client, ["Price"]);
  await subscribePatterns(client, ["T*"]);
  expect((await client.ask(kinds.unsubscribePatterns, { correlation_id: "p", patterns: [] })).fields).toEqual({
    correlation_id: "p",
    success: true,
    subscribed_patterns: [],
  });
  server.runtime.broker().broadcast(Text, "unheard");
  server.runtime.broker().broadcast(Price, acme);
  expect((await client.next()).fields).toMatchObject({ message_type: "Price" });
  await subscribePatterns(client, ["T*"]);
  expect((await client.ask(kinds.unsubscribe, { correlation_id: "u", message_types: [] })).fields).toEqual({
    correlation_id: "u",
    success: true,
    subscribed_types: [],
  });
  expect(await subscribePatterns(client, [])).toMatchObject({ subscribed_patterns: [] });
  server.runtime.broker().broadcast(Text, "unheard");
  server.runtime.broker().broadcast(Price, acme);
  await client.expectNothingElse();
});

test("an unsubscribe is answered with what is left", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  await subscribe(client, ["Price", "Text"]);
  const answer = await client.ask(kinds.unsubscribe, { correlation_id: "u", message_types: ["Price", "NeverHeld"] });
  expect(answer).toMatchObject({ kind: kinds.response, fields: { correlation_id: "u", success: true, subscribed_types: ["Text"] } });
});

test("a subscription whose answer would exceed the frame limit is refused, and the connection lives", async () => {
  await using server = await TestServer.start({ config: { maxMessageSize: 2_000 } });
  for (const format of formats) {
    const client = await connectActon(server, format);
    expect(await subscribe(client, ["x".repeat(1_500)])).toMatchObject({ correlation_id: "sub", success: false, subscribed_types: [] });
    await client.expectNothingElse();
    expect(await subscribe(client, ["Price"])).toEqual({ correlation_id: "sub", success: true, subscribed_types: ["Price"] });
  }
});

test("a push that the policy withholds betrays itself neither by seq nor by dropped", async () => {
  const policy: Policy = { authorize: (_identity, operation) => operation.kind !== "push" || operation.type !== "Price" };
  await using server = await TestServer.start({ policy });
  const client = await connectActon(server);
  await subscribe(client, ["Price", "Text"]);
  server.runtime.broker().broadcast(Text, 1);
  server.runtime.broker().broadcast(Price, acme);
  server.runtime.broker().broadcast(Text, 2);
  const pushes = await client.take(2);
  expect(pushes.map(({ fields }) => [fields["payload"], fields["seq"], "dropped" in fields])).toEqual([
    [1, 0, false],
    [2, 1, false],
  ]);
  expect(server.listener.stats().pushesWithheld).toBe(1);
});

test("a push of what acton cannot read is dropped, and the next one owns up to it", async () => {
  await using server = await TestServer.start();
  for (const format of formats) {
    const client = await connectActon(server, format);
    await subscribe(client, ["Text"]);
    for (const payload of [new Uint8Array(3), "\ud800", "plain"]) server.runtime.broker().broadcast(Text, payload);
    expect((await client.next()).fields).toMatchObject({ payload: "plain", seq: 2, dropped: 2 });
    await client.expectNothingElse();
  }
});

test("pushes beyond the buffer of a client that does not read are dropped, and the next one says how many", async () => {
  await using server = await TestServer.start({ config: { pushBufferSize: 10, outgoingSoftBytes: 2 ** 20 } });
  const client = await connectActon(server, "msgpack");
  await subscribe(client, ["Text"]);
  client.raw.stopReading();
  const filler = "x".repeat(100_000);
  let sent = 0;
  for (; server.listener.stats().pushesDropped === 0; sent++) {
    server.runtime.broker().broadcast(Text, filler);
    await oneRound();
  }
  server.runtime.broker().broadcast(Text, filler);
  client.raw.startReading();
  const dropped = server.listener.stats().pushesDropped;
  const pushes = (await client.take(sent + 1 - dropped)).map(({ fields }) => fields);
  expect(pushes.map(({ seq }) => seq)).toEqual(pushes.map((_push, seq) => seq));
  server.runtime.broker().broadcast(Text, "small");
  pushes.push((await client.next()).fields);
  expect(pushes.at(-1)).toMatchObject({ payload: "small", seq: sent + 1 });
  expect(pushes.filter((push) => "dropped" in push).map((push) => push["dropped"])).toEqual([dropped]);
});

test("a goodbye to __unsubscribe__ is answered, ends every subscription, and is no error", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  await subscribe(client, ["Price"]);
  await subscribePatterns(client, ["T*"]);
  const goodbye = {
    correlation_id: "bye",
    target: "__unsubscribe__",
    message_type: "IpcUnsubscribeRequest",
    payload: null,
    expects_reply: false,
    expects_stream: false,
  };
  for (const spelling of ["v1", "json", "msgpack"] as const) {
    expect((await client.ask(kinds.request, goodbye, spelling)).fields).toMatchObject({ correlation_id: "bye", success: true });
  }
  server.runtime.broker().broadcast(Price, acme);
  await client.expectNothingElse();
  expect(server.listener.stats()).toMatchObject({ errors: 0, subscriptions: 0 });
});

test("subscriptions end with their connection", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  client.write(actonFrame(kinds.subscribe, { correlation_id: "s", message_types: ["Price"] }));
  await client.next();
  expect(server.listener.stats().subscriptions).toBe(1);
  client.raw.destroy();
  await server.until(() => server.listener.stats().subscriptions === 0);
});
