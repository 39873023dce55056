// What one user may hold of the server, all of their connections together.

import { expect, test } from "bun:test";
import { eventually } from "../../support/conditions.ts";
import { MemoryServer } from "../../support/memory-server.ts";
import { request, TestServer } from "../../support/test-server.ts";
import { Add, Count, Hold, HoldAlone } from "../../support/test-services.ts";

const open = { socketMode: "0666", policyRules: { default: "allow", rules: [{ deny: "*", uids: 65_534 }] } } as const;

test("connectionsPerUidMax: so many of one user are served, the next is told so, and other users come in", async () => {
  await using server = await MemoryServer.start({ ...open, connectionsPerUidMax: 2 });
  const first = await server.connect({ uid: 1 });
  for (const client of [first, await server.connect({ uid: 1 }), await server.connect({ uid: 2 })]) await client.ping();
  const third = await server.connect({ uid: 1 });
  await expect(third.ping()).rejects.toMatchObject({ code: "CONNECTION_LIMIT_REACHED", details: { limit: 2 } });
  await (await server.connect({ uid: 2 })).ping();
  expect(server.listener.stats()).toMatchObject({
    activeConnections: 4,
    connectionsRefused: 1,
    connectionsOverUserLimit: 1,
    errorsByCode: { CONNECTION_LIMIT_REACHED: 1 },
  });
  first.close();
  await eventually(() => server.listener.stats().activeConnections === 3);
  await (await server.connect({ uid: 1 })).ping();
});

test("connectionsPerUidMax: unless it is set, one user may have all of max_connections", async () => {
  await using server = await TestServer.start({ config: { maxConnections: 100 } });
  const clients = await Promise.all(Array.from({ length: 100 }, () => server.connect()));
  for (const client of clients) expect(await client.ask({ ping: true })).toMatchObject({ success: true });
  const next = await server.connect();
  next.send({ ping: true });
  expect(await next.rest()).toMatchObject([{ error_code: "CONNECTION_LIMIT_REACHED", details: { limit: 100 } }]);
  expect(server.listener.stats()).toMatchObject({ connectionsRefused: 1, connectionsOverUserLimit: 0 });
});

test("inFlightPerUidMax: past so many on all connections of a user the next request is TargetBusy, and other users are served", async () => {
  await using server = await MemoryServer.start({ ...open, inFlightPerUidMax: 2 });
  const [one, two, other] = [await server.connect({ uid: 1 }), await server.connect({ uid: 1 }), await server.connect({ uid: 2 })];
  const held = [one.ask("holder", Hold, 1), two.ask("alone", HoldAlone, 2)];
  await eventually(() => server.listener.stats().requestsInFlight === 2);
  for (const client of [one, two]) {
    await expect(client.ask("echo", Add, { a: 1, b: 1 })).rejects.toMatchObject({ code: "TARGET_BUSY", ran: "no" });
  }
  expect(await other.ask("echo", Add, { a: 1, b: 1 })).toEqual({ sum: 2 });
  expect(server.listener.stats()).toMatchObject({ requestsOverUserLimit: 2, errorsByCode: { TARGET_BUSY: 2 } });
  void server.seen.call(0).reply.send("done");
  await Promise.race(held);
  expect(await one.ask("echo", Add, { a: 2, b: 2 })).toEqual({ sum: 4 });
  void server.seen.call(1).reply.send("done");
  expect(await Promise.all(held)).toEqual(["done", "done"]);
});

test("inFlightPerUidMax: streams and messages without an answer are not among them, and a lost connection gives its places back", async () => {
  await using server = await TestServer.start({ config: { inFlightPerUidMax: 1 } });
  const [gone, client] = [await server.connect(), await server.connect()];
  gone.send(request("holder", "Hold", 1, { request_id: "h" }));
  await server.until(() => server.listener.stats().requestsInFlight === 1);
  expect(await client.ask({ target: "notes", message_type: "Note", payload: 1, request_id: "n" })).toMatchObject({ success: true });
  expect(
    await client.ask({ target: "streams", message_type: Count.name, payload: { items: 0 }, expects_stream: true, request_id: "s" }),
  ).toMatchObject({
    is_final: true,
  });
  expect(await client.ask(request("echo", "Echo", 1, { request_id: "b" }))).toMatchObject({ error_code: "TARGET_BUSY" });
  gone.destroy();
  await server.until(() => server.listener.stats().requestsInFlight === 0);
  expect(await client.ask(request("echo", "Echo", 1, { request_id: "c" }))).toMatchObject({ success: true });
});
