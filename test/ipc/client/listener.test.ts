// The client against the real listener, in both formats.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type Client, connect } from "../../../src/client.ts";
import { eventually, quiet } from "../../support/conditions.ts";
import { TestServer } from "../../support/test-server.ts";
import { Add, Count, Echo, Fail, Feed, Hold, Note, Price, PriceAlert, Silence, Text } from "../../support/test-services.ts";
import { failureOf } from "./wire.ts";

describe.each(["json", "msgpack"] as const)("over %s", (format) => {
  let server: TestServer;
  let client: Client;

  beforeEach(async () => {
    server = await TestServer.start();
    client = await connect(server.path, { format, clock: server.clock });
  });

  afterEach(async () => {
    client.close();
    await server[Symbol.asyncDispose]();
  });

  test("a request is answered with its reply", async () => {
    const { sum } = await client.ask("echo", Add, { a: 5, b: 3 });
    expect(sum).toBe(8);
    expect(await client.ask("echo", "Add", { a: 1, b: 1 })).toEqual({ sum: 2 });
  });

  test("values arrive as they were sent", async () => {
    const value = {
      text: 'ünïcödé \u{1F600} \u2028 "\\',
      numbers: [0, -1, 1.5, 2 ** 40, 1e20, Number.MAX_SAFE_INTEGER, 2n ** 63n],
      nested: { list: [[], {}, null, true, false] },
      long: "x".repeat(100_000),
    };
    expect(await client.ask("echo", Echo, value)).toEqual(value);
  });

  test("a thousand requests in flight each get their own reply", async () => {
    const replies = await Promise.all(Array.from({ length: 1000 }, (_, a) => client.ask("echo", Add, { a, b: a })));
    expect(replies.map(({ sum }) => sum)).toEqual(Array.from({ length: 1000 }, (_, a) => 2 * a));
  });

  test("a message is delivered, and send resolves when it is", async () => {
    await client.send("notes", Note, { n: 1 });
    await eventually(() => server.seen.notes.length === 1);
    expect(server.seen.notes).toEqual([{ n: 1 }]);
  });

  test("failures come with the server's codes", async () => {
    expect(await failureOf(client.ask("nobody", Add, { a: 1, b: 2 }))).toMatchObject({ code: "ACTOR_NOT_FOUND", message: "nobody" });
    expect(await failureOf(client.ask("echo", "Nope", null))).toMatchObject({ code: "UNKNOWN_MESSAGE_TYPE", message: "Nope is not registered" });
    expect(await failureOf(client.ask("echo", "Add", { a: "one" }))).toMatchObject({ code: "SERIALIZATION_ERROR" });
    expect(await failureOf(client.ask("echo", Fail, { text: "broken" }))).toMatchObject({ code: "HANDLER_FAILED", message: "broken" });
    expect((await failureOf(client.ask("echo", Silence, {}))).code).toBe("NO_REPLY");
    expect((await failureOf(client.ask("notes", Echo, null))).code).toBe("UNHANDLED");
  });

  test("the server's word on a timeout comes before the client's own", async () => {
    const call = failureOf(client.ask("holder", Hold, null, { timeoutMs: 100 }));
    await eventually(() => server.seen.held.length === 1);
    server.clock.advance(100);
    expect(await call).toMatchObject({ code: "TIMEOUT" });
    expect(server.seen.call(0).signal.aborted).toBe(true);
  });

  test("aborting a call aborts its handler", async () => {
    const controller = new AbortController();
    const call = failureOf(client.ask("holder", Hold, null, { signal: controller.signal }));
    await eventually(() => server.seen.held.length === 1);
    controller.abort();
    expect((await call).code).toBe("CANCELLED");
    await eventually(() => server.seen.call(0).signal.aborted, "the handler's signal");
  });

  test("closing the client aborts what runs for it", async () => {
    const call = failureOf(client.ask("holder", Hold, null));
    await eventually(() => server.seen.held.length === 1);
    client.close();
    expect(await call).toMatchObject({ code: "CONNECTION_CLOSED", ran: "unknown" });
    await eventually(() => server.seen.call(0).signal.aborted, "the handler's signal");
  });

  test("a stream comes whole and in order, with its last value", async () => {
    const stream = client.stream("streams", Count, { items: 1000, last: "bye" });
    const items: unknown[] = [];
    for (;;) {
      const { done, value } = await stream.next();
      if (done === true) {
        expect(value).toBe("bye");
        break;
      }
      items.push(value);
    }
    expect(items).toEqual(Array.from({ length: 1000 }, (_, n) => n));
  });

  test("a stream is made no further ahead of its reader than its window", async () => {
    const stream = client.stream("streams", Count, { items: 10_000 }, { window: 8 });
    await stream.next();
    await quiet();
    expect(server.seen.produced).toBeLessThanOrEqual(8 + 4 + 1);
    await stream.return(undefined);
    await eventually(() => server.seen.left === 1, "the generator's end");
    expect(server.seen.produced).toBeLessThanOrEqual(8 + 4 + 1);
  });

  test("leaving the loop ends the generator at the server, and the connection serves on", async () => {
    for await (const item of client.stream("streams", Count, { items: 1_000_000 })) if (item === 100) break;
    await eventually(() => server.seen.left === 1, "the generator's end");
    expect((await client.ask("echo", Add, { a: 1, b: 1 })).sum).toBe(2);
  });

  test("a stream that fails midway yields its items first", async () => {
    const stream = client.stream("streams", Feed, null);
    await eventually(() => server.seen.feeds.length === 1);
    void server.seen.feed(0).reply.send("one");
    server.seen.feed(0).reply.fail(new Error("no more"));
    expect(await stream.next()).toEqual({ done: false, value: "one" });
    expect(await failureOf(stream.next())).toMatchObject({ code: "HANDLER_FAILED", message: "no more" });
    expect((await failureOf(client.stream("nobody", Feed, null).next())).code).toBe("ACTOR_NOT_FOUND");
  });

  test("a stream's time limit holds for all of it", async () => {
    const stream = client.stream("streams", Feed, null, { timeoutMs: 100 });
    await eventually(() => server.seen.feeds.length === 1);
    server.clock.advance(100);
    expect((await failureOf(stream.next())).code).toBe("TIMEOUT");
  });

  test("pushes arrive by type and by pattern", async () => {
    const prices = client.subscribe(Price);
    const patterned = client.subscribe("Price*");
    await Promise.all([prices.ready, patterned.ready]);
    server.runtime.broker().broadcast(Price, { symbol: "ACME", price: 99.5 });
    server.runtime.broker().broadcast(Text, "not asked for");
    server.runtime.broker().broadcast(PriceAlert, { symbol: "ACME" });
    const first = (await prices.next()).value;
    expect(first).toMatchObject({ type: "Price", payload: { symbol: "ACME", price: 99.5 }, timestamp: server.clock.now(), seq: 0, dropped: 0 });
    expect((await patterned.next()).value?.type).toBe("Price");
    expect((await patterned.next()).value?.type).toBe("PriceAlert");
  });

  test("a type that the server does not have is refused, one that it has goes on", async () => {
    const unknown = client.subscribe("Nope");
    const known = client.subscribe(Price);
    expect((await failureOf(unknown.next())).code).toBe("UNKNOWN_MESSAGE_TYPE");
    await known.ready;
  });

  test("a subscription that was left costs the server nothing more", async () => {
    const prices = client.subscribe(Price);
    await prices.ready;
    await prices.return(undefined);
    await client.ping();
    server.runtime.broker().broadcast(Price, { symbol: "ACME", price: 1 });
    await client.ping();
    expect(server.listener.stats().pushesSent).toBe(0);
  });

  test("a stream and a subscription that nobody reads delay no call", async () => {
    const unreadPushes = client.subscribe(Text, { pushesMax: 1 });
    const unreadStream = client.stream("streams", Count, { items: 1000, size: 1000 }, { window: 2 });
    await unreadPushes.ready;
    for (let n = 0; n < 90; n++) server.runtime.broker().broadcast(Text, "x".repeat(1000));
    for (let n = 0; n < 50; n++) expect((await client.ask("echo", Add, { a: n, b: 1 })).sum).toBe(n + 1);
    const read = client.stream("streams", Count, { items: 100 });
    let count = 0;
    for await (const _ of read) count += 1;
    expect(count).toBe(100);
    await unreadStream.return(undefined);
    await unreadPushes.return(undefined);
  });

  test("discovery, figures and the round trip are there", async () => {
    const { agents, messageTypes, schemas, product, protocolVersion } = await client.discover();
    expect(protocolVersion).toBe(1);
    expect(product.name).toBe("acton");
    expect(agents.find(({ name }) => name === "echo")?.handles).toContain("Add");
    expect(messageTypes).toContain("Price");
    expect(schemas["Add"]).toMatchObject({ kind: "request", replies: "Sum", example: { a: 1, b: 1 } });
    expect(await client.stats()).toHaveProperty("active_connections", 1);
    expect(await client.ping()).toBeGreaterThanOrEqual(0);
  });

  test("an idle connection is kept", async () => {
    await client.ping();
    for (let second = 0; second < 60; second += 10) {
      server.clock.advance(10_000);
      await quiet();
    }
    expect((await client.ask("echo", Add, { a: 1, b: 1 })).sum).toBe(2);
    expect(server.listener.stats().connectionsClosedIdle).toBe(0);
  });

  test("a server that shuts down tells new calls so, answers the old ones, and the client learns of the end", async () => {
    const running = client.ask("holder", Hold, null);
    await eventually(() => server.seen.held.length === 1);
    const down = server.runtime.shutdownAll();
    expect((await failureOf(client.ask("echo", Add, { a: 1, b: 1 }))).code).toBe("SHUTTING_DOWN");
    void server.seen.call(0).reply.send("done");
    expect(await running).toBe("done");
    expect((await client.closed)?.code).toBe("CONNECTION_CLOSED");
    await down;
  });
});

test("with keep-alive off an idle connection is closed by the server", async () => {
  await using server = await TestServer.start();
  const client = await connect(server.path, { clock: server.clock, keepAliveMs: 0 });
  await client.ping();
  server.clock.advance(31_000);
  expect((await client.closed)?.code).toBe("CONNECTION_CLOSED");
});

test("a client beyond the limit is told so by its first call", async () => {
  await using server = await TestServer.start({ config: { maxConnections: 1 } });
  await using first = await connect(server.path, { clock: server.clock });
  await first.ping();
  const second = await connect(server.path, { clock: server.clock });
  expect((await failureOf(second.ping())).code).toBe("CONNECTION_LIMIT_REACHED");
});
