import { describe, expect, test } from "bun:test";
import type { Subscription } from "../../../src/ipc/client/push-stream.ts";
import type { Fields } from "../../support/raw-client.ts";
import { failureOf, open, type Opened, turn } from "./wire.ts";

function push({ wire }: Opened, type: string, payload: unknown, more: Fields = {}): void {
  wire.answer({ notification_type: "subscription", message_type: type, payload, timestamp: 1000, seq: 0, ...more });
}

function taken({ wire }: Opened, id: string): void {
  wire.answer({ request_id: id, success: true, subscribed_types: [], rejected_types: [], subscribed_patterns: [] });
}

async function payloads(subscription: Subscription, count: number): Promise<unknown[]> {
  const values: unknown[] = [];
  while (values.length < count) values.push((await subscription.next()).value?.payload);
  return values;
}

describe("a subscription", () => {
  test("asks for the type, is ready when the server has taken it, and yields what is pushed", async () => {
    const opened = await open();
    const prices = opened.client.subscribe("PriceUpdate");
    await turn();
    expect(opened.wire.sent).toEqual([{ message_types: ["PriceUpdate"], request_id: "1" }]);
    taken(opened, "1");
    await prices.ready;
    push(opened, "PriceUpdate", { price: 1 }, { source_agent: "feed", seq: 0 });
    push(opened, "PriceUpdate", { price: 2 }, { seq: 1 });
    expect((await prices.next()).value).toEqual({ type: "PriceUpdate", payload: { price: 1 }, timestamp: 1000, source: "feed", seq: 0, dropped: 0 });
    expect((await prices.next()).value).toMatchObject({ payload: { price: 2 }, source: undefined, seq: 1 });
  });

  test("to a pattern yields every type that begins so, and each push once for each subscription", async () => {
    const opened = await open();
    const some = opened.client.subscribe("Price*");
    const all = opened.client.subscribe("*");
    const exact = opened.client.subscribe("Price");
    await turn();
    expect(opened.wire.sent).toEqual([
      { patterns: ["Price*"], request_id: "1" },
      { patterns: ["*"], request_id: "2" },
      { message_types: ["Price"], request_id: "3" },
    ]);
    push(opened, "Price", 1);
    push(opened, "PriceAlert", 2);
    push(opened, "Text", 3);
    expect(await payloads(some, 2)).toEqual([1, 2]);
    expect(await payloads(all, 3)).toEqual([1, 2, 3]);
    expect(await payloads(exact, 1)).toEqual([1]);
  });

  test("yields pushes that come before the server's answer to it", async () => {
    const opened = await open();
    const prices = opened.client.subscribe("Price");
    push(opened, "Price", "early");
    expect(await payloads(prices, 1)).toEqual(["early"]);
    taken(opened, "1");
    await prices.ready;
  });

  test("shares one on the wire with others to the same, which ends with the last of them", async () => {
    const opened = await open();
    const first = opened.client.subscribe("Price");
    const second = opened.client.subscribe("Price");
    await turn();
    taken(opened, "1");
    const third = opened.client.subscribe("Price");
    await third.ready;
    expect(opened.wire.sent.length).toBe(1);
    push(opened, "Price", 1);
    for (const subscription of [first, second, third]) expect(await payloads(subscription, 1)).toEqual([1]);
    await first.return(undefined);
    await second.return(undefined);
    await turn();
    expect(opened.wire.sent.length).toBe(1);
    await third.return(undefined);
    await turn();
    expect(opened.wire.sent.slice(1)).toEqual([{ unsubscribe: ["Price"] }]);
    const again = opened.client.subscribe("Price");
    await turn();
    expect(opened.wire.sent.at(-1)).toMatchObject({ message_types: ["Price"] });
    await again.return(undefined);
  });

  test("ends its pattern on the wire when its loop is left", async () => {
    const opened = await open();
    push(opened, "Price", 0);
    const loop = (async () => {
      for await (const { payload } of opened.client.subscribe("Pri*")) if (payload === 2) return payload;
      return undefined;
    })();
    await turn();
    push(opened, "Price", 1);
    push(opened, "Price", 2);
    expect(await loop).toBe(2);
    await turn();
    expect(opened.wire.sent.at(-1)).toEqual({ unsubscribe_patterns: ["Pri*"] });
  });

  test("fails when the server rejects the type, alone", async () => {
    const opened = await open();
    const unknown = opened.client.subscribe("Nope");
    const known = opened.client.subscribe("Price");
    opened.wire.answer({ request_id: "1", success: true, subscribed_types: [], rejected_types: ["Nope"], subscribed_patterns: [] });
    taken(opened, "2");
    expect(await failureOf(unknown.next())).toMatchObject({ code: "UNKNOWN_MESSAGE_TYPE", subject: "Nope" });
    expect((await failureOf(unknown.ready)).code).toBe("UNKNOWN_MESSAGE_TYPE");
    await known.ready;
    push(opened, "Price", 1);
    expect(await payloads(known, 1)).toEqual([1]);
  });

  test.each(["UNKNOWN_MESSAGE_TYPE", "ACCESS_DENIED", "RATE_LIMITED"])("fails with %s when the server refuses it so", async (code) => {
    const opened = await open();
    const refused = opened.client.subscribe("Nope");
    opened.wire.answer({ request_id: "1", success: false, payload: null, error: "X: no", error_code: code, subscribed_types: [] });
    expect(await failureOf(refused.next())).toMatchObject({ code });
    expect(await refused.next()).toEqual({ done: true, value: undefined });
  });

  test("fails with TIMEOUT when the server does not answer it, and is taken back", async () => {
    const opened = await open({ timeoutMs: 100 });
    const prices = opened.client.subscribe("Price");
    opened.clock.advance(150);
    expect((await failureOf(prices.next())).code).toBe("TIMEOUT");
    await turn();
    expect(opened.wire.sent.at(-1)).toEqual({ unsubscribe: ["Price"] });
  });

  test("ends well when its signal aborts, and when the client closes", async () => {
    const opened = await open();
    const controller = new AbortController();
    const aborted = opened.client.subscribe("Price", { signal: controller.signal });
    const left = opened.client.subscribe("Text");
    controller.abort();
    expect(await aborted.next()).toEqual({ done: true, value: undefined });
    expect(await opened.client.subscribe("Price", { signal: controller.signal }).next()).toEqual({ done: true, value: undefined });
    const waiting = left.next();
    opened.client.close();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect((await failureOf(opened.client.subscribe("Text").next())).code).toBe("CONNECTION_CLOSED");
  });

  test("yields what had come and then fails when the connection goes", async () => {
    const opened = await open();
    const prices = opened.client.subscribe("Price");
    push(opened, "Price", 1);
    opened.wire.lose();
    expect(await payloads(prices, 1)).toEqual([1]);
    expect((await failureOf(prices.next())).code).toBe("CONNECTION_CLOSED");
  });
});

describe("pushes that nobody reads", () => {
  test("wait up to a bound; then the newest are dropped, and the next one that goes through says how many", async () => {
    const opened = await open();
    const slow = opened.client.subscribe("Price", { pushesMax: 2 });
    const fast = opened.client.subscribe("Price");
    for (let n = 0; n < 5; n++) push(opened, "Price", n, { seq: n });
    expect(await payloads(slow, 2)).toEqual([0, 1]);
    push(opened, "Price", 5, { seq: 5 });
    push(opened, "Price", 6, { seq: 6 });
    expect((await slow.next()).value).toMatchObject({ payload: 5, dropped: 3 });
    expect((await slow.next()).value).toMatchObject({ payload: 6, dropped: 0 });
    expect(await payloads(fast, 7)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  test("at the server are told by the gap in the type's count, to its subscribers only", async () => {
    const opened = await open();
    const prices = opened.client.subscribe("Price");
    const texts = opened.client.subscribe("Text");
    push(opened, "Price", "a", { seq: 0 });
    push(opened, "Text", "x", { seq: 0 });
    push(opened, "Text", "y", { seq: 1, dropped: 4 });
    push(opened, "Price", "b", { seq: 5 });
    expect((await texts.next()).value).toMatchObject({ payload: "x", dropped: 0 });
    expect((await texts.next()).value).toMatchObject({ payload: "y", dropped: 0 });
    expect((await prices.next()).value).toMatchObject({ payload: "a", dropped: 0 });
    expect((await prices.next()).value).toMatchObject({ payload: "b", dropped: 4 });
  });

  test("at the server are told in its own figure where there is no count to compare with", async () => {
    const opened = await open();
    const prices = opened.client.subscribe("Price");
    push(opened, "Price", "a", { seq: 7, dropped: 3 });
    push(opened, "Price", "b", { seq: undefined, dropped: 2 });
    expect((await prices.next()).value).toMatchObject({ payload: "a", seq: 7, dropped: 3 });
    expect((await prices.next()).value).toMatchObject({ payload: "b", seq: 0, dropped: 2 });
  });

  test("delay no call and no other stream on the connection", async () => {
    const opened = await open();
    const unread = opened.client.subscribe("Price", { pushesMax: 1 });
    const stream = opened.client.stream("list", "T", null, { window: 1 });
    const call = opened.client.ask("a", "T", null);
    for (let n = 0; n < 1000; n++) push(opened, "Price", n, { seq: n });
    opened.wire.answer({ stream_id: "2", request_id: "2", sequence: 0, payload: "item", is_final: false });
    opened.wire.answer({ request_id: "3", success: true, payload: "reply", error: null });
    expect(await call).toBe("reply");
    expect((await unread.next()).value).toMatchObject({ payload: 0 });
    expect((await stream.next()).value).toBe("item");
  });
});
