// The bytes of frames may come in any pieces, and go in any pieces: only the frames count (wire protocol 1).

import { expect, test } from "bun:test";
import { oneRound } from "../../support/conditions.ts";
import { type Fields, jsonFrame, packedFrame, type RawClient } from "../../support/raw-client.ts";
import { request, streamRequest, TestServer } from "../../support/test-server.ts";
import { seededRandom } from "acton";

/** A session of both formats: requests with and without ids, failures, a stream, subscriptions, keep-alives. */
const session: readonly Buffer[] = [
  jsonFrame(request("echo", "Echo", { text: "grüße", n: 1 })),
  packedFrame(request("echo", "Echo", [1, 2, 3])),
  Buffer.alloc(4),
  jsonFrame(request("nobody", "Echo", 1)),
  packedFrame(streamRequest("streams", "Count", { items: 2 })),
  jsonFrame(request("echo", "Add", { a: 1, b: "x" })),
  packedFrame({ ping: true }),
  jsonFrame(request("echo", "Echo", "y".repeat(3_000))),
  Buffer.alloc(8),
  jsonFrame({ target: "notes", message_type: "Note", payload: "kept" }),
];

async function answersTo(client: RawClient, write: (client: RawClient, bytes: Buffer) => Promise<void>): Promise<Fields[]> {
  await write(client, Buffer.concat(session));
  client.shutWrite();
  return client.rest();
}

async function expectSameAnswers(write: (client: RawClient, bytes: Buffer) => Promise<void>): Promise<void> {
  await using server = await TestServer.start();
  const expected = await answersTo(await server.connect(), async (client, bytes) => client.write(bytes));
  expect(expected).toHaveLength(10);
  expect(await answersTo(await server.connect(), write)).toEqual(expected.map(anyStream));
}

// The server's own name for a stream may differ from connection to connection.
function anyStream(fields: Fields): Fields {
  return "stream_id" in fields ? { ...fields, stream_id: expect.any(String) as unknown } : fields;
}

test("one byte at a time gives the same answers", async () => {
  await expectSameAnswers(async (client, bytes) => {
    for (const byte of bytes) {
      client.write(Buffer.from([byte]));
      await oneRound();
    }
  });
});

test("random pieces give the same answers, whatever the seed", async () => {
  for (let seed = 1; seed <= 25; seed++) {
    const random = seededRandom(seed);
    await expectSameAnswers(async (client, bytes) => {
      for (let offset = 0; offset < bytes.length;) {
        const length = 1 + Math.floor(randomBelow(random, 1) * randomBelow(random, 1) * 900);
        client.write(bytes.subarray(offset, offset + length));
        offset += length;
        if (randomBelow(random, 1) < 0.7) await oneRound();
      }
    });
  }
});

test("a cut at every place of two frames gives the same answers", async () => {
  await using server = await TestServer.start();
  const bytes = Buffer.concat([jsonFrame({ ping: true, request_id: "1" }), packedFrame({ ping: true, request_id: "2" })]);
  for (let cut = 1; cut < bytes.length; cut++) {
    const client = await server.connect();
    client.write(bytes.subarray(0, cut));
    await oneRound();
    await oneRound();
    client.write(bytes.subarray(cut));
    expect((await client.take(2)).map((answer) => answer["request_id"])).toEqual(["1", "2"]);
    client.destroy();
  }
});

test("a hundred frames in one write are a hundred answers", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  client.write(Buffer.concat(Array.from({ length: 100 }, (_, n) => jsonFrame(request("echo", "Add", { a: n, b: 1 }, { request_id: `r${n}` })))));
  const answers = await client.take(100);
  expect(new Map(answers.map((answer) => [answer["request_id"], answer["payload"]]))).toEqual(
    new Map(Array.from({ length: 100 }, (_, n) => [`r${n}`, { sum: n + 1 }])),
  );
});

test("a frame of the largest size comes through in pieces of any size", async () => {
  await using server = await TestServer.start();
  const frame = jsonFrame(request("echo", "Echo", "z".repeat(1_048_576 - 200), { request_id: "large" }));
  for (const size of [1_000, 65_536, frame.length - 1, frame.length]) {
    const client = await server.connect();
    for (let offset = 0; offset < frame.length; offset += size) {
      client.write(frame.subarray(offset, offset + size));
      if (size > 1_000) await oneRound();
    }
    const answer = await client.next();
    expect(answer["success"]).toBe(true);
    expect((answer["payload"] as string).length).toBe(1_048_576 - 200);
    client.destroy();
  }
});

test("frames that end in the middle of a write leave the rest for the next", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  const [one, two, three] = ["1", "2", "3"].map((id) => jsonFrame({ ping: true, request_id: id })) as [Buffer, Buffer, Buffer];
  client.write(Buffer.concat([one, two.subarray(0, 9)]));
  expect(await client.next()).toMatchObject({ request_id: "1" });
  client.write(Buffer.concat([two.subarray(9), three.subarray(0, 2)]));
  expect(await client.next()).toMatchObject({ request_id: "2" });
  client.write(three.subarray(2));
  expect(await client.next()).toMatchObject({ request_id: "3" });
});

test("both formats mix on one connection, and each answer has its request's", async () => {
  await using server = await TestServer.start();
  const client = await server.connect();
  for (const format of ["json", "msgpack", "msgpack", "json", "msgpack"]) {
    if (format === "json") client.send(request("echo", "Echo", 1));
    else client.sendPacked(request("echo", "Echo", 1));
    expect((await client.nextBody())[0] === 0x7b).toBe(format === "json");
  }
});

test("a connection may begin with MessagePack, by any of its map headers", async () => {
  await using server = await TestServer.start();
  const ping = [0xa4, 0x70, 0x69, 0x6e, 0x67, 0xc3];
  for (const header of [[0x81], [0xde, 0, 1], [0xdf, 0, 0, 0, 1]]) {
    const client = await server.connect();
    const body = Buffer.from([...header, ...ping]);
    client.write(Buffer.concat([Buffer.from([0, 0, 0, body.length]), body]));
    expect((await client.nextBody())[0]).toBeGreaterThanOrEqual(0x80);
    client.destroy();
  }
});

function randomBelow(random: ReturnType<typeof seededRandom>, limit: number): number {
  return random.next() * limit;
}
