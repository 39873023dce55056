// Configuration keys of the listener, each acting: at the limit, and one past it. What concerns requests in flight is
// in in-flight.test.ts, what concerns a client that does not read in slow-reader.test.ts.

import { expect, test } from "bun:test";
import { quiet } from "../../support/conditions.ts";
import { frameOf, jsonFrame, packed } from "../../support/raw-client.ts";
import { request, TestServer } from "../../support/test-server.ts";

/** A ping of exactly so many bytes. */
function pingOf(bytes: number): string {
  const body = JSON.stringify({ ping: true, pad: "" });
  return body.replace('""', `"${"x".repeat(bytes - body.length)}"`);
}

test("maxMessageSize: a body of that size is read, one byte more is refused, naming both", async () => {
  await using server = await TestServer.start({ config: { maxMessageSize: 1000 } });
  const client = await server.connect();
  client.write(frameOf(pingOf(1000)));
  expect(await client.next()).toMatchObject({ success: true });
  client.write(frameOf(pingOf(1001)));
  const answer = await client.next();
  expect(answer).toMatchObject({ success: false, error_code: "PROTOCOL_ERROR" });
  expect(answer["error"]).toMatch(/\b1001\b.*\b1000\b/);
  expect(await client.rest()).toEqual([]);
});

test("maxMessageSize: a larger length is refused before any of its body has come", async () => {
  await using server = await TestServer.start({ config: { maxMessageSize: 1000 } });
  const client = await server.connect();
  await client.ask({ ping: true });
  client.write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
  expect((await client.next())["error"]).toMatch(/\b4294967295\b.*\b1000\b/);
  expect(await client.rest()).toEqual([]);
  expect(server.listener.stats().unfinishedBytes).toBe(0);
});

test("maxMessageSize: a first frame that is too large is refused as well", async () => {
  await using server = await TestServer.start({ config: { maxMessageSize: 1000 } });
  const client = await server.connect();
  client.write(Buffer.from([0, 0, 0x10, 0, 0x7b]));
  expect((await client.next())["error"]).toMatch(/^ProtocolError: .*\b4096\b.*\b1000\b/);
  expect(await client.rest()).toEqual([]);
});

test("maxMessageSize: a reply of that size leaves, one byte more is HandlerFailed", async () => {
  await using server = await TestServer.start({ config: { maxMessageSize: 1000 } });
  const client = await server.connect();
  const empty = JSON.stringify({ request_id: "r", success: true, payload: "", error: null }).length;
  for (const [bytes, expected] of [
    [1000, { success: true }],
    [1001, { success: false, error_code: "HANDLER_FAILED" }],
  ] as const) {
    client.send(request("holder", "Hold", 1, { request_id: "r" }));
    await server.until(() => server.seen.held.length === 1);
    server.seen.held.pop()?.reply.end("y".repeat(bytes - empty));
    expect(await client.next()).toMatchObject(expected);
  }
});

test("frameTimeoutMs: a frame that is not whole in time closes the connection, however busily it dribbles", async () => {
  await using server = await TestServer.start({ config: { frameTimeoutMs: 10_000 } });
  const client = await server.connect();
  const frame = jsonFrame({ ping: true, pad: "x".repeat(100) });
  for (let second = 0; second < 10; second++) {
    client.write(frame.subarray(second * 6, second * 6 + 6));
    await server.until(() => server.listener.stats().bytesReceived === (second + 1) * 6);
    server.clock.advance(second === 9 ? 999 : 1000);
  }
  await quiet();
  expect(client.ended).toBe(false);
  server.clock.advance(1);
  expect(await client.next()).toMatchObject({ request_id: null, success: false, error_code: "PROTOCOL_ERROR" });
  expect(await client.rest()).toEqual([]);
});

test("frameTimeoutMs: a frame that becomes whole in time is answered, and the next one has its own time", async () => {
  await using server = await TestServer.start({ config: { frameTimeoutMs: 10_000 } });
  const client = await server.connect();
  const frame = jsonFrame({ ping: true });
  for (let round = 0; round < 3; round++) {
    const { bytesReceived } = server.listener.stats();
    client.write(frame.subarray(0, 6));
    await server.until(() => server.listener.stats().bytesReceived === bytesReceived + 6);
    server.clock.advance(9_999);
    client.write(frame.subarray(6));
    expect(await client.next()).toMatchObject({ success: true });
  }
});

test("unfinishedBytesMax: what exceeds it waits with the kernel, and is read when there is room again", async () => {
  await using server = await TestServer.start({ config: { maxMessageSize: 100_000, unfinishedBytesMax: 100_000 } });
  const [large, waiting] = [await server.connect(), await server.connect()];
  const first = frameOf(pingOf(99_000));
  large.write(first.subarray(0, 98_000));
  await server.until(() => server.listener.stats().unfinishedBytes === 98_000);
  const second = frameOf(pingOf(60_000));
  waiting.write(second.subarray(0, 5_000));
  await server.until(() => server.listener.stats().unfinishedBytes === 103_000);
  waiting.write(second.subarray(5_000));
  await quiet();
  expect(server.listener.stats().unfinishedBytes).toBe(103_000);
  expect(waiting.frames).toEqual([]);
  large.write(first.subarray(98_000));
  expect(await large.next()).toMatchObject({ success: true });
  expect(await waiting.next()).toMatchObject({ success: true });
  expect(server.listener.stats().unfinishedBytes).toBe(0);
});

test("unfinishedBytesMax: whoever vanishes with half a frame gives its bytes back", async () => {
  await using server = await TestServer.start({ config: { maxMessageSize: 100_000, unfinishedBytesMax: 100_000 } });
  const client = await server.connect();
  client.write(frameOf(pingOf(99_000)).subarray(0, 50_000));
  await server.until(() => server.listener.stats().unfinishedBytes === 50_000);
  client.destroy();
  await server.until(() => server.listener.stats().unfinishedBytes === 0);
});

for (const format of ["JSON", "MessagePack"] as const) {
  const write = (body: unknown): Buffer => frameOf(format === "JSON" ? JSON.stringify(body) : packed(body));

  test(`depthMax: 127 containers, the envelope included, are read in ${format} and 128 are not`, async () => {
    await using server = await TestServer.start();
    const client = await server.connect();
    client.write(write(request("echo", "Echo", nested(126), { request_id: "d" })));
    expect(await client.next()).toMatchObject({ success: true });
    client.write(write(request("echo", "Echo", nested(127), { request_id: "d" })));
    expect(await client.next()).toMatchObject({ success: false, error_code: "SERIALIZATION_ERROR" });
    expect(await client.ask({ ping: true })).toMatchObject({ success: true });
  });

  test(`depthMax: a smaller limit is the limit in ${format}`, async () => {
    await using server = await TestServer.start({ config: { depthMax: 3 } });
    const client = await server.connect();
    for (const [depth, success] of [
      [2, true],
      [3, false],
    ] as const) {
      client.write(write(request("echo", "Echo", nested(depth), { request_id: "d" })));
      expect(await client.next()).toMatchObject({ success });
    }
  });

  test(`tokensMax: so many values and keys are read in ${format}, one more is not`, async () => {
    await using server = await TestServer.start({ config: { tokensMax: 64 } });
    const client = await server.connect();
    // The envelope, its five keys and their values: eleven.
    for (const [items, success] of [
      [53, true],
      [54, false],
    ] as const) {
      client.write(
        write(
          request(
            "echo",
            "Echo",
            Array.from({ length: items }, () => 1),
            { request_id: "t" },
          ),
        ),
      );
      const answer = await client.next();
      expect(answer).toMatchObject({ success });
      if (!success) expect(answer["error_code"]).toBe("SERIALIZATION_ERROR");
    }
    expect(await client.ask({ ping: true })).toMatchObject({ success: true });
  });
}

test("rateLimit: the burst is allowed, the next is told when to come again, and may come then", async () => {
  await using server = await TestServer.start({ config: { rateLimit: { requestsPerSecond: 4, burstSize: 3 } } });
  const client = await server.connect();
  const ask = (id: string): Promise<Record<string, unknown>> => client.ask(request("echo", "Echo", 1, { request_id: id }));
  for (const id of ["1", "2", "3"]) expect(await ask(id)).toMatchObject({ success: true });
  expect(await ask("4")).toMatchObject({ error_code: "RATE_LIMITED", retry_after_ms: 250 });
  server.clock.advance(125);
  expect(await ask("5")).toMatchObject({ error_code: "RATE_LIMITED", retry_after_ms: 125 });
  server.clock.advance(124);
  expect(await ask("5")).toMatchObject({ error_code: "RATE_LIMITED" });
  server.clock.advance(1);
  expect(await ask("6")).toMatchObject({ success: true });
  server.clock.advance(20_000);
  for (const id of ["7", "8", "9"]) expect(await ask(id)).toMatchObject({ success: true });
  expect(await ask("10")).toMatchObject({ error_code: "RATE_LIMITED" });
});

test("rateLimit: whoever waits as long as told is never told to wait again", async () => {
  for (const requestsPerSecond of [1, 3, 6, 7, 9, 11, 13, 17, 19, 23, 29, 60, 97, 333, 999, 1001]) {
    await using server = await TestServer.start({ config: { connectionTimeoutMs: 0, rateLimit: { requestsPerSecond, burstSize: 1 } } });
    const client = await server.connect();
    for (let round = 0; round < 40; round++) {
      let answer = await client.ask({ target: "notes", message_type: "Note", payload: 1 });
      if (answer["success"] === true) continue;
      server.clock.advance(answer["retry_after_ms"] as number);
      answer = await client.ask({ target: "notes", message_type: "Note", payload: 1 });
      expect({ requestsPerSecond, round, success: answer["success"] }).toEqual({ requestsPerSecond, round, success: true });
    }
  }
});

test("rateLimit: subscriptions and patterns cost one; discover, stats, ping and unsubscribe are free; each connection has its own", async () => {
  await using server = await TestServer.start({ config: { rateLimit: { requestsPerSecond: 1, burstSize: 2 } } });
  const [client, other] = [await server.connect(), await server.connect()];
  for (const free of [{ discover: true }, { stats: true }, { ping: true }, { unsubscribe: [] }]) {
    for (let n = 0; n < 3; n++) expect(await client.ask({ ...free, request_id: "f" })).toMatchObject({ success: true });
  }
  expect(await client.ask({ message_types: ["Price"], request_id: "s" })).toMatchObject({ success: true });
  expect(await client.ask({ patterns: ["P*"], request_id: "p" })).toMatchObject({ success: true });
  expect(await client.ask(request("echo", "Echo", 1, { request_id: "r" }))).toMatchObject({ error_code: "RATE_LIMITED" });
  expect(await client.ask({ patterns: ["Q*"], request_id: "q" })).toMatchObject({ error_code: "RATE_LIMITED", subscribed_patterns: [] });
  expect(await client.ask({ ping: true, request_id: "f" })).toMatchObject({ success: true });
  expect(await other.ask(request("echo", "Echo", 1, { request_id: "r" }))).toMatchObject({ success: true });
});

test("subscriptionTimeoutMs: a connection that holds subscriptions is idle after this, by default never", async () => {
  await using server = await TestServer.start({ config: { connectionTimeoutMs: 1_000, subscriptionTimeoutMs: 5_000 } });
  const client = await server.connect();
  await client.ask({ message_types: ["Price"], request_id: "s" });
  server.clock.advance(4_999);
  await quiet();
  expect(client.ended).toBe(false);
  server.clock.advance(1);
  await client.until(() => client.ended);
});

test("connectionTimeoutMs: 0 is never", async () => {
  await using server = await TestServer.start({ config: { connectionTimeoutMs: 0 } });
  const client = await server.connect();
  await client.ask({ ping: true });
  server.clock.advance(2 ** 31);
  expect(await client.ask({ ping: true })).toMatchObject({ success: true });
});

test("framesPerTurnMax: a connection that sends a hundred frames does not hold up another", async () => {
  const place = async (framesPerTurnMax: number): Promise<number> => {
    await using server = await TestServer.start({ config: { framesPerTurnMax } });
    const [busy, other] = [await server.connect(), await server.connect()];
    await busy.ask(request("echo", "Echo", 0));
    await other.ask(request("echo", "Echo", 0));
    const [first, second] = server.seen.echoes.splice(0);
    busy.write(Buffer.concat(Array.from({ length: 100 }, (_, n) => jsonFrame(request("echo", "Echo", n, { request_id: `b${n}` })))));
    other.send(request("echo", "Echo", 0, { request_id: "o" }));
    await other.next();
    await busy.take(100);
    expect(server.seen.echoes.filter((connection) => connection === first)).toHaveLength(100);
    return server.seen.echoes.indexOf(second);
  };
  expect(await place(1)).toBeLessThan(5);
  expect(await place(10)).toBeLessThan(25);
  expect(await place(1000)).toBe(100);
});

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = [value];
  return value;
}
