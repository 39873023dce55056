import { describe, expect, test } from "bun:test";
import { type Fields } from "../../support/raw-client.ts";
import { failureOf, open, type Opened, turn } from "./wire.ts";

function item(sequence: number, payload: unknown, more: Fields = {}): Fields {
  return { stream_id: "1", request_id: "1", sequence, payload, is_final: false, ...more };
}

function end(sequence: number, payload: unknown = null): Fields {
  return item(sequence, payload, { is_final: true });
}

async function collect(stream: AsyncIterable<unknown>): Promise<unknown[]> {
  const items: unknown[] = [];
  for await (const value of stream) items.push(value);
  return items;
}

const credits = ({ wire }: Opened): unknown[] => wire.sent.filter((fields) => "credit" in fields);

describe("a stream", () => {
  test("opens with a window and yields what comes, in order, up to the final frame", async () => {
    const { wire, client, clock } = await open();
    const stream = client.stream("list", "ListRequest", { page: 1 }, { timeoutMs: 500 });
    await turn();
    expect(wire.sent).toEqual([
      {
        request_id: "1",
        target: "list",
        message_type: "ListRequest",
        expects_stream: true,
        timeout_ms: 500,
        stream_window: 64,
        payload: { page: 1 },
      },
    ]);
    for (let n = 0; n < 3; n++) wire.answer(item(n, { n }));
    wire.answer(end(3));
    expect(await collect(stream)).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }]);
    expect(clock.armed).toBe(0);
  });

  test("without a time limit asks for none and waits for ever", async () => {
    const { wire, client, clock } = await open();
    const stream = client.stream("list", "T", null);
    await turn();
    expect(wire.sent[0]).not.toHaveProperty("timeout_ms");
    expect(clock.armed).toBe(0);
    wire.answer(end(0));
    expect(await collect(stream)).toEqual([]);
  });

  test("hands its items to readers that wait already, and its last value to whoever reads to the end", async () => {
    const { wire, client } = await open();
    const stream = client.stream("list", "T", null);
    const readers = [stream.next(), stream.next(), stream.next()];
    wire.answer(item(0, "a"));
    wire.answer(item(1, null));
    wire.answer(end(2, "last"));
    expect(await Promise.all(readers)).toEqual([
      { done: false, value: "a" },
      { done: false, value: null },
      { done: true, value: "last" },
    ]);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  test("grants credit as it is read, half a window at a time, and none for what nobody has read", async () => {
    const opened = await open();
    const stream = opened.client.stream("list", "T", null, { window: 4 });
    for (let n = 0; n < 4; n++) opened.wire.answer(item(n, n));
    await turn();
    expect(credits(opened)).toEqual([]);
    await stream.next();
    await turn();
    expect(credits(opened)).toEqual([]);
    await stream.next();
    await turn();
    expect(credits(opened)).toEqual([{ credit: 2, stream_id: "1" }]);
    await stream.next();
    await stream.next();
    await turn();
    expect(credits(opened).length).toBe(2);
    await stream.return(undefined);
  });

  test("tells the server when its reader leaves the loop, and drops what still comes", async () => {
    const { wire, client, clock } = await open();
    const stream = client.stream("list", "T", null, { timeoutMs: 1000 });
    wire.answer(item(0, "a"));
    wire.answer(item(1, "b"));
    for await (const value of stream) {
      expect(value).toBe("a");
      break;
    }
    await turn();
    expect(wire.sent.slice(1)).toEqual([{ cancel: "1" }]);
    expect(clock.armed).toBe(0);
    wire.answer(item(2, "c"));
    wire.answer(item(3, null, { is_final: true, error: "Cancelled: x", error_code: "CANCELLED" }));
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(wire.terminated).toBe(false);
  });

  test("that has ended is left without a word", async () => {
    const { wire, client } = await open();
    const stream = client.stream("list", "T", null);
    await turn();
    wire.answer(end(0));
    await stream.return(undefined);
    await turn();
    expect(wire.sent.length).toBe(1);
  });

  test("fails after its items when the server says so midway", async () => {
    const { wire, client } = await open();
    const stream = client.stream("list", "T", null);
    wire.answer(item(0, "a"));
    wire.answer(item(1, null, { is_final: true, error: "HandlerFailed: no", error_code: "HANDLER_FAILED" }));
    expect(await stream.next()).toEqual({ done: false, value: "a" });
    expect(await failureOf(stream.next())).toMatchObject({ code: "HANDLER_FAILED", message: "no" });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  test("takes a plain response as its end: a refusal, or a last value", async () => {
    const { wire, client } = await open();
    const refused = client.stream("list", "T", null);
    wire.answer({ request_id: "1", success: false, payload: null, error: "AgentNotFound: list", error_code: "ACTOR_NOT_FOUND" });
    expect((await failureOf(refused.next())).code).toBe("ACTOR_NOT_FOUND");
    const answered = client.stream("list", "T", null);
    wire.answer({ request_id: "2", success: true, payload: "only", error: null });
    expect(await answered.next()).toEqual({ done: true, value: "only" });
  });

  test.each([
    ["an item is missing", [item(0, "a"), item(2, "c")], "the stream is broken: item 1 is missing"],
    ["an item comes twice", [item(0, "a"), item(0, "a")], "the stream is broken: item 1 is missing"],
    ["more comes than it asked for", [item(0, "a"), item(1, "b"), item(2, "c")], "the stream is broken: the server sends more than it was asked for"],
  ])("fails and is cancelled when %s, and the connection lives", async (_what, frames, message) => {
    const { wire, client } = await open();
    const stream = client.stream("list", "T", null, { window: 2 });
    for (const frame of frames) wire.answer(frame);
    const read = collect(stream);
    expect(await failureOf(read)).toMatchObject({ code: "PROTOCOL_ERROR", message });
    await turn();
    expect(wire.sent.at(-1)).toEqual({ cancel: "1" });
    expect(wire.terminated).toBe(false);
  });

  test("times out here when the server says nothing, and is cancelled there", async () => {
    const { wire, client, clock } = await open();
    const stream = client.stream("list", "T", null, { timeoutMs: 100 });
    clock.advance(150);
    expect(await failureOf(stream.next())).toMatchObject({ code: "TIMEOUT", message: "the stream did not end within 100 ms" });
    await turn();
    expect(wire.sent.at(-1)).toEqual({ cancel: "1" });
  });

  test("is cancelled by its signal, before or after it has begun", async () => {
    const { wire, client } = await open();
    expect((await failureOf(client.stream("list", "T", null, { signal: AbortSignal.abort() }).next())).code).toBe("CANCELLED");
    expect(wire.sent).toEqual([]);
    const controller = new AbortController();
    const stream = client.stream("list", "T", null, { signal: controller.signal });
    wire.answer(item(0, "a"));
    controller.abort();
    expect(await stream.next()).toEqual({ done: false, value: "a" });
    expect((await failureOf(stream.next())).code).toBe("CANCELLED");
    await turn();
    expect(wire.sent.at(-1)).toEqual({ cancel: "1" });
  });

  test("of a payload that has no representation, or on a client that is closed, fails when read", async () => {
    const { client } = await open();
    expect((await failureOf(client.stream("list", "T", Number.NaN).next())).code).toBe("SERIALIZATION_ERROR");
    client.close();
    expect(await failureOf(client.stream("list", "T", null).next())).toMatchObject({ code: "CONNECTION_CLOSED", ran: "no" });
  });

  test.each([[0], [1.5], [Number.NaN]])("with a window of %p is a programmer's mistake", async (window) => {
    const { client } = await open();
    expect(() => client.stream("list", "T", null, { window })).toThrow(RangeError);
  });
});
