// The npm package, as a stranger meets it: packed, installed into an empty directory with nothing from the network, compiled
// against, and run on Node against a server on Bun.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makePackage } from "../../../.ci/package.ts";
import { TemporaryDirectory, TestServer } from "../../support/test-server.ts";
import { Price } from "../../support/test-services.ts";

const root = join(import.meta.dir, "../../..");
const tsc = join(root, "node_modules/.bin/tsc");
const directory = new TemporaryDirectory();
const packed = join(directory.path, "package");
const project = join(directory.path, "project");

interface Run {
  readonly status: number;
  readonly output: string;
}

async function run(command: readonly string[], cwd = project): Promise<Run> {
  const child = Bun.spawn([...command], { cwd, stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, status] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  return { status, output: `${stdout}${stderr}`.trim() };
}

async function succeed(command: readonly string[], cwd?: string): Promise<string> {
  const { status, output } = await run(command, cwd);
  if (status !== 0) throw new Error(`${command.join(" ")} ended with ${status}:\n${output}`);
  return output;
}

beforeAll(async () => {
  await makePackage(packed);
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
  const folders = [packed, ...["croner", "msgpackr", "zod"].map((name) => join(root, "node_modules", name))];
  for (const folder of folders) await succeed(["npm", "pack", "--ignore-scripts", "--offline", "--silent", folder]);
  const tarballs = readdirSync(project).filter((name) => name.endsWith(".tgz"));
  const install = ["npm", "install", "--offline", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund"];
  await succeed([...install, ...tarballs.map((name) => `./${name}`)]);
}, 120_000);

afterAll(() => directory[Symbol.dispose]());

function write(name: string, text: string): string {
  const path = join(project, name);
  writeFileSync(path, text);
  return path;
}

test("holds JavaScript and declarations, no source and nothing of Bun in the half for Node", () => {
  expect(readdirSync(join(project, "node_modules/acton")).sort()).toEqual(["LICENSE", "bun", "node", "package.json", "types"]);
  for (const name of readdirSync(join(packed, "node"))) expect(readFileSync(join(packed, "node", name), "utf8")).not.toMatch(/["']bun(?::\w+)?["']/);
  const client = readFileSync(join(packed, "node/client.js"), "utf8");
  expect(client).not.toMatch(/from "(?:zod|msgpackr)/);
});

describe("its declarations", () => {
  const messages = `
    import { agent, message } from "acton";
    import { z } from "zod";
    export const Sum = message("Sum", { sum: z.int() });
    export const Add = message("Add", { a: z.int(), b: z.int() }).replies(Sum);
    export const Count = message("Count", { items: z.int() }).streams(message("Item", { n: z.int() }));
    export const calculator = agent("calculator", () => ({})).actOn(Add, ({ message }) => ({ sum: message.a + message.b }));
  `;
  const options = {
    strict: true,
    noEmit: true,
    module: "nodenext",
    target: "esnext",
    lib: ["esnext", "dom"],
    types: [],
    exactOptionalPropertyTypes: true,
  };

  async function compiled(program: string): Promise<Run> {
    write("messages.ts", messages);
    write("program.ts", program);
    write("tsconfig.json", JSON.stringify({ compilerOptions: { ...options, skipLibCheck: true }, files: ["program.ts"] }));
    return run([process.execPath, tsc, "-p", "tsconfig.json"]);
  }

  test("type a program from its message definitions", async () => {
    const result = await compiled(`
      import { connect, ActonError, type Client, type Push } from "acton/client";
      import { Add, Count, Sum, type calculator } from "./messages.js";
      const client: Client = await connect("/tmp/x.sock", { timeoutMs: 100 });
      const { sum } = await client.ask("calculator", Add, { a: 1, b: 2 });
      const exact: number = sum;
      for await (const { n } of client.stream("list", Count, { items: 1 })) { const item: number = n; void item; }
      const push: Push<{ sum: number }> | undefined = (await client.subscribe(Sum).next()).value;
      const ref = client.agent<typeof calculator>("calculator");
      const again: number = (await ref.ask(Add, { a: 1, b: 2 })).sum;
      const reply: unknown = await client.ask("calculator", "Add", { anything: 1 });
      if (reply instanceof ActonError) reply.code satisfies string;
      void [exact, push, again];
    `);
    expect(result).toEqual({ status: 0, output: "" });
  }, 30_000);

  test("let no wrong payload, reply or agent pass", async () => {
    const { status, output } = await compiled(`
      import { connect } from "acton/client";
      import { Add, Count, Sum, type calculator } from "./messages.js";
      const client = await connect("/tmp/x.sock");
      await client.ask("calculator", Add, { a: "1", b: 2 });
      await client.ask("calculator", Sum, { sum: 1 });
      const text: string = (await client.ask("calculator", Add, { a: 1, b: 2 })).sum;
      client.stream("list", Add, { a: 1, b: 2 });
      await client.agent<typeof calculator>("calculator").stream(Count, { items: 1 });
      const reply: { sum: number } = await client.ask("calculator", "Add", {});
    `);
    expect(status).not.toBe(0);
    const lines = [...output.matchAll(/^program\.ts\((\d+),/gm)].map(([, line]) => Number(line));
    expect([...new Set(lines)]).toEqual([5, 6, 7, 8, 9, 10]);
  }, 30_000);
});

describe("on Node", () => {
  const program = `
    import { connect, ActonError } from "acton/client";
    const [path, format] = process.argv.slice(2);
    const out = {};
    const codeOf = (call) => call.then(() => "none", (error) => (error instanceof ActonError ? error.code : String(error)));
    const client = await connect(path, { format });
    out.sum = await client.ask("echo", "Add", { a: 5, b: 3 });
    const value = { big: 2n ** 63n, exact: -9007199254740993n, float: 1e20, text: "ü\\u2028", list: [null, true, 0.5], long: "x".repeat(300000) };
    const echoed = await client.ask("echo", "Echo", value);
    out.same = Object.keys(value).every((key) => String(echoed[key]) === String(value[key]) && typeof echoed[key] === typeof value[key]);
    out.many = (await Promise.all(Array.from({ length: 500 }, (_, a) => client.ask("echo", "Add", { a, b: 1 })))).every(({ sum }, a) => sum === a + 1);
    await client.send("notes", "Note", { from: "node" });
    out.items = [];
    for await (const item of client.stream("streams", "Count", { items: 1000 })) if (out.items.push(item) === 200) break;
    out.items = out.items.length;
    const prices = client.subscribe("Pri*");
    await prices.ready;
    console.log("subscribed");
    out.push = (await prices.next()).value.payload;
    await prices.return();
    out.codes = [await codeOf(client.ask("nobody", "Add", {})), await codeOf(client.ask("holder", "Hold", null, { timeoutMs: 20 })), await codeOf(client.subscribe("Nope").next())];
    out.agents = (await client.discover()).agents.length;
    out.roundTrip = (await client.ping()) >= 0;
    const open = client.ask("holder", "Hold", null);
    client.close();
    out.closed = [await codeOf(open), await client.closed];
    console.log(JSON.stringify(out));
  `;

  test.each(["json", "msgpack"])(
    "the client does over %s all that it does on Bun, and lets the process end",
    async (format) => {
      await using server = await TestServer.start({ systemTime: true });
      const child = Bun.spawn(["node", write("run.mjs", program), server.path, format], { cwd: project, stdout: "pipe", stderr: "inherit" });
      let output = "";
      for await (const bytes of child.stdout) {
        output += Buffer.from(bytes).toString();
        if (output === "subscribed\n") server.runtime.broker().broadcast(Price, { symbol: "ACME", price: 99.5 });
      }
      await child.exited;
      expect(JSON.parse(output.split("\n")[1] ?? "")).toEqual({
        sum: { sum: 8 },
        same: true,
        many: true,
        items: 200,
        push: { symbol: "ACME", price: 99.5 },
        codes: ["ACTOR_NOT_FOUND", "TIMEOUT", "UNKNOWN_MESSAGE_TYPE"],
        agents: 5,
        roundTrip: true,
        closed: ["CONNECTION_CLOSED", null],
      });
      expect(server.seen.notes).toEqual([{ from: "node" }]);
      expect(child.exitCode).toBe(0);
    },
    30_000,
  );

  test("the client connects to nothing whose files belong to somebody else, and says what is missing", async () => {
    await using server = await TestServer.start({ systemTime: true });
    const script = write(
      "owners.mjs",
      `
        import { connect } from "acton/client";
        const [path] = process.argv.slice(2);
        const why = (options, at = path) => connect(at, options).then((client) => (client.close(), "connected"), (error) => error.code + ": " + error.message.replace(path, "PATH"));
        console.log(JSON.stringify([await why({}), await why({ serverUids: [4242] }), await why({}, path + ".none")]));
      `,
    );
    chmodSync(script, 0o600);
    const uid = process.geteuid?.() ?? 0;
    expect(JSON.parse(await succeed(["node", script, server.path]))).toEqual([
      "connected",
      `ACCESS_DENIED: the server at PATH belongs to user ${uid}, who is not trusted: nothing was sent`,
      "CONNECTION_CLOSED: cannot connect to PATH.none: no socket is there; is its server running?",
    ]);
    expect(server.listener.stats().connectionsAccepted).toBe(1);
  }, 30_000);

  test("the library defines messages and agents; only a runtime that listens needs Bun", async () => {
    const script = write(
      "library.mjs",
      `import { message, agent } from "acton"; import { z } from "zod"; console.log(message("T", { a: z.int() }).name, typeof agent);`,
    );
    expect(await succeed(["node", script])).toBe("T function");
  });

  test("the test kit takes an agent's place", async () => {
    const script = write(
      "probe.mjs",
      `import { ActonApp, message } from "acton"; import { probe } from "acton/testing";
const Note = message("Note", {}); const notes = probe("notes", [Note]);
const runtime = ActonApp.launch(); const handle = await runtime.start(notes.blueprint);
await handle.send(Note, {}); console.log((await notes.expectMessage(Note)).message); await runtime.shutdownAll();`,
    );
    expect(await succeed([process.execPath, script])).toBe("{}");
  });

  test("an error that the client throws is an instance of the library's ActonError", async () => {
    const script = write(
      "errors.mjs",
      `import { ActonError } from "acton"; import { connect } from "acton/client"; await connect("/nowhere.sock").catch((error) => console.log(error instanceof ActonError));`,
    );
    expect(await succeed(["node", script])).toBe("true");
    expect(await succeed([process.execPath, script])).toBe("true");
  });
});
