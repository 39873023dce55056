// Every example runs as its first lines say, and does what it shows.

import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { run, serve, type RunOptions, type Server, temporaryDirectory } from "./cli/executable.ts";
import { RawClient } from "./support/raw-client.ts";

const root = join(import.meta.dir, "..");
const examples = join(root, "examples");

test("every example has a test here, but for the clients, which have a file of their own", () => {
  const files = readdirSync(examples, { withFileTypes: true }).filter((entry) => entry.isFile());
  const tests = readFileSync(import.meta.path, "utf8");
  expect(files.map(({ name }) => name).filter((name) => !tests.includes(`"${name}"`))).toEqual([]);
  expect(files.length).toBeGreaterThanOrEqual(6);
});

describe("request-reply", () => {
  test("answers with what the handler returns, and says what is wrong with a question", async () => {
    await using server = await serveExample("request-reply.ts");
    expect(await call(server, "thermostat", "SetTarget", "celsius=21")).toEqual({ from: 18, to: 21 });
    expect(await call(server, "thermostat", "GetTarget")).toEqual({ celsius: 21 });
    const tooWarm = await run(["call", "--socket", server.socket, "thermostat", "SetTarget", "celsius=90"]);
    expect(tooWarm).toMatchObject({ exitCode: 1, stdout: "", stderr: expect.stringContaining("SerializationError: payload.celsius") });
  });

  test("fails by choice without harm to the model", async () => {
    await using server = await serveExample("request-reply.ts");
    await using client = await RawClient.connect(server.socket);
    expect(await client.ask({ request_id: "1", target: "thermostat", message_type: "Lock" })).toMatchObject({
      success: true,
      payload: { status: "delivered" },
    });
    const refused = await client.ask({
      request_id: "1",
      target: "thermostat",
      message_type: "SetTarget",
      payload: { celsius: 20 },
      expects_reply: true,
    });
    expect(refused).toMatchObject({ success: false, error: "HandlerFailed: the thermostat is locked", error_code: "HANDLER_FAILED" });
    expect(await call(server, "thermostat", "GetTarget")).toEqual({ celsius: 18 });
  });
});

describe("streaming", () => {
  const list = { target: "primes", message_type: "ListPrimes", expects_stream: true };

  test("sends one frame an item, then the final one", async () => {
    await using server = await serveExample("streaming.ts");
    await using client = await RawClient.connect(server.socket);
    client.send({ ...list, request_id: "s", payload: { from: 10, below: 20 } });
    const items = [11, 13, 17, 19].map((value, sequence) => ({ stream_id: "s", request_id: "s", sequence, payload: { value }, is_final: false }));
    for (const item of items) expect(await client.next()).toEqual(item);
    expect(await client.next()).toEqual({ stream_id: "s", request_id: "s", sequence: 4, payload: null, is_final: true });
  });

  test("ends an endless stream when its reader leaves", async () => {
    await using server = await serveExample("streaming.ts");
    const client = await RawClient.connect(server.socket);
    client.send({ ...list, request_id: "s", payload: { from: 0 } });
    expect(await client.next()).toMatchObject({ sequence: 0, payload: { value: 2 } });
    client.destroy();
    expect(await server.line("the reader left early")).toMatchObject({ agent: "primes" });
  });
});

describe("price-feed", () => {
  test("pushes each price to whoever subscribed, and to the agent that watches", async () => {
    await using server = await serveExample("price-feed.ts");
    await using client = await RawClient.connect(server.socket);
    expect(await client.ask({ request_id: "1", message_types: ["PriceUpdate"] })).toMatchObject({ success: true, subscribed_types: ["PriceUpdate"] });
    const push = { notification_type: "subscription", message_type: "PriceUpdate", source_agent: "price_feed" };
    const first = await client.next();
    expect(first).toMatchObject({ ...push, seq: 0, payload: { symbol: "ACME" } });
    expect(await client.next()).toMatchObject({ ...push, seq: 1 });
    const { price } = first["payload"] as { price: number };
    const { lowest, highest } = (await call(server, "price_watch", "GetRange")) as { lowest: number; highest: number };
    expect(lowest).toBeLessThanOrEqual(price);
    expect(highest).toBeGreaterThanOrEqual(price);
  });

  test("keeps the feed itself out of reach", async () => {
    await using server = await serveExample("price-feed.ts");
    expect(await run(["call", "--socket", server.socket, "price_feed", "Tick"])).toMatchObject({ exitCode: 3 });
  });
});

describe("policy", () => {
  test("lets the server's own user open the door", async () => {
    await using server = await serveExample("policy.ts");
    expect(await call(server, "door", "OpenDoor")).toEqual({ open: true });
    expect(await server.line("door opened")).toMatchObject({ uid: process.geteuid?.() });
  });

  test("lets a visitor look, and no more", async () => {
    await using server = await serveExample("policy.ts", { env: { DOOR_OPERATORS: "54321" } });
    expect(await call(server, "door", "GetDoor")).toEqual({ open: false });
    const refused = await run(["call", "--socket", server.socket, "door", "OpenDoor"]);
    expect(refused).toMatchObject({ exitCode: 1, stdout: "", stderr: "acton: AccessDenied: visitors may only look\n" });
    expect(await call(server, "door", "GetDoor")).toEqual({ open: false });
  });
});

describe("worker-pool", () => {
  test("counts on other threads, and answers what is light beside that", async () => {
    await using server = await serveExample("worker-pool.ts");
    const heavy = Promise.all(["below=40000000", "below=40000000"].map((below) => call(server, "counter", "CountPrimes", below)));
    let counting = true;
    void heavy.then(() => (counting = false));
    expect(await call(server, "clock", "WhatTime")).toEqual({ iso: expect.stringMatching(/^\d{4}-.*Z$/) });
    expect(counting).toBe(true);
    expect(await heavy).toEqual([{ count: 2433654 }, { count: 2433654 }]);
    expect(await call(server, "counter", "CountPrimes", "below=0")).toEqual({ count: 0 });
  });
});

describe("supervised-worker", () => {
  test("comes back under its name after bad work, and whoever subscribed sees it", async () => {
    await using server = await serveExample("supervised-worker.ts");
    await using client = await RawClient.connect(server.socket);
    expect(await client.ask({ request_id: "1", patterns: ["Agent*"] })).toMatchObject({ success: true, subscribed_patterns: ["Agent*"] });
    expect(await call(server, "printer", "Print", "pages=3")).toEqual({ sheets: 2, since_start: 2 });
    const jam = await run(["call", "--socket", server.socket, "printer", "Print", "pages=0"]);
    expect(jam).toMatchObject({ exitCode: 1, stderr: "acton: HandlerFailed: paper jam at 0 pages\n" });
    expect(await call(server, "printer", "Print", "pages=1")).toEqual({ sheets: 1, since_start: 1 });
    const reason = { reason: "crashed", error: "paper jam at 0 pages" };
    expect(await client.next()).toMatchObject({ message_type: "AgentTerminated", source_agent: "office", payload: reason });
    expect(await client.next()).toMatchObject({
      message_type: "AgentRestarted",
      payload: { agent: expect.stringMatching(/^printer/), generation: 2 },
    });
  });
});

describe("scripts", () => {
  test("in-process", async () => {
    expect(await runScript([process.execPath, join(examples, "in-process.ts")])).toEqual([
      "Ada has 750 cents",
      "Ada: 750",
      "Grace: 1200",
      "3 deposits",
    ]);
  });

  test("schedules", async () => {
    const lines = await runScript([process.execPath, join(examples, "schedules.ts")]);
    expect(lines).toEqual([
      "soon: delivered",
      "in a minute: cancelled",
      "beats: 3",
      "then: cancelled and due undefined",
      "seconds: 1",
      "new year's due at -12-31T23:00:00.000Z",
      "at the end: abandoned abandoned",
    ]);
  });

  test("life-cycle", async () => {
    expect(await runScript([process.execPath, join(examples, "life-cycle.ts")])).toEqual([
      "north starts",
      "south starts",
      "the crew has 2 workers",
      "north has done 1",
      "south has done 1",
      "HandlerFailed: nobody can work on poison",
      "north starts",
      "south has done 2",
      "north has done 1",
      "the crew goes home",
      "south has stopped",
      "north has stopped",
    ]);
  });
});

describe("shipping", () => {
  test("is one executable, with its data inside, that serves where nothing is installed", async () => {
    expect(readFileSync(join(examples, "shipping-rates.json"), "utf8")).toContain("per_kilogram");
    using directory = temporaryDirectory();
    const program = join(directory.path, "shipping");
    const built = await run(["build", join(examples, "shipping.ts"), "-o", program], { env: { PATH: "/nonexistent" } });
    expect(built).toMatchObject({ exitCode: 0, stdout: "" });
    mkdirSync(join(directory.path, "empty"));
    const there = { program, cwd: join(directory.path, "empty"), env: { PATH: "/nonexistent" } };
    await using server = await serve(join(directory.path, "acton.sock"), [], there);
    const called = await run(["call", "rates", "Quote", "kind=parcel", "kilograms=2", "--socket", server.socket], there);
    expect(called).toEqual({ exitCode: 0, stdout: '{"euros":6}\n', stderr: "" });
    const python = `
import sys
sys.path.insert(0, sys.argv[1])
from python_client import ActonClient
with ActonClient(sys.argv[2]) as client:
    print(client.ask("rates", "Quote", {"kind": "letter", "kilograms": 0.02})["euros"])`;
    expect(await runScript(["python3", "-B", "-c", python, join(examples, "clients"), server.socket])).toEqual(["1.1"]);
  }, 30_000);
});

describe("tests", () => {
  const file = join(examples, "orders.test.ts");

  test("run under bun test", async () => {
    const child = Bun.spawn([process.execPath, "test", file], { cwd: root, stdout: "ignore", stderr: "pipe" });
    const [stderr, exitCode] = await Promise.all([new Response(child.stderr).text(), child.exited]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.stringContaining(" 3 pass\n") });
  });

  test("run under acton test", async () => {
    const { exitCode, stderr } = await run(["test", file], { cwd: root });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.stringContaining(" 3 pass\n") });
  });
});

// Serving and calling -------------------------------------------------------------------------------------------------

async function serveExample(file: string, options: RunOptions = {}): Promise<Server> {
  return serveAt([join(examples, file)], options);
}

async function serveAt(words: readonly string[], options: RunOptions): Promise<Server> {
  const directory = temporaryDirectory();
  const server = await serve(join(directory.path, "acton.sock"), words, options);
  return {
    ...server,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      directory[Symbol.dispose]();
    },
  };
}

async function call(server: Server, ...words: string[]): Promise<unknown> {
  const { stdout, stderr, exitCode } = await run(["call", "--socket", server.socket, ...words]);
  expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
  return JSON.parse(stdout);
}

/** The lines that it prints. */
async function runScript(words: readonly string[]): Promise<string[]> {
  const child = Bun.spawn([...words], { cwd: root, stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, exitCode] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  expect({ exitCode, stderr: exitCode === 0 ? "" : stderr }).toEqual({ exitCode: 0, stderr: "" });
  return stdout.trimEnd().split("\n");
}
