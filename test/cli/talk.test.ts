import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { executable, run, type RunResult, type Server, serve, temporaryDirectory } from "./executable.ts";
import { start } from "./executable-lines.ts";

const directory = temporaryDirectory();
const at = (name: string): string => join(directory.path, name);
let server: Server;
beforeAll(async () => {
  server = await serve(at("acton.sock"), [join(import.meta.dir, "services.ts")]);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

const acton = (...words: string[]): Promise<RunResult> => run([...words, "--socket", server.socket], { cwd: directory.path });

async function ordered(...words: string[]): Promise<unknown> {
  const { stdout, stderr } = await acton("call", "orders", "PlaceOrder", ...words);
  return stderr === "" ? JSON.parse(stdout).order : stderr;
}

describe("key=value is typed by the schema", () => {
  test.each<[string[], Record<string, unknown>]>([
    [["item=5", "count=5"], { item: "5", count: 5 }],
    [["item=true", "count=1"], { item: "true", count: 1 }],
    [['item="quoted"', "count=1e2"], { item: '"quoted"', count: 100 }],
    [["item=", "count=1"], { item: "", count: 1 }],
    [["item=a=b", "count=1"], { item: "a=b", count: 1 }],
    [["item=x", "count=1", "express=true"], { item: "x", count: 1, express: true }],
    [["item=x", "count=1", "price=1.5"], { item: "x", count: 1, price: 1.5 }],
    [["item=x", "count=1", "colour=green"], { item: "x", count: 1, colour: "green" }],
    [["item=x", "count=1", "address.city=Rome", "address.zip=00100"], { item: "x", count: 1, address: { city: "Rome", zip: "00100" } }],
    [["item=x", "count=1", 'address={"city":"Rome"}'], { item: "x", count: 1, address: { city: "Rome" } }],
    [["item=x", "count=1", "tags=a"], { item: "x", count: 1, tags: ["a"] }],
    [["item=x", "count=1", "tags=1", "tags=b"], { item: "x", count: 1, tags: ["1", "b"] }],
    [["item=x", "count=1", 'tags=["a","b"]'], { item: "x", count: 1, tags: ["a", "b"] }],
    [["item=x", "count=1", "sizes=1", "sizes=2"], { item: "x", count: 1, sizes: [1, 2] }],
    [["item=x", "count=1", "note=null"], { item: "x", count: 1, note: null }],
    [["item=x", "count=1", "note=5"], { item: "x", count: 1, note: "5" }],
    [["item=x", "count=1", "labels.a=1", "labels.b=2"], { item: "x", count: 1, labels: { a: 1, b: 2 } }],
    [["item=x", "count=1", "any=5"], { item: "x", count: 1, any: 5 }],
    [["item=x", "count=1", "any=five"], { item: "x", count: 1, any: "five" }],
    [["item=x", "count=1", 'any="5"'], { item: "x", count: 1, any: "5" }],
    [["item=x", "count=1", "any.deep.er=1"], { item: "x", count: 1, any: { deep: { er: 1 } } }],
  ])("%j", async (words, order) => {
    expect(await ordered(...words)).toEqual({ express: false, ...order });
  });

  test.each<[string[], string]>([
    [["item=x", "count=many"], 'count must be a whole number, not "many"'],
    [["item=x", "count=1.5"], 'count must be a whole number, not "1.5"'],
    [["item=x", "count=1", "express=yes"], 'express must be true or false, not "yes"'],
    [["item=x", "count=1", "colour=gren"], 'colour must be "red", "green" or "blue", not "gren", did you mean green?'],
    [["item=x", "cout=1"], "PlaceOrder has no field 'cout', did you mean 'count'? It takes item, count, "],
    [["item=x", "count=1", "address.cty=Rome"], "address has no field 'cty', did you mean 'city'? It takes city, zip"],
    [["item=x", "count=1", "address=Rome"], 'address must be an object, not "Rome"; write address.field=value, or JSON'],
    [["item=x", "count=1", "item.size=1"], "item.size: item takes a text, and has no fields"],
    [["item=x", "count=1", "address.zip=1"], "PlaceOrder needs city (a text)"],
    [["item=x"], "PlaceOrder needs count (a whole number)"],
    [[], "PlaceOrder needs item (a text) and count (a whole number)"],
    [["item=x", "count=1", "count=2"], 'the key "count" is given twice'],
    [["item=x", "count=1", "sizes=[1]", "sizes=2"], 'the key "sizes" is given twice'],
  ])("%j is refused before anything is sent", async (words, message) => {
    const { exitCode, stderr, stdout } = await acton("call", "orders", "PlaceOrder", ...words);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).toStartWith(`acton: ${message}`);
    expect(stderr.trimEnd()).not.toContain("\n");
  });

  test("JSON goes out as it is, and the server judges it", async () => {
    const { exitCode, stderr } = await acton("call", "orders", "PlaceOrder", '{"item":"x"}');
    expect(exitCode).toBe(1);
    expect(stderr).toStartWith("acton: SerializationError: payload.count: ");
  });

  test("and by JSON where the server does not tell its schemas", async () => {
    writeFileSync(
      at("silent.ts"),
      `import { agent, app, message } from "acton"; import { z } from "zod";
const Echo = message("Echo", { payload: z.json() });
const Say = message("Say", z.looseObject({})).replies(Echo);
export default app({ agents: [agent("echo", () => ({})).actOn(Say, ({ message }) => ({ payload: message as never }))],
  policy: { authorize: (_, operation) => operation.kind !== "discover" } });\n`,
    );
    await using silent = await serve(at("silent.sock"), [at("silent.ts")]);
    const { stdout, stderr } = await run(["call", "echo", "Say", "a=5", "b=x", "c.d=1", "--socket", silent.socket]);
    expect({ stdout, stderr }).toEqual({ stdout: '{"payload":{"a":5,"b":"x","c":{"d":1}}}\n', stderr: "" });
    expect((await run(["call", "ecko", "Say", "--socket", silent.socket])).stderr).toStartWith("acton: AgentNotFound: ");
  });
});

describe("an error names what was probably meant", () => {
  test.each<[string[], number, string]>([
    [["call", "order", "PlaceOrder", "item=x", "count=1"], 3, "AgentNotFound: order, did you mean orders?"],
    [["call", "nobody", "Wait"], 3, "AgentNotFound: nobody; there are orders, counter, siren, sleeper"],
    [["send", "sleper", "Wait"], 3, "AgentNotFound: sleper, did you mean sleeper?"],
    [["call", "orders", "PlaceOrdr", "{}"], 4, "UnknownMessageType: PlaceOrdr is not registered, did you mean PlaceOrder?"],
    [["call", "sleeper", "Burst", "count=1"], 4, "Unhandled: the agent sleeper has no handler for Burst; siren would take it"],
    [["stream", "counter", "CountU", "from=1"], 4, "UnknownMessageType: CountU is not registered, did you mean CountUp?"],
    [["subscribe", "Alrm"], 4, "UnknownMessageType: Alrm is not registered, did you mean Alarm?"],
    [["describe", "countr"], 3, 'no agent and no message type is called "countr", did you mean counter?'],
  ])("%j", async (words, exitCode, line) => {
    const { stdout, ...result } = await acton(...words);
    expect(result).toEqual({ exitCode, stderr: `acton: ${line}\n` });
    expect(stdout).toBe("");
  });
});

describe("send", () => {
  test("prints that the message was delivered, without waiting for an answer", async () => {
    expect(await acton("send", "sleeper", "Wait")).toEqual({ exitCode: 0, stdout: '{"status":"delivered"}\n', stderr: "" });
    await server.line("asleep");
  });
});

describe("stream", () => {
  test("prints each item as a line, and the value that the stream ends with", async () => {
    for (const format of [[], ["--msgpack"]]) {
      const { stdout, exitCode } = await acton("stream", "counter", "CountDown", "from=3", ...format);
      expect({ stdout, exitCode }).toEqual({ stdout: '{"n":3}\n{"n":2}\n{"n":1}\n{"n":0}\n', exitCode: 0 });
    }
  });

  test("leaves after --count items, and the agent is told", async () => {
    expect((await acton("stream", "counter", "CountUp", "from=1", "--count", "2")).stdout).toBe('{"n":1}\n{"n":2}\n');
    await server.line("left");
  });

  test("ends with 0 on Ctrl-C, however much is to come", async () => {
    await using running = start(["stream", "counter", "CountUp", "from=1", "--socket", server.socket]);
    expect(await running.line()).toBe('{"n":1}');
    running.signal("SIGINT");
    while ((await running.line()) !== undefined);
    expect({ exitCode: await running.exited, stderr: await running.stderr }).toEqual({ exitCode: 0, stderr: "" });
  });

  test("ends quietly when its reader leaves", async () => {
    const command = `${executable} stream counter CountUp from=1 --socket ${server.socket} | head -1; echo \${PIPESTATUS[0]}`;
    const child = Bun.spawn(["bash", "-c", command], { stdio: ["ignore", "pipe", "pipe"] });
    expect(await new Response(child.stdout).text()).toBe('{"n":1}\n0\n');
    expect(await new Response(child.stderr).text()).toBe("");
  });

  test("gives up after --timeout with 6", async () => {
    const { exitCode, stderr } = await acton("stream", "counter", "CountUp", "from=1", "--timeout", "30", "--json");
    expect(exitCode).toBe(6);
    expect(stderr).toStartWith("acton: Timeout: ");
  });
});

describe("subscribe", () => {
  test("prints pushes as they come, of types and of patterns, each of them once", async () => {
    await using running = start(["subscribe", "Alarm", "Alarm*", "--count", "3", "--socket", server.socket]);
    await subscribed(1);
    await acton("call", "siren", "Burst", "count=2");
    const pushes = [await running.line(), await running.line(), await running.line()].map((line) => JSON.parse(line ?? ""));
    expect(pushes).toMatchObject([
      { type: "Alarm", payload: { n: 0 }, source: "siren", seq: 0 },
      { type: "Alarm", payload: { n: 1 }, source: "siren", seq: 1 },
      { type: "AlarmOver", payload: {}, source: "siren" },
    ]);
    expect({ exitCode: await running.exited, rest: await running.line(), stderr: await running.stderr }).toEqual({
      exitCode: 0,
      rest: undefined,
      stderr: "",
    });
  });

  test("says on standard error how many were lost", async () => {
    await using running = start(["subscribe", "Alarm*", "--socket", server.socket]);
    await subscribed(1);
    await acton("call", "siren", "Burst", "count=1000");
    await acton("call", "siren", "Burst", "count=0");
    let count = 0;
    let lost = 0;
    let last: { readonly type?: string; readonly dropped?: number } = {};
    while (count + lost < 1002) {
      last = JSON.parse((await running.line()) ?? "");
      count += 1;
      lost += last.dropped ?? 0;
    }
    running.signal("SIGINT");
    expect(await running.exited).toBe(0);
    expect(lost).toBeGreaterThan(0);
    expect(await running.stderr).toMatch(/^acton: \d+ pushes were lost before this one/);
  });

  test("listens for --timeout, and fails with 6 only when --count has not come", async () => {
    expect(await acton("subscribe", "Alarm", "--timeout", "0")).toEqual({ exitCode: 0, stdout: "", stderr: "" });
    const { exitCode, stderr } = await acton("subscribe", "Alarm", "--timeout", "0", "--count", "1");
    expect({ exitCode, stderr }).toEqual({ exitCode: 6, stderr: "acton: Timeout: 0 of 1 pushes came within 0 ms\n" });
  });

  test("ends with 7 when the server goes", async () => {
    const going = await serve(at("going.sock"));
    await using running = start(["subscribe", "PriceUpdate", "--socket", going.socket]);
    await subscribed(1, going.socket);
    going.signal("SIGKILL");
    expect(await running.exited).toBe(7);
    expect(await running.stderr).toMatch(/^acton: [^\n]+\n$/);
  });
});

/** Resolves when so many subscriptions are held at the server. */
async function subscribed(count: number, socket = server.socket): Promise<void> {
  for (;;) {
    const { stdout } = await run(["stats", "--socket", socket]);
    if (JSON.parse(stdout).subscriptions >= count) return;
  }
}
