import { describe, expect, test } from "bun:test";
import { connect } from "../../../src/ipc/client/client.ts";
import { ManualClock } from "../../../src/clock.ts";
import { failureOf, open, type Opened, turn, Wire } from "./wire.ts";

const halfway = { next: () => 0.5 };

function greeted({ wire }: Opened): void {
  wire.answer({ request_id: "0", success: true, payload: null, error: null });
}

describe("a client that reconnects", () => {
  test("ends the calls of the lost connection, refuses calls meanwhile, and goes on with a new one", async () => {
    const { wire, client, clock } = await open({ reconnect: true });
    const running = client.ask("a", "T", 1);
    await turn();
    wire.lose();
    expect(await failureOf(running)).toMatchObject({ code: "CONNECTION_CLOSED", ran: "unknown" });
    expect(await failureOf(client.ask("a", "T", 2))).toMatchObject({ code: "CONNECTION_CLOSED", ran: "no" });
    const ready = client.ready();
    clock.advance(100);
    await ready;
    expect(wire.connects).toBe(2);
    const call = client.ask("a", "T", 3);
    await turn();
    expect(wire.sent).toMatchObject([{ payload: 3 }]);
    wire.answer({ request_id: "1", success: true, payload: "new", error: null });
    expect(await call).toBe("new");
    client.close();
    expect(clock.armed).toBe(0);
  });

  test("waits longer each time, up to five seconds, with some chance in it", async () => {
    const { wire, clock } = await open({ reconnect: true, random: halfway });
    wire.refusals.push(...Array.from({ length: 8 }, () => "ENOENT"));
    wire.lose();
    for (const backoff of [100, 200, 400, 800, 1600, 3200, 5000, 5000]) {
      const before = wire.connects;
      clock.advance(backoff * 0.75 - 1);
      await turn();
      expect(wire.connects).toBe(before);
      clock.advance(1);
      await turn();
      expect(wire.connects).toBe(before + 1);
    }
  });

  test("begins anew only when the server has answered: one that takes connections to drop them is not pressed", async () => {
    const opened = await open({ reconnect: true, random: halfway });
    const { wire, clock } = opened;
    wire.lose();
    clock.advance(75);
    await turn();
    expect(wire.connects).toBe(2);
    wire.lose();
    clock.advance(149);
    await turn();
    expect(wire.connects).toBe(2);
    clock.advance(1);
    await turn();
    expect(wire.connects).toBe(3);
    greeted(opened);
    wire.lose();
    clock.advance(75);
    await turn();
    expect(wire.connects).toBe(4);
  });

  test("gives up after as many attempts in a row as it was told, with the last error", async () => {
    const { wire, client, clock } = await open({ reconnect: { attempts: 2, backoffMs: 10, backoffMsMax: 10 } });
    const prices = client.subscribe("Price");
    wire.refusals.push("ENOENT", "EACCES");
    wire.lose();
    const ready = client.ready();
    for (let attempt = 0; attempt < 2; attempt++) {
      clock.advance(10);
      await turn();
    }
    expect(await client.closed).toMatchObject({ code: "CONNECTION_CLOSED", message: "cannot connect to /run/x.sock: access is denied" });
    expect((await failureOf(prices.next())).code).toBe("CONNECTION_CLOSED");
    expect(await failureOf(ready)).toMatchObject({ code: "CONNECTION_CLOSED", ran: "no" });
    expect(wire.connects).toBe(3);
  });

  test("dials no more once it was closed, not even when an attempt was under way that fails", async () => {
    const { wire, client, clock } = await open({ reconnect: true });
    wire.refusals.push("ENOENT");
    wire.lose();
    clock.advance(100);
    client.close();
    await turn();
    expect([wire.connects, clock.armed]).toEqual([2, 0]);
  });

  test("gives up at once when somebody else has taken the path", async () => {
    const { wire, client, clock } = await open({ reconnect: true, serverUids: [1] });
    wire.credentials = { pid: 1, uid: 2, gid: 2 };
    wire.lose();
    clock.advance(100);
    expect(await client.closed).toMatchObject({ code: "ACCESS_DENIED" });
    expect(wire.writes).toBe(1);
  });

  test("subscribes again to what is still read, and to nothing else", async () => {
    const opened = await open({ reconnect: true });
    const { wire, client, clock } = opened;
    const prices = client.subscribe("Price");
    const patterns = client.subscribe("Te*");
    const left = client.subscribe("Left");
    await turn();
    wire.answer({ request_id: "1", success: true, subscribed_types: ["Price"], rejected_types: [], subscribed_patterns: [] });
    await prices.ready;
    await left.return(undefined);
    wire.answer({ notification_type: "subscription", message_type: "Price", payload: 1, timestamp: 0, seq: 41 });
    wire.lose();
    clock.advance(100);
    await client.ready();
    await turn();
    expect(wire.sent).toEqual([
      { message_types: ["Price"], request_id: "1" },
      { patterns: ["Te*"], request_id: "2" },
    ]);
    wire.answer({ notification_type: "subscription", message_type: "Price", payload: 2, timestamp: 0, seq: 50 });
    wire.answer({ notification_type: "subscription", message_type: "Text", payload: 3, timestamp: 0, seq: 0 });
    expect((await prices.next()).value).toMatchObject({ payload: 1 });
    expect((await prices.next()).value).toMatchObject({ payload: 2, dropped: 0 });
    expect((await patterns.next()).value).toMatchObject({ payload: 3 });
  });

  test("ends a subscription that the new server does not know", async () => {
    const { wire, client, clock } = await open({ reconnect: true });
    const prices = client.subscribe("Price");
    wire.lose();
    clock.advance(100);
    await client.ready();
    await turn();
    wire.answer({ request_id: "1", success: false, payload: null, error: "UnknownMessageType: x", error_code: "UNKNOWN_MESSAGE_TYPE" });
    expect((await failureOf(prices.next())).code).toBe("UNKNOWN_MESSAGE_TYPE");
    expect(wire.terminated).toBe(false);
  });

  test("takes up a subscription that was made while there was no connection", async () => {
    const { wire, client, clock } = await open({ reconnect: true });
    wire.lose();
    const prices = client.subscribe("Price");
    clock.advance(100);
    await client.ready();
    await turn();
    expect(wire.sent).toEqual([{ message_types: ["Price"], request_id: "1" }]);
    await prices.return(undefined);
  });

  test("does not come back once it is closed, not even from a dial that is under way", async () => {
    const { wire, client, clock } = await open({ reconnect: true });
    wire.lose();
    clock.advance(100);
    client.close();
    await turn();
    expect(wire.terminated).toBe(true);
    expect(await failureOf(client.ready())).toMatchObject({ code: "CONNECTION_CLOSED", message: "the client was closed" });
    expect(await client.closed).toBeUndefined();
    expect(clock.armed).toBe(0);
  });
});

test("a watch ends with the connection that it was on, and calls back at once when there is none", async () => {
  const { wire, client, clock } = await open({ reconnect: true });
  const calls: string[] = [];
  client.agent("a").watch(() => calls.push("first"));
  wire.lose();
  client.agent("a").watch(() => calls.push("at once"));
  clock.advance(100);
  await client.ready();
  wire.lose();
  expect(calls).toEqual(["first", "at once"]);
});

describe("a first connect", () => {
  test.each(["ECONNREFUSED", "EAGAIN"])("tries again for a moment after %s: the server's backlog may be full", async (code) => {
    const wire = new Wire();
    const clock = new ManualClock();
    wire.refusals.push(code, code, code);
    const connecting = connect("/run/x.sock", { transport: wire, clock, random: halfway, keepAliveMs: 0 });
    for (const waitMs of [7.5, 15, 30]) {
      await turn();
      clock.advance(waitMs);
    }
    const client = await connecting;
    expect(wire.connects).toBe(4);
    client.close();
  });

  test.each([
    ["ECONNREFUSED", "cannot connect to /run/x.sock: no server listens there; is it running?"],
    ["EAGAIN", "cannot connect to /run/x.sock: the server takes no more connections now"],
  ])("gives up after five attempts that met %s", async (code, message) => {
    const wire = new Wire();
    const clock = new ManualClock();
    wire.refusals.push(code, code, code, code, code);
    const failure = failureOf(connect("/run/x.sock", { transport: wire, clock, reconnect: true }));
    for (let retry = 0; retry < 4; retry++) {
      await turn();
      clock.advance(80);
    }
    expect(await failure).toMatchObject({ code: "CONNECTION_CLOSED", message });
    expect(wire.connects).toBe(5);
    expect(clock.armed).toBe(0);
  });
});
