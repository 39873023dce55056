// One connection that asks for as much as it may, beside one that asks for one thing at a time: both get on, and the small one is
// never behind more than the other may have in flight.

import { expect, test } from "bun:test";
import { agent } from "acton";
import { jsonFrame } from "../../support/raw-client.ts";
import { request, TestServer } from "../../support/test-server.ts";
import { Add, Hold } from "../../support/test-services.ts";

test("beside a connection with 64 requests in flight and thousands behind them, one with a single request waits for 64 at most", async () => {
  await using server = await TestServer.start({ config: { connectionTimeoutMs: 0 } });
  const handled: (number | undefined)[] = [];
  // One message a turn of the event loop: the agent is what everybody waits for.
  const desk = agent("desk", () => ({})).mutateOn(Add, async ({ message: { a, b }, peer }) => {
    handled.push(peer?.connection);
    await new Promise((resolve) => setImmediate(resolve));
    return { sum: a + b };
  });
  server.runtime.ipcExpose("desk", await server.runtime.start(desk));
  const [blaster, small] = [await server.connect(), await server.connect()];
  const all = 5_000;
  blaster.write(Buffer.concat(Array.from({ length: all }, (_, n) => jsonFrame(request("desk", "Add", { a: n, b: 0 }, { request_id: `b${n}` })))));
  await server.until(() => handled.length > 64);
  const waits: number[] = [];
  for (let n = 0; n < 20; n++) {
    const before = handled.length;
    expect(await small.ask(request("desk", "Add", { a: n, b: 1 }))).toMatchObject({ payload: { sum: n + 1 } });
    waits.push(handled.length - before);
  }
  // A turn or two pass on its way there and back.
  expect(Math.max(...waits)).toBeLessThanOrEqual(64 + 8);
  expect(handled.filter((connection) => connection === 1).length).toBeGreaterThan(20 * 32);
  expect(await blaster.take(all)).toHaveLength(all);
});

test("of those who wait for the places that all share, each gets the next in turn, however many requests one has waiting", async () => {
  await using server = await TestServer.start({ config: { inFlightTotalMax: 4, connectionTimeoutMs: 0 } });
  const [blaster, small] = [await server.connect(), await server.connect()];
  for (let n = 0; n < 64; n++) blaster.send(request("holder", Hold.name, n, { request_id: `b${n}` }));
  await server.until(() => server.listener.stats().requestsWaiting === 60);
  small.send(request("holder", Hold.name, "small", { request_id: "s" }));
  await server.until(() => server.listener.stats().requestsWaiting === 61);
  for (let n = 0; n < 2; n++) server.seen.call(n).reply.end("done");
  await server.until(() => server.seen.held.length === 6);
  expect(server.seen.held.slice(4).map(({ message }) => message)).toEqual([4, "small"]);
});
