// Whatever a client does, it costs itself at most its connection: others are served, and nothing is left behind.

import { expect, test } from "bun:test";
import { type Random, seededRandom } from "acton";
import { oneRound, quiet } from "../../support/conditions.ts";
import { frameOf, jsonFrame, packedFrame } from "../../support/raw-client.ts";
import { request, streamRequest, TestServer } from "../../support/test-server.ts";

const nothingOpen = { requestsInFlight: 0, streamsOpen: 0, requestsWaiting: 0, subscriptions: 0, unfinishedBytes: 0 };

function below(random: Random, limit: number): number {
  return Math.floor(random.next() * limit);
}

/** One frame that a client might send, mostly well formed. */
function anyFrame(random: Random): Buffer {
  const id = below(random, 2) === 0 ? {} : { request_id: `r${below(random, 5)}` };
  const bodies: readonly Record<string, unknown>[] = [
    request("echo", "Echo", below(random, 100), id),
    request("holder", "Hold", 1, { ...id, timeout_ms: below(random, 50) }),
    request("alone", "HoldAlone", 1, { ...id, timeout_ms: below(random, 50) }),
    streamRequest("streams", "Count", { items: below(random, 20), size: 1_000 }, id),
    streamRequest("streams", "Feed", 1, { ...id, timeout_ms: 20 }),
    { message_types: ["Price"], patterns: ["T*"], ...id },
    { unsubscribe: [], ...id },
    { discover: true, ...id },
    { stats: true, ...id },
    request("nobody", "Echo", 1, id),
    { target: below(random, 9), ...id },
  ];
  const body = bodies[below(random, bodies.length)] ?? {};
  return below(random, 2) === 0 ? jsonFrame(body) : packedFrame(body);
}

/** A session in which here and there a byte is not what it was. */
function damagedSession(random: Random): Buffer {
  const session = Buffer.concat(Array.from({ length: 1 + below(random, 12) }, () => anyFrame(random)));
  for (let count = below(random, 4); count > 0; count--) session[below(random, session.length)] = below(random, 256);
  return session.subarray(0, below(random, 3) === 0 ? below(random, session.length) : session.length);
}

test("damaged sessions, cut anywhere and left in any way, harm nobody and leave nothing behind", async () => {
  await using server = await TestServer.start({ config: { maxMessageSize: 65_536, drainTimeoutMs: 1_000 } });
  const witness = await server.connect();
  await witness.ask({ ping: true, request_id: "w" });
  const armed = server.clock.armed;
  for (let seed = 1; seed <= 300; seed++) {
    const random = seededRandom(seed);
    const client = await server.connect();
    const session = damagedSession(random);
    for (let offset = 0; offset < session.length;) {
      const length = 1 + below(random, session.length);
      client.write(session.subarray(offset, offset + length));
      offset += length;
      if (below(random, 2) === 0) await oneRound();
    }
    server.clock.advance(below(random, 60));
    if (below(random, 3) === 0) client.destroy();
    else client.shutWrite();
    expect(await witness.ask(request("echo", "Echo", seed, { request_id: "w" }))).toMatchObject({ request_id: "w", payload: seed });
    client.destroy();
  }
  await server.until(() => server.listener.stats().activeConnections === 1, "closing the connections");
  expect(server.listener.stats()).toMatchObject(nothingOpen);
  await quiet();
  server.clock.advance(60);
  expect(server.clock.armed).toBeLessThanOrEqual(armed);
}, 30_000);

test("connections that come and go in every state leave no timer and no figure behind", async () => {
  await using server = await TestServer.start();
  const armed = server.clock.armed;
  const states: readonly Buffer[] = [
    Buffer.alloc(0),
    Buffer.from([0, 0]),
    jsonFrame({ ping: true }),
    jsonFrame({ ping: true }).subarray(0, 8),
    jsonFrame(request("holder", "Hold", 1)),
    jsonFrame(streamRequest("streams", "Feed", 1)),
    jsonFrame({ message_types: ["Price"], patterns: ["*"] }),
    frameOf("[]"),
    Buffer.from([0x7f, 0, 0, 0, 0x7b]),
  ];
  for (let round = 0; round < 20; round++) {
    for (const bytes of states) {
      const client = await server.connect();
      client.write(bytes);
      await server.until(() => server.listener.stats().activeConnections > 0);
      if (round % 2 === 0) await oneRound();
      client.destroy();
    }
  }
  await server.until(() => server.listener.stats().activeConnections === 0, "closing the connections");
  expect(server.listener.stats()).toMatchObject(nothingOpen);
  expect(server.clock.armed).toBe(armed);
});

test("a half-close in the middle of a long stream is answered in full at the reader's pace", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(streamRequest("streams", "Count", { items: 300, size: 10_000 }, { request_id: "s" }));
  client.shutWrite();
  await client.next();
  client.stopReading();
  await quiet();
  expect(server.seen.produced).toBeLessThan(300);
  client.startReading();
  const frames = await client.rest();
  expect(frames).toHaveLength(300);
  expect(frames.at(-1)).toMatchObject({ sequence: 300, is_final: true });
});

test("frames that had come when the drain began are answered, each with its reply or with ShuttingDown", async () => {
  await using server = await TestServer.start({ config: { framesPerTurnMax: 1 } });
  const client = await server.connect();
  const count = 100;
  client.write(Buffer.concat(Array.from({ length: count }, (_, n) => jsonFrame(request("echo", "Echo", n, { request_id: `r${n}` })))));
  await server.until(() => server.seen.echoes.length > 0);
  void server.listener.shutdown();
  const answers = await client.rest();
  expect(new Set(answers.map((answer) => answer["request_id"])).size).toBe(count);
  for (const answer of answers) if (answer["success"] !== true) expect(answer["error_code"]).toBe("SHUTTING_DOWN");
});

test("an id in use by a request is a ProtocolError for a ping or a subscription as well", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(request("holder", "Hold", 1, { request_id: "x" }));
  expect(await client.ask({ message_types: ["Price"], request_id: "x" })).toMatchObject({
    request_id: "x",
    error_code: "PROTOCOL_ERROR",
    subscribed_types: [],
  });
  expect(await client.ask({ ping: true, request_id: "x" })).toMatchObject({ request_id: "x", error_code: "PROTOCOL_ERROR" });
});

test("a frame error while a request runs is answered, the request too, and then the connection is closed", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.send(request("holder", "Hold", 1, { request_id: "running" }));
  await server.until(() => server.seen.held.length === 1);
  client.write(frameOf("[]"));
  expect(await client.next()).toMatchObject({ request_id: null, error_code: "PROTOCOL_ERROR" });
  server.seen.call(0).reply.end("done");
  expect(await client.rest()).toMatchObject([{ request_id: "running", success: true }]);
});

test("a runtime whose listener was shut down can listen again", async () => {
  await using server = await TestServer.start();
  await server.listener.shutdown();
  const again = await server.runtime.startIpcListener({ socketPath: server.path });
  const client = await server.connect();
  expect(await client.ask(request("echo", "Echo", 1))).toMatchObject({ success: true });
  client.destroy();
  await again.shutdown();
});
