// Real sockets, and servers that stall, die, restart, lie and babble.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { ManualClock } from "../../../src/clock.ts";
import { type Client, connect } from "../../../src/ipc/client/client.ts";
import type { ConnectOptions } from "../../../src/ipc/client/session.ts";
import { eventually, quiet } from "../../support/conditions.ts";
import { frameOf } from "../../support/raw-client.ts";
import { TemporaryDirectory } from "../../support/test-server.ts";
import { ScriptedServer } from "./scripted-server.ts";
import { failureOf } from "./wire.ts";

let directory: TemporaryDirectory;
let server: ScriptedServer;
let clock: ManualClock;
const clients: Client[] = [];

beforeEach(() => {
  directory = new TemporaryDirectory();
  server = new ScriptedServer(join(directory.path, "s.sock"));
  clock = new ManualClock();
});

afterEach(() => {
  for (const client of clients.splice(0)) client.close();
  server.stop();
  directory[Symbol.dispose]();
});

async function client(options: ConnectOptions = {}): Promise<Client> {
  const opened = await connect(server.path, { clock, keepAliveMs: 0, ...options });
  clients.push(opened);
  return opened;
}

/** Answers each Echo with its payload; leaves everything else unanswered. */
function echoes(): void {
  server.onFrame = (connection, fields) => {
    if (fields["message_type"] === "Echo") connection.reply(fields["request_id"], fields["payload"]);
  };
}

describe("a server that", () => {
  test("is killed ends every open call with CONNECTION_CLOSED, and says that it may have run", async () => {
    const { ask, stream, subscribe } = callsOf(await client());
    const calls = [ask("Echo"), ask("Other"), stream("Items").next(), subscribe("Price").next()].map(failureOf);
    await (await server.connection()).next("Items");
    server.stop();
    for (const [index, call] of calls.entries()) {
      expect(await call).toMatchObject(index < 3 ? { code: "CONNECTION_CLOSED", ran: "unknown" } : { code: "CONNECTION_CLOSED" });
    }
  });

  test("restarts is found again on the same path, and sent the subscriptions", async () => {
    const connected = await client({ reconnect: true });
    const subscription = connected.subscribe("Price");
    const connection = await server.connection();
    await eventually(() => connection.frames.length === 1, "the subscription");
    let lost = false;
    connected.agent("any").watch(() => (lost = true));
    server.stop();
    await eventually(() => lost, "the loss");
    // The first attempt comes too early.
    clock.advance(100);
    await quiet();
    server.onFrame = (connection, fields) => {
      if (fields["message_types"] === undefined) return;
      connection.answer({
        request_id: fields["request_id"],
        success: true,
        subscribed_types: ["Price"],
        rejected_types: [],
        subscribed_patterns: [],
      });
      connection.answer({ notification_type: "subscription", message_type: "Price", payload: "back", timestamp: 1, seq: 0 });
    };
    server.start();
    const ready = connected.ready();
    clock.advance(200);
    await ready;
    expect((await subscription.next()).value).toMatchObject({ payload: "back" });
    expect(server.connections.length).toBe(2);
  });

  test("stalls makes calls time out, and answers others later on the same connection", async () => {
    const connected = await client();
    const call = connected.ask("a", "Slow", 1, { timeoutMs: 100 });
    const connection = await server.connection();
    const stalled = await connection.next("Slow");
    clock.advance(150);
    expect((await failureOf(call)).code).toBe("TIMEOUT");
    echoes();
    connection.reply(stalled["request_id"], "too late");
    expect(await connected.ask("a", "Echo", 2)).toBe(2);
  });

  test("does not read lets calls wait here up to a bound; they end with the connection, not having run", async () => {
    const connected = await client();
    const connection = await server.connection();
    connection.stopReading();
    const large = "x".repeat(2 ** 22);
    const outcomes = Array.from({ length: 12 }, () => failureOf(connected.ask("a", "T", large)));
    const refused = await outcomes[11];
    expect(refused).toMatchObject({ code: "TARGET_BUSY" });
    connected.close();
    const codes = (await Promise.all(outcomes)).map(({ code, ran }) => `${code} ${ran}`);
    expect(codes.filter((text) => text === "CONNECTION_CLOSED no").length).toBeGreaterThan(5);
    expect(new Set(codes)).toEqual(new Set(["CONNECTION_CLOSED no", "TARGET_BUSY no"]));
  });

  test("is slow sends half a reply now and half later, and it arrives whole", async () => {
    const connected = await client();
    const call = connected.ask("a", "T", null);
    const connection = await server.connection();
    await connection.next("T");
    const reply = frameOf(JSON.stringify({ request_id: "1", success: true, payload: "x".repeat(1000), error: null }));
    connection.write(reply.subarray(0, 600));
    await eventually(() => connection.frames.length === 1);
    connection.write(reply.subarray(600));
    expect(await call).toBe("x".repeat(1000));
  });

  test("promises more bytes than it sends keeps its calls waiting no longer than their time, and costs no memory for it", async () => {
    const connected = await client();
    const call = connected.ask("a", "T", null, { timeoutMs: 100 });
    const connection = await server.connection();
    await connection.next("T");
    const before = process.memoryUsage().rss;
    connection.write(
      Buffer.concat([Buffer.from([0x00, 0xff, 0xff, 0xff]), Buffer.from(`{"request_id":"1","success":true,"payload":1,"error":null}`)]),
    );
    await eventually(() => {
      clock.advance(10);
      return clock.armed === 0;
    });
    expect((await failureOf(call)).code).toBe("TIMEOUT");
    expect(process.memoryUsage().rss - before).toBeLessThan(16 * 2 ** 20);
  });

  const lies: [string, Uint8Array][] = [
    ["promises fewer bytes than it sends", Buffer.concat([Buffer.from([0, 0, 0, 20]), Buffer.from(`{"request_id":"1","success":true,"payload":1}`)])],
    ["promises more than a frame may hold", Buffer.from([0xff, 0xff, 0xff, 0xff, 0x7b])],
    ["sends what is no frame", Buffer.from("HTTP/1.1 200 OK\r\n\r\n")],
    ["sends a body that is not JSON", frameOf(`{"request_id":"1",`)],
    ["sends a body that is not UTF-8", frameOf(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]))],
    ["sends a body nested too deeply", frameOf("[".repeat(1000))],
    ["sends a body that is not an object", frameOf("null")],
  ];

  test.each(lies)("%s loses its connection: every call ends, with the reason", async (_what, bytes) => {
    const connected = await client();
    const calls = [connected.ask("a", "T", null), connected.ask("a", "T", null)].map(failureOf);
    const connection = await server.connection();
    await connection.next("T");
    connection.write(bytes);
    for (const call of calls) {
      const error = await call;
      expect(error).toMatchObject({ code: "CONNECTION_CLOSED", ran: "unknown" });
      expect(error.message).toStartWith("the connection failed: ProtocolError: the server sent what cannot be understood");
    }
    expect(await connected.closed).toMatchObject({ code: "PROTOCOL_ERROR" });
  });

  test("answers what nobody asked is not heard", async () => {
    const connected = await client();
    const connection = await server.connection();
    for (const id of ["99", "", "x", "1e3", "-1", "0"]) connection.reply(id, "?");
    connection.answer({ stream_id: "7", sequence: 0, payload: 1, is_final: false });
    connection.answer({ notification_type: "subscription", message_type: "Price", payload: 1, timestamp: 1, seq: 0 });
    connection.answer({ notification_type: "subscription", payload: 1 });
    connection.answer({ unknown: true });
    connection.answer({});
    echoes();
    expect(await connected.ask("a", "Echo", "still here")).toBe("still here");
  });

  test("answers a call twice is heard once", async () => {
    const connected = await client();
    server.onFrame = (connection, fields) => {
      connection.reply(fields["request_id"], "first");
      connection.reply(fields["request_id"], "second");
    };
    expect(await connected.ask("a", "T", null)).toBe("first");
    expect(await connected.ask("a", "T", null)).toBe("first");
  });

  test("refuses the connection says so to the first call, and to connect's caller by `closed`", async () => {
    server.greets = false;
    const connected = await client();
    const call = failureOf(connected.ask("a", "T", null));
    const connection = await server.connection();
    connection.answer({
      request_id: null,
      success: false,
      payload: null,
      error: "ConnectionLimitReached: 1",
      error_code: "CONNECTION_LIMIT_REACHED",
    });
    connection.shutdown();
    expect((await call).code).toBe("CONNECTION_LIMIT_REACHED");
    expect((await connected.closed)?.code).toBe("CONNECTION_LIMIT_REACHED");
  });

  test("shuts its side after the last answer has that answer heard, and the rest ended", async () => {
    const connected = await client();
    const [answered, unanswered] = [connected.ask("a", "T", 1), failureOf(connected.ask("a", "T", 2))];
    const connection = await server.connection();
    await eventually(() => connection.frames.length === 2);
    connection.reply("1", "done");
    connection.shutdown();
    expect(await answered).toBe("done");
    expect((await unanswered).code).toBe("CONNECTION_CLOSED");
  });
});

function callsOf(connected: Client) {
  return {
    ask: (type: string) => connected.ask("a", type, null),
    stream: (type: string) => connected.stream("a", type, null),
    subscribe: (type: string) => connected.subscribe(type),
  };
}
