import { describe, expect, test } from "bun:test";
import { ManualClock } from "../../../src/clock.ts";
import { ActonError, type ErrorCode } from "../../../src/errors.ts";
import { type Client, connect, type ConnectOptions } from "../../../src/ipc/client/client.ts";
import type { PeerCredentials, Socket, SocketHandler, Transport } from "../../../src/ipc/transport.ts";
import { decodeMessagePack, encodeMessagePack } from "../../../src/ipc/wire/msgpack.ts";

/** The server's end of a connection, as bytes. */
class Wire implements Socket, Transport {
  credentials: PeerCredentials | undefined;
  written = Buffer.alloc(0);
  /** Bytes that the next writes may take. */
  room = Infinity;
  terminated = false;
  handler: SocketHandler | undefined;

  listen(): never {
    throw new Error("not here");
  }

  connect(_path: string, handler: SocketHandler): Promise<Socket> {
    this.handler = handler;
    return Promise.resolve(this);
  }

  write(bytes: Uint8Array): number {
    if (this.terminated) return -1;
    const taken = Math.min(bytes.length, this.room);
    this.room -= taken;
    this.written = Buffer.concat([this.written, bytes.subarray(0, taken)]);
    return taken;
  }

  pause(): void {}
  resume(): void {}
  shutdown(): void {}
  terminate(): void {
    this.terminated = true;
  }

  get bodies(): Buffer[] {
    const bodies: Buffer[] = [];
    for (let at = 0; at + 4 <= this.written.length;) {
      const end = at + 4 + this.written.readUInt32BE(at);
      bodies.push(this.written.subarray(at + 4, end));
      at = end;
    }
    return bodies;
  }

  get requests(): Record<string, unknown>[] {
    return this.bodies.map((body) => JSON.parse(body.toString()) as Record<string, unknown>);
  }

  reply(value: unknown): void {
    this.handler?.data(frame(Buffer.from(JSON.stringify(value))));
  }
}

function frame(body: Uint8Array): Buffer {
  const bytes = Buffer.alloc(4 + body.length);
  bytes.writeUInt32BE(body.length);
  bytes.set(body, 4);
  return bytes;
}

async function open(options: Partial<ConnectOptions> = {}): Promise<{ wire: Wire; client: Client; clock: ManualClock }> {
  const wire = new Wire();
  const clock = new ManualClock();
  return { wire, clock, client: await connect("/run/x.sock", { transport: wire, clock, ...options }) };
}

async function failure(call: Promise<unknown>): Promise<{ code: ErrorCode; message: string; retryAfterMs?: number }> {
  const thrown: unknown = await call.then(
    () => new Error("it succeeded"),
    (error: unknown) => error,
  );
  if (!(thrown instanceof ActonError)) throw thrown;
  return thrown;
}

describe("a call", () => {
  test("is one frame with its own request id, and takes the reply that carries it, in any order", async () => {
    const { wire, client, clock } = await open();
    const first = client.ask("calculator", "AddRequest", { a: 5, b: 3 }, { timeoutMs: 1000 });
    const second = client.send("log", "Line", null);
    expect(wire.requests).toEqual([
      { request_id: "1", target: "calculator", message_type: "AddRequest", payload: { a: 5, b: 3 }, expects_reply: true, timeout_ms: 1000 },
      { request_id: "2", target: "log", message_type: "Line", payload: null, expects_reply: false, timeout_ms: 30_000 },
    ]);
    wire.reply({ request_id: "2", success: true, payload: { status: "delivered" }, error: null });
    wire.reply({ request_id: "1", success: true, payload: { sum: 8 }, error: null });
    expect(await second).toBeUndefined();
    expect(await first).toEqual({ sum: 8 });
    expect(clock.armed).toBe(0);
  });

  test("takes a reply that arrives byte by byte, and several in one piece", async () => {
    const { wire, client } = await open();
    const calls = ["a", "b", "c"].map((name) => client.ask(name, "T", {}));
    const replies = ["1", "2", "3"].map((id) => frame(Buffer.from(JSON.stringify({ request_id: id, success: true, payload: id }))));
    for (const byte of replies[0] ?? []) wire.handler?.data(Uint8Array.of(byte));
    wire.handler?.data(Buffer.concat([replies[1] ?? Buffer.alloc(0), Buffer.alloc(4), replies[2] ?? Buffer.alloc(0)]));
    expect(await Promise.all(calls)).toEqual(["1", "2", "3"]);
  });

  test("goes out whole when the socket takes a little at a time", async () => {
    const { wire, client } = await open();
    wire.room = 3;
    const calls = [client.ask("a", "T", { text: "x".repeat(100) }), client.ask("b", "T", {})];
    while (wire.room === 0) {
      wire.room = 7;
      wire.handler?.drain();
    }
    expect(wire.requests.map((request) => request["target"])).toEqual(["a", "b"]);
    client.close();
    await Promise.allSettled(calls);
  });

  test("speaks MessagePack when told to", async () => {
    const { wire, client } = await open({ format: "msgpack" });
    const call = client.ask("a", "T", { at: 2 ** 40 });
    const [body = Buffer.alloc(0)] = wire.bodies;
    expect(decodeMessagePack(body, 0, body.length, { depth: 9, tokens: 99 })).toMatchObject({ request_id: "1", payload: { at: 2 ** 40 } });
    wire.handler?.data(frame(encodeMessagePack({ request_id: "1", success: true, payload: [1], error: null })));
    expect(await call).toEqual([1]);
  });

  test("fails with the server's code and detail", async () => {
    const { wire, client } = await open();
    const call = client.ask("a", "T", {});
    wire.reply({ request_id: "1", success: false, payload: null, error: "RateLimited: try again", error_code: "RATE_LIMITED", retry_after_ms: 20 });
    expect(await failure(call)).toMatchObject({ code: "RATE_LIMITED", message: "try again", retryAfterMs: 20 });
  });

  test("times out by the clock when nothing comes, and a late reply is nobody's", async () => {
    const { wire, client, clock } = await open();
    const call = client.ask("a", "T", {}, { timeoutMs: 100 });
    clock.advance(200);
    expect(await failure(call)).toMatchObject({ code: "TIMEOUT", message: "no reply within 100 ms" });
    wire.reply({ request_id: "1", success: true, payload: 1 });
    expect(wire.terminated).toBe(false);
  });

  test("whose payload has no representation fails alone, with the path", async () => {
    const { wire, client } = await open();
    expect(await failure(client.ask("a", "T", { list: [Number.NaN] }))).toMatchObject({ code: "SERIALIZATION_ERROR" });
    expect(wire.written.length).toBe(0);
    expect(wire.terminated).toBe(false);
  });
});

describe("every open call settles", () => {
  const ends: [string, ErrorCode, (wire: Wire, client: Client) => void][] = [
    ["the server closes", "CONNECTION_CLOSED", (wire) => wire.handler?.end()],
    ["the connection is lost", "CONNECTION_CLOSED", (wire) => wire.handler?.close()],
    ["the client is closed", "CONNECTION_CLOSED", (_wire, client) => client.close()],
    ["the server sends what is not a frame", "PROTOCOL_ERROR", (wire) => wire.handler?.data(Buffer.from("HTTP/1.1 400 Bad Request\r\n"))],
    ["the server sends what is not JSON", "PROTOCOL_ERROR", (wire) => wire.handler?.data(frame(Buffer.from("nonsense")))],
    [
      "the server refuses the connection",
      "CONNECTION_LIMIT_REACHED",
      (wire) => wire.reply({ request_id: null, success: false, payload: null, error: "x", error_code: "CONNECTION_LIMIT_REACHED" }),
    ],
  ];

  test.each(ends)("when %s", async (_what, code, end) => {
    const { wire, client, clock } = await open();
    const calls = [client.ask("a", "T", {}), client.send("b", "T", {})];
    end(wire, client);
    for (const call of calls) expect((await failure(call)).code).toBe(code);
    expect(wire.terminated).toBe(true);
    expect(clock.armed).toBe(0);
    expect((await failure(client.ask("a", "T", {}))).code).toBe("CONNECTION_CLOSED");
  });
});

test("nothing is sent to a server that runs as somebody else", async () => {
  const wire = new Wire();
  wire.credentials = { pid: 1, uid: 65_534, gid: 1 };
  const refused = await failure(connect("/run/x.sock", { transport: wire, serverUids: [0, 1000] }));
  expect(refused).toMatchObject({ code: "ACCESS_DENIED" });
  expect(wire.terminated).toBe(true);
  wire.terminated = false;
  await connect("/run/x.sock", { transport: wire, serverUids: [65_534] });
  expect(wire.terminated).toBe(false);
});

test.each([
  ["ENOENT", "cannot connect to /run/x.sock: no socket is there; is its server running?"],
  ["ECONNREFUSED", "cannot connect to /run/x.sock: no server listens there; is it running?"],
  ["EACCES", "cannot connect to /run/x.sock: access is denied"],
])("connecting that fails with %s says so in words", async (code, message) => {
  const transport: Transport = { listen: () => ({ stop() {} }), connect: () => Promise.reject(Object.assign(new Error("x"), { code })) };
  expect(await failure(connect("/run/x.sock", { transport }))).toMatchObject({ code: "CONNECTION_CLOSED", message });
});
