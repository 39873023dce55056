import { describe, expect, spyOn, test } from "bun:test";
import type { ErrorCode } from "../../../src/errors.ts";
import { type Client, connect } from "../../../src/ipc/client/client.ts";
import { decodeMessagePack, encodeMessagePack } from "../../../src/ipc/wire/msgpack.ts";
import { frameOf } from "../../support/raw-client.ts";
import { failureOf, open, turn, Wire } from "./wire.ts";

describe("a call", () => {
  test("is one frame with its own request id, and takes the reply that carries it, in any order", async () => {
    const { wire, client, clock } = await open();
    const first = client.ask("calculator", "AddRequest", { a: 5, b: 3 }, { timeoutMs: 1000 });
    const second = client.send("log", "Line", null);
    await turn();
    expect(wire.sent).toEqual([
      { request_id: "1", target: "calculator", message_type: "AddRequest", expects_reply: true, timeout_ms: 1000, payload: { a: 5, b: 3 } },
      { request_id: "2", target: "log", message_type: "Line", timeout_ms: 30_000, payload: null },
    ]);
    wire.answer({ request_id: "2", success: true, payload: { status: "delivered" }, error: null });
    wire.answer({ request_id: "1", success: true, payload: { sum: 8 }, error: null });
    expect(await second).toBeUndefined();
    expect(await first).toEqual({ sum: 8 });
    expect(clock.armed).toBe(0);
  });

  test("takes a reply however it is spelled: fields in another order, more of them, or white space", async () => {
    const { wire, client } = await open();
    const calls = ["a", "b", "c", "d", "e"].map((name) => client.ask(name, "T", {}));
    wire.body(`{"success":true,"request_id":"1","payload":"one"}`);
    wire.body(` { "request_id" : "2", "success" : true, "payload" : "two", "error" : null, "more": 1 } `);
    wire.body(`{"request_id":"3","success":true,"payload":{"error":null},"error":null}`);
    wire.body(`{"request_id":"4","success":true,"error":null}`);
    wire.body(`{"request_id":"5","success":true,"payload":"five and some more","error":0}`);
    expect(await Promise.all(calls)).toEqual(["one", "two", { error: null }, null, "five and some more"]);
  });

  test("takes a reply that arrives byte by byte, and several in one piece", async () => {
    const { wire, client } = await open();
    const calls = ["a", "b", "c"].map((name) => client.ask(name, "T", {}));
    const replies = ["1", "2", "3"].map((id) => frameOf(JSON.stringify({ request_id: id, success: true, payload: id })));
    for (const byte of replies[0] ?? []) wire.bytes(Uint8Array.of(byte));
    wire.bytes(Buffer.concat([replies[1] ?? Buffer.alloc(0), Buffer.alloc(4), replies[2] ?? Buffer.alloc(0)]));
    expect(await Promise.all(calls)).toEqual(["1", "2", "3"]);
  });

  test("leaves with all others of its turn in one write", async () => {
    const { wire, client } = await open();
    await turn();
    const before = wire.writes;
    const calls = Array.from({ length: 64 }, (_, index) => client.ask("a", "T", index));
    await turn();
    expect(wire.writes - before).toBe(1);
    expect(wire.sent.map((fields) => fields["payload"])).toEqual(Array.from({ length: 64 }, (_, index) => index));
    client.close();
    await Promise.allSettled(calls);
  });

  test("goes out whole when the socket takes a little at a time", async () => {
    const { wire, client } = await open();
    await turn();
    wire.room = 3;
    const calls = [client.ask("a", "T", { text: "x".repeat(100) }), client.ask("b", "T", {})];
    await turn();
    const before = wire.writes;
    calls.push(client.ask("c", "T", {}));
    await turn();
    // Until it says so, it takes nothing.
    expect(wire.writes).toBe(before);
    while (wire.room === 0) {
      wire.room = 7;
      wire.handler?.drain();
    }
    expect(wire.sent.map((request) => request["target"])).toEqual(["a", "b", "c"]);
    client.close();
    await Promise.allSettled(calls);
  });

  test("speaks MessagePack when told to, and understands a server that complains in JSON", async () => {
    const { wire, client } = await open({ format: "msgpack" });
    const call = client.ask("a", "T", { at: 2 ** 40 }, { timeoutMs: Infinity });
    const other = client.ask("a", "T", null);
    await turn();
    const body = wire.bodies[1] ?? Buffer.alloc(0);
    expect(decodeMessagePack(body, 0, body.length, { depth: 9, tokens: 99 })).toEqual({
      request_id: "1",
      target: "a",
      message_type: "T",
      expects_reply: true,
      timeout_ms: 2n ** 64n - 1n,
      payload: { at: 2 ** 40 },
    });
    wire.body(encodeMessagePack({ request_id: "1", success: true, payload: [1], error: null }));
    expect(await call).toEqual([1]);
    wire.answer({ request_id: null, success: false, payload: null, error: "ProtocolError: no", error_code: "PROTOCOL_ERROR" });
    expect(await failureOf(other)).toMatchObject({ code: "CONNECTION_CLOSED", message: "the connection failed: ProtocolError: no" });
  });

  test("without a limit says so to the server, and none runs here", async () => {
    const { wire, client, clock } = await open();
    const call = client.ask("a", "T", null, { timeoutMs: Infinity });
    await turn();
    expect(wire.bodies[1]?.toString()).toContain(`"timeout_ms":18446744073709551615`);
    clock.advance(1e12);
    wire.answer({ request_id: "1", success: true, payload: "late", error: null });
    expect(await call).toBe("late");
  });

  test("fails with the server's code and detail", async () => {
    const { wire, client } = await open();
    const call = client.ask("a", "T", {});
    wire.answer({ request_id: "1", success: false, payload: null, error: "RateLimited: try again", error_code: "RATE_LIMITED", retry_after_ms: 20 });
    expect(await failureOf(call)).toMatchObject({ code: "RATE_LIMITED", message: "try again", retryAfterMs: 20 });
  });

  test("fails with the whole text of a code that is not known here, and the code itself", async () => {
    const { wire, client } = await open();
    const call = client.ask("a", "T", {});
    wire.answer({
      request_id: "1",
      success: false,
      payload: null,
      error: "QuotaExceeded: ask tomorrow",
      error_code: "QUOTA_EXCEEDED",
      details: { left: 0 },
    });
    expect(await failureOf(call)).toMatchObject({
      code: "PROTOCOL_ERROR",
      message: "QuotaExceeded: ask tomorrow",
      subject: "QUOTA_EXCEEDED",
      details: { left: 0 },
      ran: "unknown",
    });
  });

  test.each([
    ["no", "no"],
    ["yes", "yes"],
    [undefined, "unknown"],
    ["perhaps", "unknown"],
  ])("says whether the handler ran, by the server's word %p or else by the code: %s", async (told, ran) => {
    const { wire, client } = await open();
    const call = client.ask("a", "T", {});
    wire.answer({ request_id: "1", success: false, payload: null, error: "Timeout: late", error_code: "TIMEOUT", ran: told });
    expect(await failureOf(call)).toMatchObject({ code: "TIMEOUT", ran });
  });

  test("times out by the clock when nothing comes, a little after the server should have said so; a late reply is nobody's", async () => {
    const { wire, client, clock } = await open();
    const call = client.ask("a", "T", {}, { timeoutMs: 100 });
    clock.advance(149);
    const other = client.ask("a", "T", {});
    wire.answer({ request_id: "2", success: true, payload: 2, error: null });
    expect(await other).toBe(2);
    clock.advance(1);
    expect(await failureOf(call)).toMatchObject({ code: "TIMEOUT", message: "no reply within 100 ms" });
    wire.answer({ request_id: "1", success: true, payload: 1, error: null });
    expect(wire.terminated).toBe(false);
    expect(clock.armed).toBe(0);
  });

  test("takes its time limit from the client when it names none", async () => {
    const { wire, client, clock } = await open({ timeoutMs: 70 });
    const call = client.ask("a", "T", {});
    await turn();
    expect(wire.sent[0]).toMatchObject({ timeout_ms: 70 });
    clock.advance(120);
    expect((await failureOf(call)).code).toBe("TIMEOUT");
  });

  test("is cancelled by its signal: the server is told, and its word is not waited for", async () => {
    const { wire, client, clock } = await open();
    const controller = new AbortController();
    const call = client.ask("a", "T", {}, { signal: controller.signal });
    controller.abort();
    expect((await failureOf(call)).code).toBe("CANCELLED");
    expect(wire.sent.slice(1)).toEqual([{ cancel: "1" }]);
    wire.answer({ request_id: "1", success: false, payload: null, error: "Cancelled: x", error_code: "CANCELLED" });
    expect(clock.armed).toBe(0);
    expect(wire.terminated).toBe(false);
  });

  test("lets go of its signal when it has its answer", async () => {
    const { wire, client } = await open();
    const { signal } = new AbortController();
    const listening = spyOn(signal, "addEventListener");
    const letGo = spyOn(signal, "removeEventListener");
    const call = client.ask("a", "T", {}, { signal });
    wire.answer({ request_id: "1", success: true, payload: 1, error: null });
    expect(await call).toBe(1);
    expect(listening).toHaveBeenCalledTimes(1);
    expect(letGo).toHaveBeenCalledTimes(1);
  });

  test("with a signal that is aborted already sends nothing", async () => {
    const { wire, client } = await open();
    expect((await failureOf(client.ask("a", "T", {}, { signal: AbortSignal.abort() }))).code).toBe("CANCELLED");
    expect(wire.sent).toEqual([]);
  });

  test("whose payload has no representation fails alone, with the path", async () => {
    const { wire, client } = await open();
    expect(await failureOf(client.ask("a", "T", { list: [Number.NaN] }))).toMatchObject({
      code: "SERIALIZATION_ERROR",
      message: "payload.list[0]: NaN has no representation",
    });
    expect(wire.sent).toEqual([]);
    expect(wire.terminated).toBe(false);
  });

  test("that does not fit into a frame fails alone", async () => {
    const { wire, client } = await open();
    expect(await failureOf(client.ask("a", "T", "x".repeat(2 ** 24)))).toMatchObject({ code: "SERIALIZATION_ERROR" });
    const call = client.ask("a", "T", 1);
    await turn();
    expect(wire.sent).toMatchObject([{ request_id: "1", payload: 1 }]);
    client.close();
    await Promise.allSettled([call]);
  });

  test("is refused when too much waits for a server that does not read", async () => {
    const { wire, client } = await open();
    wire.room = 0;
    const large = "x".repeat(2 ** 23);
    const calls = Array.from({ length: 5 }, () => client.ask("a", "T", large));
    expect((await failureOf(calls[4] ?? Promise.reject())).code).toBe("TARGET_BUSY");
    client.close();
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.every(({ status }) => status === "rejected")).toBe(true);
  });

  test.each([[-1], [Number.NaN]])("with a time limit of %p is a programmer's mistake", async (timeoutMs) => {
    const { client } = await open();
    expect(() => client.ask("a", "T", null, { timeoutMs })).toThrow(RangeError);
  });
});

describe("every open call settles", () => {
  const refusal = { request_id: null, success: false, payload: null, error: "ConnectionLimitReached: full", error_code: "CONNECTION_LIMIT_REACHED" };
  const ends: [string, ErrorCode, (wire: Wire, client: Client) => void][] = [
    ["the server closes", "CONNECTION_CLOSED", (wire) => wire.handler?.end()],
    ["the connection is lost", "CONNECTION_CLOSED", (wire) => wire.lose()],
    ["the client is closed", "CONNECTION_CLOSED", (_wire, client) => client.close()],
    ["the server sends what is not a frame", "CONNECTION_CLOSED", (wire) => wire.bytes(Buffer.from("HTTP/1.1 400 Bad Request\r\n"))],
    ["the server sends what is not JSON", "CONNECTION_CLOSED", (wire) => wire.body("nonsense")],
    ["the server sends what is not an object", "CONNECTION_CLOSED", (wire) => wire.body("[1]")],
    ["the server refuses the connection", "CONNECTION_LIMIT_REACHED", (wire) => wire.answer(refusal)],
  ];

  test.each(ends)("when %s", async (_what, code, end) => {
    const { wire, client, clock } = await open();
    const calls = [client.ask("a", "T", {}), client.send("b", "T", {}), client.stream("c", "T", {}).next(), client.ping(), client.discover()];
    await turn();
    end(wire, client);
    for (const call of calls) expect((await failureOf(call)).code).toBe(code);
    expect(wire.terminated).toBe(true);
    expect(clock.armed).toBe(0);
    expect(await failureOf(client.ask("a", "T", {}))).toMatchObject({ code: "CONNECTION_CLOSED", ran: "no" });
  });

  test("and says whether it may have run: not when its frame has not left", async () => {
    const { wire, client } = await open();
    const sent = client.ask("a", "T", {});
    await turn();
    wire.room = 10;
    const half = client.ask("b", "T", {});
    const unsent = client.ask("c", "T", {});
    await turn();
    wire.lose();
    expect((await failureOf(sent)).ran).toBe("unknown");
    expect((await failureOf(half)).ran).toBe("no");
    expect((await failureOf(unsent)).ran).toBe("no");
  });

  test.each(["PROTOCOL_ERROR", "ACCESS_DENIED"])(
    "as lost when the server ends a connection with %s after it has answered: what was sent may have run",
    async (code) => {
      const { wire, client } = await open();
      const call = client.ask("a", "T", {});
      await turn();
      wire.answer({ request_id: "0", success: true, payload: null, error: null });
      wire.answer({ request_id: null, success: false, payload: null, error: "no more", error_code: code });
      const error = await failureOf(call);
      expect(error).toMatchObject({ code: "CONNECTION_CLOSED", ran: "unknown" });
      expect(error.message).toEndWith(": no more");
      expect((await client.closed)?.code).toBe(code as ErrorCode);
    },
  );
});

describe("a client", () => {
  test("tells when it is done for good, and why", async () => {
    const lost = await open();
    lost.wire.lose();
    expect(await lost.client.closed).toMatchObject({ code: "CONNECTION_CLOSED", message: "the connection was lost" });
    const closed = await open();
    closed.client.close();
    expect(await closed.client.closed).toBeUndefined();
  });

  test("is closed by the end of its block", async () => {
    const { wire, client } = await open();
    {
      await using held = client;
      expect(held).toBe(client);
    }
    expect(wire.terminated).toBe(true);
  });

  test("greets first, so that whatever a server says first is said in this dialect", async () => {
    const { wire } = await open();
    await turn();
    expect(wire.bodies.map((body) => body.toString())).toEqual([`{"ping":true,"request_id":"0"}`]);
  });

  test("keeps an idle connection alive with empty frames, and a busy one without", async () => {
    const { wire, clock, client } = await open({ keepAliveMs: 1000 });
    await turn();
    clock.advance(1000);
    await turn();
    expect(wire.bodies.length).toBe(1);
    clock.advance(1000);
    await turn();
    expect(wire.bodies.slice(1)).toEqual([Buffer.alloc(0)]);
    client.send("a", "T", null).catch(() => {});
    clock.advance(1000);
    await turn();
    expect(wire.bodies.length).toBe(3);
    client.close();
    expect(clock.armed).toBe(0);
  });

  test("reads discovery, figures and the round trip", async () => {
    const { wire, client, clock } = await open();
    const discovered = client.discover();
    const figures = client.stats();
    const roundTrip = client.ping();
    await turn();
    expect(wire.sent).toEqual([
      { discover: true, request_id: "1" },
      { stats: true, request_id: "2" },
      { ping: true, request_id: "3" },
    ]);
    clock.advance(3);
    wire.answer({
      request_id: "1",
      success: true,
      protocol_version: 1,
      product: { name: "acton", version: "9.9.9" },
      actors: [{ name: "a", ern: "e", handles: ["T"] }],
    });
    wire.answer({ request_id: "2", success: true, payload: { errors: 2 }, error: null });
    wire.answer({ request_id: "3", success: true, payload: null, error: null });
    expect(await discovered).toEqual({
      protocolVersion: 1,
      capabilities: {},
      product: { name: "acton", version: "9.9.9" },
      application: { name: "unknown", version: "0.0.0" },
      agents: [{ name: "a", ern: "e", handles: ["T"] }],
      messageTypes: [],
      schemas: {},
    });
    expect(await figures).toEqual({ errors: 2 });
    const newer = client.discover();
    wire.answer({ request_id: "4", success: true, protocol_version: 2, capabilities: { credit: true } });
    expect(await newer).toMatchObject({ protocolVersion: 2, capabilities: { credit: true }, agents: [] });
    expect(await roundTrip).toBe(3);
  });
});

describe("connecting", () => {
  test("sends nothing to a server that runs as somebody else", async () => {
    const wire = new Wire();
    wire.credentials = { pid: 1, uid: 65_534, gid: 1 };
    const refused = await failureOf(connect("/run/x.sock", { transport: wire, serverUids: [0, 1000] }));
    expect(refused).toMatchObject({
      code: "ACCESS_DENIED",
      message: "the server at /run/x.sock runs as user 65534, who is not trusted: nothing was sent",
    });
    expect(wire.terminated).toBe(true);
    expect(wire.writes).toBe(0);
    const client = await connect("/run/x.sock", { transport: wire, serverUids: [65_534] });
    expect(wire.terminated).toBe(false);
    client.close();
  });

  test("trusts one's own user and root when nobody is named", async () => {
    const wire = new Wire();
    for (const uid of [0, process.geteuid?.() ?? 0]) {
      wire.credentials = { pid: 1, uid, gid: 1 };
      (await connect("/run/x.sock", { transport: wire })).close();
    }
    wire.credentials = { pid: 1, uid: 65_534, gid: 1 };
    expect((await failureOf(connect("/run/x.sock", { transport: wire }))).code).toBe("ACCESS_DENIED");
  });

  test.each([
    ["socket", { socket: 65_534, directory: 0 }, "the server at /run/x.sock belongs to user 65534, who is not trusted: nothing was sent"],
    [
      "directory",
      { socket: 0, directory: 65_534 },
      "the server at /run/x.sock is in a directory of user 65534, who is not trusted: nothing was sent",
    ],
  ])("where only files tell who serves, looks at the owner of the %s first", async (_what, owners, message) => {
    const wire = new Wire();
    const transport = { connect: wire.connect.bind(wire), owners: () => Promise.resolve(owners) };
    expect(await failureOf(connect("/run/x.sock", { transport }))).toMatchObject({ code: "ACCESS_DENIED", message });
    expect(wire.connects).toBe(0);
  });

  test("where only files tell who serves, takes a directory of root, whose the common places are", async () => {
    const wire = new Wire();
    const transport = { connect: wire.connect.bind(wire), owners: () => Promise.resolve({ socket: 1000, directory: 0 }) };
    (await connect("/run/x.sock", { transport, serverUids: [1000] })).close();
    expect(wire.connects).toBe(1);
  });

  test.each([
    ["ENOENT", "cannot connect to /run/x.sock: no socket is there; is its server running?"],
    ["EACCES", "cannot connect to /run/x.sock: access is denied"],
  ])("that fails with %s says so in words, at once", async (code, message) => {
    const wire = new Wire();
    wire.refusals.push(code);
    expect(await failureOf(connect("/run/x.sock", { transport: wire }))).toMatchObject({
      code: "CONNECTION_CLOSED",
      message,
      ran: "no",
    });
    expect(wire.connects).toBe(1);
  });

  test("to a path that is too long is refused before anything is tried", async () => {
    const wire = new Wire();
    expect((await failureOf(connect(`/${"x".repeat(103)}`, { transport: wire }))).message).toContain(
      "the path has 104 bytes, at most 103 are possible",
    );
    expect(wire.connects).toBe(0);
  });
});
