// Versions, formats and kinds of acton frames on one connection: what each is answered with, and what ends it.

import { expect, test } from "bun:test";
import { quiet } from "../../support/conditions.ts";
import { TestServer } from "../../support/test-server.ts";
import { actonFrame, connectActon, echo, envelope, headerOf, kinds, rejected, spellings } from "./support.ts";

test("each reply has the version and format of its request, whatever mix comes on one connection", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  for (const spelling of [...spellings, ...spellings.toReversed(), "v1", "msgpack", "v1"] as const) {
    const reply = await client.request(echo(`r-${spelling}`, { said: spelling }), spelling);
    expect(reply).toMatchObject({ ...headerOf(spelling), kind: kinds.response });
    expect(reply.fields).toEqual({ correlation_id: `r-${spelling}`, success: true, payload: { said: spelling } });
  }
});

test("the version and format of a reply are those of its own request, also when replies overtake each other", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  for (const spelling of spellings) client.send(kinds.request, envelope(spelling, "holder", "Hold", spelling, { expects_reply: true }), spelling);
  await server.until(() => server.seen.held.length === 3);
  for (const index of [2, 0, 1]) {
    const { message, reply } = server.seen.call(index);
    void reply.send("done");
    const frame = await client.next();
    expect(frame.fields["correlation_id"]).toBe(message);
    expect(frame).toMatchObject(headerOf(message as (typeof spellings)[number]));
  }
});

test("failures too have the version and format of their request", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  for (const spelling of spellings) {
    const answer = await client.request(envelope("x", "nobody", "Echo", 1), spelling);
    expect(answer).toMatchObject({ ...headerOf(spelling), kind: kinds.error });
    expect(answer.fields).toEqual({ correlation_id: "x", success: false, error: "Actor not found: nobody", error_code: "ACTOR_NOT_FOUND" });
  }
});

test("a stream asked for in version 1 is answered in version 2 frames of JSON, its failure too", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server, "v1");
  client.send(kinds.request, envelope("s", "streams", "Count", { items: 2 }, { expects_stream: true }));
  const frames = await client.take(3);
  for (const frame of frames) expect(frame).toMatchObject({ version: 2, kind: kinds.stream, format: "json" });
  expect(frames.map(({ fields }) => fields)).toEqual([
    { correlation_id: "s", sequence: 0, is_final: false, payload: 0 },
    { correlation_id: "s", sequence: 1, is_final: false, payload: 1 },
    { correlation_id: "s", sequence: 2, is_final: true },
  ]);
  const failed = await client.ask(kinds.request, envelope("t", "nobody", "Count", { items: 2 }, { expects_stream: true }));
  expect(failed).toMatchObject({ version: 2, kind: kinds.stream, format: "json" });
  expect(failed.fields).toEqual({
    correlation_id: "t",
    sequence: 0,
    is_final: true,
    error: "Actor not found: nobody",
    error_code: "ACTOR_NOT_FOUND",
  });
});

test("a stream asked for in MessagePack is answered in MessagePack, its last value on the final frame", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server, "msgpack");
  client.send(kinds.request, envelope("s", "streams", "Count", { items: 1, last: "that was all" }, { expects_stream: true }));
  const [item, end] = await client.take(2);
  expect(item).toMatchObject({ version: 2, kind: kinds.stream, format: "msgpack", fields: { sequence: 0, is_final: false, payload: 0 } });
  expect(end?.fields).toEqual({ correlation_id: "s", sequence: 1, is_final: true, payload: "that was all" });
});

test("expects_stream wins over expects_reply", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  const frame = await client.ask(kinds.request, envelope("b", "streams", "Count", { items: 0 }, { expects_stream: true, expects_reply: true }));
  expect(frame).toMatchObject({ kind: kinds.stream, fields: { correlation_id: "b", sequence: 0, is_final: true } });
});

test("a request that wants no reply is answered with its delivery", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  for (const spelling of spellings) {
    const answer = await client.ask(kinds.request, envelope("f", "notes", "Note", spelling), spelling);
    expect(answer).toMatchObject({ ...headerOf(spelling), kind: kinds.response });
    expect(answer.fields).toEqual({ correlation_id: "f", success: true, payload: { status: "delivered" } });
  }
  expect(server.seen.notes).toEqual([...spellings]);
});

test("a payload of null, and an absent one, are answered with a payload of null", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  const { payload: _payload, ...withoutPayload } = echo("n", 0);
  for (const spelling of spellings) {
    expect((await client.request(echo("n", null), spelling)).fields).toEqual({ correlation_id: "n", success: true, payload: null });
    expect((await client.request(withoutPayload, spelling)).fields).toEqual({ correlation_id: "n", success: true, payload: null });
  }
});

test("a heartbeat comes back as it went, in its version and format, whatever its body", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  const bodies = [Buffer.alloc(0), Buffer.from("{}"), Buffer.from([0xc1, 0x00, 0xff]), Buffer.from("not { json"), Buffer.alloc(300_000, 0xd4)];
  for (const body of bodies) {
    for (const spelling of spellings) {
      const beat = await client.ask(kinds.heartbeat, body, spelling);
      expect(beat).toMatchObject({ ...headerOf(spelling), kind: kinds.heartbeat });
      expect(beat.raw.equals(body)).toBe(true);
    }
  }
});

test("kinds that only servers send are ignored, whatever is in them, and counted", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  await client.request(echo("a", 1));
  const before = server.listener.stats().framesReceived;
  for (const kind of [0x02, 0x03, 0x05, 0x09]) client.send(kind, Buffer.from("}{"), "json");
  for (const kind of [0x02, 0x03]) client.send(kind, { correlation_id: "a" }, "v1");
  for (const kind of [0x02, 0x03, 0x05, 0x09]) client.send(kind, Buffer.from([0xc1]), "msgpack");
  await client.expectNothingElse();
  expect(server.listener.stats()).toMatchObject({ framesReceived: before + 11, framesIgnored: 10, errors: 0 });
});

function expectFinalWord(
  frames: readonly { version: number; kind: number; format: string; fields: Record<string, unknown> }[],
  code: string,
  error: string | RegExp,
): void {
  expect(frames).toHaveLength(1);
  expect(frames[0]).toMatchObject({
    version: 2,
    kind: kinds.error,
    format: "json",
    fields: { correlation_id: rejected, success: false, error_code: code },
  });
  if (typeof error === "string") expect(frames[0]?.fields["error"]).toBe(error);
  else expect(frames[0]?.fields["error"]).toMatch(error);
}

const unknownKinds = [
  { what: "kind 0x7f in version 2", frame: actonFrame(0x7f, {}), error: "Protocol error: Unknown message type 0x7f for protocol v2" },
  { what: "kind 0x00 in version 2", frame: actonFrame(0x00, {}), error: "Protocol error: Unknown message type 0x00 for protocol v2" },
  { what: "kind 0x0c in version 2", frame: actonFrame(0x0c, {}, "msgpack"), error: "Protocol error: Unknown message type 0x0c for protocol v2" },
  { what: "kind 0x44 in version 2", frame: actonFrame(0x44, {}), error: "Protocol error: Unknown message type 0x44 for protocol v2" },
  ...[0x00, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x40, 0x43].map((kind) => ({
    what: `kind 0x${kind.toString(16)} in version 1`,
    frame: actonFrame(kind, { correlation_id: "c", message_types: [], patterns: [] }, "v1"),
    error: `Protocol error: Unknown message type 0x${kind.toString(16).padStart(2, "0")} for protocol v1`,
  })),
  { what: "format 0x00", frame: Buffer.from([0, 0, 0, 2, 2, 1, 0, 0x7b, 0x7d]), error: /^Protocol error: .*0x00/ },
  { what: "format 0x03", frame: Buffer.from([0, 0, 0, 2, 2, 4, 3, 0x7b, 0x7d]), error: /^Protocol error: .*0x03/ },
];

test.each(unknownKinds)("$what is a ProtocolError to every call, and the end, first frame or not", async ({ frame, error }) => {
  await using server = await TestServer.start();
  const first = await connectActon(server);
  first.write(Buffer.concat([frame, actonFrame(kinds.request, echo("after", 1))]));
  expectFinalWord(await first.rest(), "PROTOCOL_ERROR", error);
  const later = await connectActon(server, "msgpack");
  expect((await later.request(echo("before", 1))).fields["success"]).toBe(true);
  later.write(Buffer.concat([frame, actonFrame(kinds.request, echo("after", 1))]));
  expectFinalWord(await later.rest(), "PROTOCOL_ERROR", error);
});

test.each([0x00, 0x03, 0x07, 0x08])("version %i on the first frame is UnsupportedProtocolVersion in acton/2 JSON, and the end", async (version) => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  client.write(Buffer.from([0, 0, 0, 2, version, 1, 1, 0x7b, 0x7d]));
  expectFinalWord(await client.rest(), "UNSUPPORTED_PROTOCOL_VERSION", `Unsupported protocol version 0x0${version}, supported range: 0x01-0x02`);
});

test.each([0x00, 0x03, 0x08, 0x09, 0x7b, 0x82, 0xff])("version %i on a later frame is UnsupportedProtocolVersion, and the end", async (version) => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  expect((await client.request(echo("a", 1))).fields["success"]).toBe(true);
  client.write(Buffer.from([0, 0, 0, 2, version, 1, 1, 0x7b, 0x7d]));
  const hex = version.toString(16).padStart(2, "0");
  expectFinalWord(await client.rest(), "UNSUPPORTED_PROTOCOL_VERSION", `Unsupported protocol version 0x${hex}, supported range: 0x01-0x02`);
});

test("a length beyond the limit is a ProtocolError that names both, as soon as the length is there", async () => {
  await using server = await TestServer.start({ config: { maxMessageSize: 1000 } });
  const client = await connectActon(server);
  expect((await client.request(echo("a", 1))).fields["success"]).toBe(true);
  client.write(Buffer.from([0, 0, 0x03, 0xe9]));
  expectFinalWord(await client.rest(), "PROTOCOL_ERROR", /^Protocol error: .*1001.*1000/);
});

test("a body at the limit is read: the length counts the body only, not the header", async () => {
  await using server = await TestServer.start({ config: { maxMessageSize: 1000 } });
  for (const spelling of spellings) {
    const client = await connectActon(server, spelling);
    const beat = await client.ask(kinds.heartbeat, Buffer.alloc(1000, 0x20));
    expect(beat.raw).toHaveLength(1000);
  }
});

test("what was asked before an unreadable frame is still answered", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  client.send(kinds.request, envelope("h", "holder", "Hold", 1, { expects_reply: true }));
  await server.until(() => server.seen.held.length === 1);
  client.write(actonFrame(0x7f, {}));
  expect((await client.next()).fields["correlation_id"]).toBe(rejected);
  await quiet();
  void server.seen.call(0).reply.send("late but true");
  expect((await client.rest()).map(({ fields }) => fields)).toEqual([{ correlation_id: "h", success: true, payload: "late but true" }]);
});

test("a conversation in all spellings is understood one byte at a time", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  const frames = [
    ...spellings.map((spelling) => actonFrame(kinds.request, { expects_reply: true, ...echo(`e-${spelling}`, spelling) }, spelling)),
    actonFrame(kinds.heartbeat, Buffer.from("beat"), "v1"),
    actonFrame(kinds.subscribe, { correlation_id: "sub", message_types: ["Price"] }, "msgpack"),
  ];
  for (const byte of Buffer.concat(frames)) {
    client.write(Buffer.from([byte]));
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  const answers = await client.take(5);
  expect(answers.map(({ version, format, kind }) => [version, format, kind])).toEqual([
    [1, "json", kinds.response],
    [2, "json", kinds.response],
    [2, "msgpack", kinds.response],
    [1, "json", kinds.heartbeat],
    [2, "msgpack", kinds.response],
  ]);
  expect(answers[3]?.raw.toString()).toBe("beat");
});

test("a hundred frames in one write are answered, each once", async () => {
  await using server = await TestServer.start();
  const client = await connectActon(server);
  client.write(
    Buffer.concat(Array.from({ length: 100 }, (_, n) => actonFrame(kinds.request, { expects_reply: true, ...echo(`r${n}`, n) }, spellings[n % 3]))),
  );
  const answers = await client.take(100);
  expect(new Set(answers.map(({ fields }) => fields["correlation_id"])).size).toBe(100);
  for (const { fields } of answers) expect(fields["correlation_id"]).toBe(`r${String(fields["payload"])}`);
});
