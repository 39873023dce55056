// What a client may ask of the server itself: what is exposed, and its figures (wire protocol 3).

import { expect, test } from "bun:test";
import { agent, message, type Policy, type RuntimeConfigInput } from "acton";
import { z } from "zod";
import type { Fields } from "../../support/raw-client.ts";
import { request, streamRequest, TestServer } from "../../support/test-server.ts";
import { Echo, Held, Price, Text } from "../../support/test-services.ts";

interface Described {
  readonly kind: string;
  readonly schema: Fields;
  readonly replies?: string;
  readonly example: unknown;
}

interface Discovered {
  readonly actors: readonly { readonly name: string; readonly ern: string; readonly handles: readonly string[] }[];
  readonly message_types: readonly string[];
  readonly schemas: Readonly<Record<string, Described>>;
}

async function discovered(server: TestServer): Promise<Discovered> {
  return (await (await server.connect()).ask({ discover: true, request_id: "d" })) as unknown as Discovered;
}

test("discovery names the product, the application, the agents and the types", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  const answer = await client.ask({ discover: true, request_id: "d" });
  expect(Object.keys(answer).sort()).toEqual(
    ["request_id", "success", "protocol_version", "capabilities", "product", "application", "actors", "message_types", "schemas"].sort(),
  );
  expect(answer).toMatchObject({
    request_id: "d",
    success: true,
    product: { name: "acton", version: expect.stringMatching(/^\d+\.\d+\.\d+/) as unknown },
    application: { name: expect.any(String) as unknown, version: expect.any(String) as unknown },
  });
  expect(await client.ask({ discover: true })).toMatchObject({ request_id: null, success: true });
});

test("discovery lists each exposed agent with what it handles, and hides what is hidden", async () => {
  await using server = await TestServer.start();
  const { actors, message_types } = await discovered(server);
  expect(actors.map((actor) => actor.name).sort()).toEqual(["alone", "echo", "holder", "notes", "streams"]);
  expect([...(actors.find((actor) => actor.name === "streams")?.handles ?? [])].sort()).toEqual(["Count", "Feed"]);
  for (const { ern } of actors) expect(ern).toStartWith("ern:");
  expect(new Set(actors.map((actor) => actor.ern)).size).toBe(5);
  expect(message_types).toContain("Price");
  server.runtime.ipcHide("streams");
  expect((await discovered(server)).actors.map((actor) => actor.name)).not.toContain("streams");
});

test("discovery describes each type: kind, schema, answer, and an example that its schema accepts", async () => {
  await using server = await TestServer.start();
  const { message_types, schemas } = await discovered(server);
  expect(Object.keys(schemas).sort()).toEqual([...message_types].sort());
  expect(schemas["Add"]).toMatchObject({ kind: "request", replies: "Sum" });
  expect(schemas["Add"]?.schema).toMatchObject({
    type: "object",
    properties: { a: { type: "integer" }, b: { type: "integer" } },
    required: ["a", "b"],
  });
  expect(schemas["Count"]).toMatchObject({ kind: "stream", replies: "Item" });
  expect(schemas["Price"]).toMatchObject({ kind: "push" });
  const client = await server.connect();
  const reply = await client.ask(request("echo", "Add", schemas["Add"]?.example, { request_id: "x" }));
  expect(reply).toMatchObject({ success: true });
  expect(Price.validate(schemas["Price"]?.example).ok).toBe(true);
});

test("the examples of many kinds of schema are accepted by them", async () => {
  await using server = await TestServer.start();
  const Kinds = message("Kinds", {
    email: z.email(),
    when: z.iso.datetime(),
    choice: z.enum(["a", "b"]),
    bounded: z.int().min(10).max(12),
    even: z.int().multipleOf(2).min(3),
    above: z.number().gt(0.5),
    list: z.array(z.string().min(3)).min(2),
    pair: z.tuple([z.string(), z.boolean()]),
    either: z.union([z.object({ n: z.null() }), z.string()]),
    absent: z.string().optional(),
    nothing: z.null(),
    nullable: z.string().nullable(),
    uuid: z.uuid(),
    url: z.url(),
    record: z.record(z.string(), z.int()),
    literal: z.literal("just this"),
    fallback: z.string().default("given"),
  });
  server.runtime.ipcRegistry().register(Kinds);
  const { schemas } = await discovered(server);
  expect(Kinds.validate(schemas["Kinds"]?.example)).toMatchObject({ ok: true });
});

test("a type with names that are dangerous in objects is described like any other", async () => {
  await using server = await TestServer.start();
  for (const name of ["__proto__", "constructor", "toString"]) server.runtime.ipcRegistry().register(message(name, { x: z.int() }));
  const client = await server.connect();
  client.send({ discover: true, request_id: "d" });
  const text = (await client.nextBody()).toString();
  for (const name of ["__proto__", "constructor", "toString"]) expect(text).toContain(`"${name}":{"kind":"push"`);
});

test("discovery in MessagePack says the same", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  const json = await client.ask({ discover: true, request_id: "d" });
  client.sendPacked({ discover: true, request_id: "d" });
  expect(await client.next()).toEqual(json);
});

test("a type is registered under one schema only; the same again is no error", async () => {
  await using server = await TestServer.start();
  const registry = server.runtime.ipcRegistry();
  registry.register(Price);
  registry.register(message("Price", { symbol: z.string(), price: z.number() }));
  expect(() => registry.register(message("Price", { symbol: z.string() }))).toThrow(expect.objectContaining({ code: "NAME_TAKEN" }) as Error);
  expect(registry.isRegistered("Price")).toBe(true);
  expect([...registry.registeredTypes()]).toEqual([...registry.registeredTypes()].sort());
});

test("a taken name is refused, naming its holder", async () => {
  await using server = await TestServer.start();
  const other = await server.runtime.start(agent("other", () => ({})));
  expect(() => server.runtime.ipcExpose("echo", other)).toThrow(/echo/);
  expect(() => server.runtime.ipcExpose("echo", other)).toThrow(expect.objectContaining({ code: "NAME_TAKEN" }) as Error);
});

test("the figures over the wire are those of listener.stats(), in snake case", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  await client.ask(request("echo", "Echo", 1, { request_id: "1" }));
  await client.ask(request("nobody", "Echo", 1, { request_id: "2" }));
  const { payload } = await client.ask({ stats: true, request_id: "s" });
  expect(payload).toMatchObject({ active_connections: 1, messages_processed: 2, errors: 1 });
  expect(server.listener.stats()).toMatchObject({ activeConnections: 1, messagesProcessed: 2, errors: 1, errorsByCode: { ACTOR_NOT_FOUND: 1 } });
});

test("the figures count connections, frames, bytes, pushes, and what is open", async () => {
  await using server = await TestServer.start();
  const [one, two] = [await server.connect(), await server.connect()];
  await one.ask({ message_types: ["Text"], patterns: ["P*"], request_id: "s" });
  server.runtime.broker().broadcast(Text, 1);
  await one.next();
  two.send(request("holder", "Hold", 1, { request_id: "h" }));
  two.send(streamRequest("streams", "Feed", 1, { request_id: "f" }));
  await server.until(() => server.seen.held.length === 1 && server.seen.feeds.length === 1);
  expect(server.listener.stats()).toMatchObject({
    activeConnections: 2,
    connectionsAccepted: 2,
    connectionsRefused: 0,
    requestsInFlight: 1,
    streamsOpen: 1,
    subscriptions: 2,
    framesReceived: 3,
    framesSent: 2,
    pushesSent: 1,
    pushesDropped: 0,
    errors: 0,
    draining: false,
  });
  expect(server.listener.stats().bytesSent).toBe(one.received + two.received);
});

test("the figures tell how often handlers held the event loop, and the longest time", async () => {
  await using server = await TestServer.start({ limits: { lagWarnMs: 50 } });
  const Hold = message("HoldLoop", { ms: z.int() }).replies(Held);
  const slow = agent("slow", () => ({})).actOn(Hold, ({ message: { ms } }) => {
    server.clock.advance(ms);
    return ms;
  });
  server.runtime.ipcExpose("slow", await server.runtime.start(slow));
  const client = await server.connect();
  const figures = async (): Promise<unknown> => ((await client.ask({ stats: true, request_id: "s" })) as { payload: unknown }).payload;
  expect(await figures()).toMatchObject({ lags: 0, longest_lag_ms: 0 });
  for (const ms of [50, 70, 60]) await client.ask(request("slow", "HoldLoop", { ms }));
  expect(await figures()).toMatchObject({ lags: 2, longest_lag_ms: 70 });
  expect(server.listener.stats()).toMatchObject({ lags: 2, longestLagMs: 70 });
});

test.each<[string, RuntimeConfigInput]>([
  ["a clock that a test advances measures no code, unless a limit is asked for", {}],
  ["a limit of 0 is none", { lagWarnMs: 0 }],
])("%s", async (_, limits) => {
  await using server = await TestServer.start({ limits });
  const slow = agent("slow", () => ({})).actOn(Echo, ({ message: ms }) => {
    server.clock.advance(ms as number);
    return ms as unknown;
  });
  expect(await (await server.runtime.start(slow)).ask(Echo, 1_000)).toBe(1_000);
  expect(server.listener.stats()).toMatchObject({ lags: 0, longestLagMs: 0 });
});

test("every error that is answered is counted under its code", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  for (const body of [
    request("nobody", "Echo", 1),
    request("echo", "Nothing", 1),
    request("echo", "Add", {}),
    request("echo", "Fail", { text: "x" }),
    { junk: 1 },
  ])
    await client.ask(body);
  expect(server.listener.stats()).toMatchObject({
    errors: 5,
    errorsByCode: { ACTOR_NOT_FOUND: 1, UNKNOWN_MESSAGE_TYPE: 1, SERIALIZATION_ERROR: 2, HANDLER_FAILED: 1 },
  });
});

test("stats and discovery are the policy's to refuse; a ping is not", async () => {
  const policy: Policy = { authorize: () => false };
  await using server = await TestServer.start({ policy });
  const client = await server.connect();
  expect(await client.ask({ stats: true, request_id: "s" })).toMatchObject({ request_id: "s", success: false, error_code: "ACCESS_DENIED" });
  expect(await client.ask({ discover: true, request_id: "d" })).toMatchObject({ request_id: "d", success: false, error_code: "ACCESS_DENIED" });
  expect(await client.ask({ ping: true, request_id: "p" })).toMatchObject({ success: true });
});
