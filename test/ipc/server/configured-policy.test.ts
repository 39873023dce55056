// A policy of rules, as clients meet it: who gets in, what is denied and how that is said, and what discovery shows.

import { describe, expect, test } from "bun:test";
import type { Operation, Policy, PolicyInput } from "acton";
import { quiet } from "../../support/conditions.ts";
import { MemoryServer } from "../../support/memory-server.ts";
import { packedFrame } from "../../support/raw-client.ts";
import { request, streamRequest, TestServer } from "../../support/test-server.ts";
import { Add, Echo, Price, Text } from "../../support/test-services.ts";

const open = { socketMode: "0666" } as const;
const own = process.getuid?.() ?? 0;
const others = own + 1000;

describe("a connection that no rule lets in", () => {
  const shut: PolicyInput = { default: "deny", rules: [{ allow: "*", uids: others }] };

  test("is told AccessDenied in its dialect, takes no place, and is closed", async () => {
    await using server = await TestServer.start({ policyRules: shut, config: { maxConnections: 1 } });
    for (const round of [1, 2]) {
      const client = await server.connect();
      client.send(request("echo", "Echo", 1, { request_id: "x" }));
      const answers = await client.rest();
      expect(answers).toMatchObject([{ success: false, payload: null, error_code: "ACCESS_DENIED" }]);
      expect(answers[0]?.["error"]).toBe(`AccessDenied: user ${own} is not allowed to connect`);
      expect(answers[0]).not.toHaveProperty("details");
      expect(server.listener.stats()).toMatchObject({ activeConnections: 0, connectionsDenied: round, errorsByCode: { ACCESS_DENIED: round } });
    }
    expect(server.seen.echoes).toEqual([]);
  });

  test("is told in MessagePack when it speaks that, and in acton/2 when it says nothing", async () => {
    await using server = await TestServer.start({ policyRules: shut });
    const packing = await server.connect();
    packing.write(packedFrame({ ping: true }));
    expect((await packing.nextBody())[0]).toBeGreaterThanOrEqual(0x80);
    const silent = await server.connect({ uncut: true });
    await server.until(() => server.listener.stats().connectionsDenied === 2);
    server.clock.advance(1000);
    await silent.until(() => silent.ended);
    expect([...silent.bytes.subarray(4, 7)]).toEqual([0x02, 0x03, 0x01]);
    const body: unknown = JSON.parse(silent.bytes.subarray(7).toString());
    expect(body).toMatchObject({ correlation_id: "__acton_connection_rejected__", error_code: "ACCESS_DENIED" });
    expect(body).not.toHaveProperty("payload");
  });

  test("is the one of that user or group, whatever it says of itself", async () => {
    const policyRules: PolicyInput = {
      default: "deny",
      rules: [
        { deny: "*", gids: 300 },
        { allow: "*", uids: [1, 2], gids: 100 },
        { allow: "*", uids: own },
      ],
    };
    await using server = await MemoryServer.start({ ...open, policyRules });
    await expect((await server.connect({ uid: 1, gid: 100 })).ask("echo", Add, { a: 1, b: 2 })).resolves.toEqual({ sum: 3 });
    for (const user of [
      { uid: 1, gid: 200 },
      { uid: 3, gid: 100 },
      { uid: 1, gid: 300 },
    ]) {
      const client = await server.connect(user);
      await expect(client.ask("echo", Add, { a: 1, b: 2 })).rejects.toMatchObject({ code: "ACCESS_DENIED" });
    }
    await using real = await TestServer.start({ policyRules: { default: "deny", rules: [{ allow: "stats", uids: own }] } });
    const forger = await real.connect();
    const forged = { peer: { uid: others }, uid: others, gid: 100, identity: { uid: others } };
    expect(await forger.ask(request("echo", "Echo", 1, { ...forged, request_id: "f" }))).toMatchObject({ error_code: "ACCESS_DENIED" });
  });
});

describe("an operation that the rules deny is AccessDenied at once, and the connection lives:", () => {
  const bodies: Readonly<Record<string, Record<string, unknown>>> = {
    request: request("echo", "Echo", 1),
    "request, fire and forget": { target: "notes", message_type: "Note", payload: 1 },
    "request, stream": streamRequest("streams", "Count", { items: 1 }),
    subscribe: { message_types: ["Price"] },
    pattern: { patterns: ["P*"] },
    discover: { discover: true },
    stats: { stats: true },
    watch: { watch: "echo" },
  };
  for (const [what, body] of Object.entries(bodies)) {
    test(what, async () => {
      const [operation = ""] = what.split(",");
      const deny = operation as "request";
      await using server = await TestServer.start({ policyRules: { default: "allow", rules: [{ deny }] } });
      const client = await server.connect();
      expect(await client.ask({ ...body, request_id: "d" })).toMatchObject({
        error_code: "ACCESS_DENIED",
        error: expect.stringContaining("is not allowed"),
      });
      expect(await client.ask({ ping: true, request_id: "p" })).toMatchObject({ request_id: "p", success: true });
      expect(server.listener.stats()).toMatchObject({ subscriptions: 0, requestsInFlight: 0, streamsOpen: 0 });
      expect(server.seen.notes).toEqual([]);
    });
  }
});

test("a push that the rules deny is withheld, and a pattern brings the others", async () => {
  await using server = await TestServer.start({ policyRules: { default: "allow", rules: [{ deny: "push", types: "Text" }] } });
  const client = await server.connect();
  await client.ask({ patterns: ["*"], request_id: "s" });
  server.runtime.broker().broadcast(Text, "secret");
  server.runtime.broker().broadcast(Price, { symbol: "A", price: 1 });
  const push = await client.next();
  expect([push["message_type"], push["dropped"]]).toEqual(["Price", undefined]);
  expect(server.listener.stats().pushesWithheld).toBe(1);
});

test("reply_to does not reach an agent that the rules deny", async () => {
  await using server = await TestServer.start({ policyRules: { default: "allow", rules: [{ deny: "request", agents: "notes" }] } });
  const client = await server.connect();
  expect(await client.ask(request("echo", "Echo", 1, { request_id: "r", reply_to: "notes" }))).toMatchObject({ error_code: "ACCESS_DENIED" });
  expect(server.seen.echoes).toEqual([]);
});

describe("rules and a policy in code", () => {
  test("must both allow", async () => {
    const policy: Policy = { authorize: (_identity, operation) => !(operation.kind === "request" && operation.type === "Add") };
    await using server = await TestServer.start({ policy, policyRules: { default: "allow", rules: [{ deny: "request", types: "Fail" }] } });
    const client = await server.connect();
    const codes = [];
    for (const body of [request("echo", "Echo", 1), request("echo", "Add", { a: 1, b: 1 }), request("echo", "Fail", { text: "x" })]) {
      codes.push((await client.ask({ ...body, request_id: "1" }))["error_code"]);
    }
    expect(codes).toEqual([undefined, "ACCESS_DENIED", "ACCESS_DENIED"]);
  });

  test("are asked in this order: whom the rules keep out, code never hears of", async () => {
    const asked: unknown[] = [];
    const policy: Policy = { admit: ({ uid }) => (asked.push(uid), { identity: uid }), authorize: (_identity, { kind }) => void asked.push(kind) };
    await using server = await MemoryServer.start({ ...open, policy, policyRules: { default: "deny", rules: [{ allow: "request", uids: 1 }] } });
    await expect((await server.connect({ uid: 2 })).ask("echo", Echo, 1)).rejects.toMatchObject({ code: "ACCESS_DENIED" });
    const client = await server.connect({ uid: 1 });
    await expect(client.stats()).rejects.toMatchObject({ code: "ACCESS_DENIED" });
    expect(await client.ask("echo", Echo, 1)).toBe(1);
    expect(asked).toEqual([1, "request"]);
  });

  test("count alike whom they keep out", async () => {
    await using server = await TestServer.start({ policy: { admit: () => ({ refused: "members only" }) } });
    const client = await server.connect();
    client.send({ ping: true });
    await client.rest();
    expect(server.listener.stats()).toMatchObject({ connectionsDenied: 1, connectionsRefused: 0 });
  });
});

describe("discovery shows", () => {
  interface Shown {
    readonly actors: readonly { readonly name: string; readonly handles: readonly string[] }[];
    readonly message_types: readonly string[];
    readonly schemas: object;
  }
  const shown = async (options: { readonly policy?: Policy; readonly policyRules?: PolicyInput }): Promise<Shown> => {
    await using server = await TestServer.start(options);
    return (await (await server.connect()).ask({ discover: true, request_id: "d" })) as unknown as Shown;
  };
  const agents = ({ actors }: Shown): unknown => Object.fromEntries(actors.map(({ name, handles }) => [name, handles]));

  test("the agents of which something may be used, with that, its answers, and what may be subscribed to", async () => {
    const policyRules: PolicyInput = {
      default: "deny",
      rules: [
        { allow: "discover" },
        { allow: "request", agents: "echo", types: ["Add", "Who"] },
        { allow: "request", types: "Fe*" },
        { allow: "subscribe", types: "Price*" },
      ],
    };
    const { schemas, ...answer } = await shown({ policyRules });
    expect(agents({ schemas, ...answer })).toEqual({ echo: ["Add", "Who"], streams: ["Feed"] });
    expect(answer.message_types).toEqual(["Add", "Feed", "Item", "Price", "PriceAlert", "Sum", "Who", "WhoAnswer"]);
    expect(Object.keys(schemas)).toEqual([...answer.message_types]);
  });

  test("what code allows, asked by agent and type", async () => {
    const asked: Operation[] = [];
    const authorize: Policy["authorize"] = (_identity, operation) => {
      asked.push(operation);
      if (operation.kind === "request") return operation.agent === "notes";
      return operation.kind === "discover";
    };
    const answer = await shown({ policy: { authorize } });
    expect(agents(answer)).toEqual({ notes: ["Echoed", "Note"] });
    expect(answer.message_types).toEqual(["Echoed", "Note"]);
    expect(asked).toContainEqual({ kind: "request", agent: "echo", type: "Add" });
    expect(asked).toContainEqual({ kind: "subscribe", type: "Price" });
    expect(new Set(asked.map(({ kind }) => kind))).toEqual(new Set(["discover", "request", "subscribe"]));
  });

  test("everything to whom a policy lets in and leaves alone", async () => {
    const [free, admitted] = [await shown({}), await shown({ policy: { admit: () => ({ identity: 1 }) } })];
    const everything = await shown({ policyRules: { default: "deny", rules: [{ allow: "*", uids: own }] } });
    expect(agents(admitted)).toEqual(agents(free));
    expect(agents(everything)).toEqual(agents(free));
    expect(everything.message_types).toEqual(free.message_types);
  });

  test("nothing to a connection that the policy ends while it is asked", async () => {
    const servers: TestServer[] = [];
    const authorize: Policy["authorize"] = (_identity, { kind }) => {
      if (kind === "request") servers[0]?.listener.revoke(1);
      return true;
    };
    await using server = await TestServer.start({ policy: { authorize } });
    servers.push(server);
    const client = await server.connect();
    client.send({ discover: true });
    await client.until(() => client.gone);
    await quiet();
    expect([client.received, server.listener.stats().activeConnections]).toEqual([0, 0]);
  });
});
