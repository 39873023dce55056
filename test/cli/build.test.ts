// What `acton build` makes, where nothing is installed, and what it says when it makes nothing.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { version } from "../../package.json";
import { eventually, eventuallyAsync } from "../support/conditions.ts";
import { executable, run, type RunOptions, type RunResult, type Server, serve, temporaryDirectory, timesVersion } from "./executable.ts";

const directory = temporaryDirectory();
afterAll(() => directory[Symbol.dispose]());
const at = (name: string): string => join(directory.path, name);
const clients = join(import.meta.dir, "../../examples/clients");

/** No program is found there, Bun and Node included. */
const nothingInstalled = { PATH: "/nonexistent" };

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(at(name)), { recursive: true });
    writeFileSync(at(name), text);
  }
}

function build(module: string, output: string, words: readonly string[] = [], options: RunOptions = {}): Promise<RunResult> {
  return run(["build", module, "-o", output, ...words], { cwd: directory.path, env: nothingInstalled, ...options });
}

function hashOf(file: string): string {
  return new Bun.CryptoHasher("sha256").update(readFileSync(file)).digest("hex");
}

const application = `
import { agent, app, message } from "acton";
import { z } from "zod";
import { string } from "zod/v4";
import { rate, where } from "tax";
import { currency } from "./prices.json";
if (import.meta.main) throw new Error("not the main module");

const Total = message("Total", { gross: z.number(), currency: z.string() });
const Quote = message("Quote", { net: z.number() }).replies(Total);
const Facts = message("Facts", { where: z.string(), here: z.string(), mode: z.string(), oneZod: z.boolean() });
const Ask = message("Ask", {}).replies(Facts);
const till = agent("till", () => ({}))
  .actOn(Quote, ({ message }) => ({ gross: message.net * rate, currency }))
  .actOn(Ask, () => ({ where, here: import.meta.dir, mode: String(process.env.NODE_ENV), oneZod: string() instanceof z.ZodString }));

const Thread = message("Thread", { main: z.boolean(), name: z.string() });
const WhichThread = message("WhichThread", {}).replies(Thread);
const far = agent("far", () => ({})).actOn(WhichThread, ({ self }) => ({ main: Bun.isMainThread, name: self.name })).runOn("worker");

export default app({ name: "shop", version: "1.2.3", agents: [till, far] });
`;

const source = {
  "app.ts": application,
  "prices.json": '{ "currency": "EUR" }\n',
  "node_modules/tax/package.json": '{ "name": "tax", "main": "index.js" }\n',
  "node_modules/tax/index.js": "exports.rate = 2; exports.where = __dirname + __filename;\n",
  // What is installed under our names gives way.
  "node_modules/zod/package.json": '{ "name": "zod", "main": "index.js" }\n',
  "node_modules/zod/index.js": 'throw new Error("another zod");\n',
  "node_modules/acton/package.json": '{ "name": "acton", "main": "index.js" }\n',
  "node_modules/acton/index.js": 'throw new Error("another acton");\n',
};

/** What would be run, or read, by a program that trusts the directory that it is started in. */
const traps = {
  "bunfig.toml": 'preload = ["./trap.ts"]\n[test]\npreload = ["./trap.ts"]\n',
  "trap.ts": 'throw new Error("the current directory was trusted");\n',
  ".env": "ACTON_SOCKET_PATH=/trap.sock\nACTON_MAX_CONNECTIONS=1\nBUN_OPTIONS=--preload=./trap.ts\n",
  "acton.toml": 'socket_path = "/trap.sock"\n',
  "package.json": '{ "name": "acton", "main": "trap.ts", "imports": { "#x": "./trap.ts" } }\n',
  "tsconfig.json": '{ "compilerOptions": { "paths": { "*": ["./trap.ts"] } } }\n',
  "node_modules/acton/index.js": "throw new Error();\n",
  "node_modules/zod/index.js": "throw new Error();\n",
};

const shop = at("shop");

beforeAll(async () => {
  write(Object.fromEntries(Object.entries(source).map(([name, text]) => [`source/${name}`, text])));
  write(Object.fromEntries(Object.entries(traps).map(([name, text]) => [`hostile/${name}`, text])));
  mkdirSync(at("empty"));
  const made = await build("source/app.ts", "shop");
  if (made.exitCode !== 0) throw new Error(made.stderr);
}, 30_000);

describe("what acton build makes", () => {
  let server: Server;
  beforeAll(async () => {
    server = await serve(at("shop.sock"), [], { program: shop, cwd: at("empty"), env: nothingInstalled });
  });
  afterAll(() => server[Symbol.asyncDispose]());
  const ofShop = (words: readonly string[], options: RunOptions = {}): Promise<RunResult> =>
    run(words, { program: shop, cwd: at("empty"), env: nothingInstalled, ...options });

  test("is one executable file, about as large as acton", () => {
    expect(statSync(shop).mode & 0o7777).toBe(0o755);
    expect(statSync(shop).size).toBeLessThan(statSync(executable).size * 1.05);
    expect(readdirSync(at("source")).sort()).toEqual(["app.ts", "node_modules", "prices.json"]);
    expect(readdirSync(directory.path).filter((name) => name.startsWith(".acton"))).toEqual([]);
  });

  test("answers a client in Python, and itself", async () => {
    const program = `
import sys
sys.path.insert(0, sys.argv[1])
from python_client import ActonClient
with ActonClient(sys.argv[2]) as client:
    print(client.ask("till", "Quote", {"net": 21})["gross"])`;
    const python = Bun.spawnSync(["python3", "-B", "-c", program, clients, server.socket]);
    expect({ stdout: python.stdout.toString(), stderr: python.stderr.toString() }).toEqual({ stdout: "42\n", stderr: "" });
    expect(await ofShop(["call", "till", "Quote", "net=21", "--socket", server.socket])).toEqual({
      exitCode: 0,
      stdout: '{"gross":42,"currency":"EUR"}\n',
      stderr: "",
    });
    expect((await ofShop(["call", "till", "Quote", "net=x", "--socket", server.socket])).exitCode).toBe(2);
  });

  test("runs agents on threads of its own", async () => {
    expect((await ofShop(["call", "far", "WhichThread", "--socket", server.socket])).stdout).toBe('{"main":false,"name":"far"}\n');
  });

  test("knows nothing of the directories and the environment that it was made in", async () => {
    const facts = JSON.parse((await ofShop(["call", "till", "Ask", "--socket", server.socket])).stdout);
    expect(facts).toEqual({ where: "/$bunfs/root/$bunfs/root/module", here: "/$bunfs/root", mode: "production", oneZod: true });
    expect(readFileSync(shop).includes(directory.path)).toBe(false);
  });

  test("describes its application, with commands to try that it has", async () => {
    const described = JSON.parse((await ofShop(["describe", "Quote", "--socket", server.socket])).stdout);
    expect(described).toMatchObject({ handled_by: ["till"], command: `shop call till Quote net=1 --socket ${server.socket}` });
    const discovered = JSON.parse((await ofShop(["discover", "--socket", server.socket])).stdout);
    expect(discovered).toMatchObject({ application: { name: "shop", version: "1.2.3" }, product: { name: "acton", version } });
  });

  test("says what it is, and calls itself as its file is called", async () => {
    expect((await ofShop(["version"])).stdout).toBe(`shop 1.2.3 (acton ${version}, Bun ${Bun.version}, ${process.platform}-${process.arch})\n`);
    expect(JSON.parse((await ofShop(["version", "--json"])).stdout)).toMatchObject({ name: "shop", version: "1.2.3", acton: version });
    expect((await ofShop(["--version"])).stdout).toBe("shop 1.2.3\n");
    symlinkSync(shop, at("linked"));
    cpSync(shop, at("till"));
    expect(await run([], { program: at("till") })).toEqual({ exitCode: 2, stdout: "", stderr: "till: which command? See 'till --help'\n" });
    expect((await run(["serve", "x"], { program: at("till") })).stderr).toBe(
      "till: too many arguments for 'serve'. Expected 0 arguments but got 1: x. See 'till serve --help'\n",
    );
    for (const words of [
      ["help"],
      ...["serve", "call", "send", "stream", "subscribe", "discover", "describe", "version"].map((name) => [name, "--help"]),
    ]) {
      const { stdout, exitCode } = await run(words, { program: at("till") });
      expect({ words, exitCode, starts: stdout.startsWith("Usage: till ") }).toEqual({ words, exitCode: 0, starts: true });
      expect(stdout).not.toMatch(/\bacton [a-z]/);
    }
    rmSync(at("till"));
  }, 30_000);

  test("starts about as fast as acton", async () => {
    const [versions = 9, called = 9] = await timesVersion([["version"], ["call", "till", "Quote", '{"net":1}', "--socket", server.socket]], shop);
    expect(versions).toBeLessThan(1.5);
    expect(called).toBeLessThan(3);
  }, 60_000);

  test("runs nothing from a hostile current directory, and reads nothing there", async () => {
    const options = { cwd: at("hostile") };
    expect(await ofShop(["version"], options)).toEqual(await ofShop(["version"]));
    const configured = await ofShop(["serve", "--print-config"], options);
    expect(configured).toEqual(await ofShop(["serve", "--print-config"]));
    expect(configured).toMatchObject({ exitCode: 0, stderr: "", stdout: expect.not.stringContaining("trap") });
    await using hostile = await serve(at("hostile.sock"), [], { program: shop, env: nothingInstalled, ...options });
    expect((await ofShop(["call", "till", "Quote", "net=1", "--socket", hostile.socket], options)).stdout).toBe('{"gross":2,"currency":"EUR"}\n');
  });
});

test("the same sources are the same bytes, whatever the directories, the output's name and the environment", async () => {
  cpSync(at("source"), at("elsewhere/deeper/source"), { recursive: true });
  const module = at("elsewhere/deeper/source/app.ts");
  const again = await build(module, at("elsewhere/release"), [], { cwd: at("hostile"), env: { ...nothingInstalled, NODE_ENV: "development" } });
  expect(again.exitCode).toBe(0);
  expect(hashOf(at("elsewhere/release"))).toBe(hashOf(shop));
  rmSync(at("elsewhere"), { recursive: true });
}, 30_000);

test("--name and --version stand for the application's own, and a socket that it has configured is found", async () => {
  const config = `{ name: "quiet", config: { socketPath: ${JSON.stringify(at("own.sock"))} }, setup() { throw new Error("no till"); } }`;
  write({ "quiet.ts": `import { app } from "acton";\nexport default app(\n  ${config},\n);\n` });
  const made = await build("quiet.ts", "renamed", ["--name", "loud", "--version", "7.0.0"]);
  expect(made).toMatchObject({ exitCode: 0, stdout: "", stderr: expect.stringMatching(/^renamed: loud 7\.0\.0, \d+\.\d MiB\n$/) });
  const renamed = (words: readonly string[]): Promise<RunResult> => run(words, { program: at("renamed"), cwd: at("empty") });
  expect((await renamed(["--version"])).stdout).toBe("loud 7.0.0\n");
  const noSocket = (path: string) => ({ exitCode: 7, stderr: expect.stringContaining(`cannot connect to ${path}: `) });
  expect(await renamed(["discover"])).toMatchObject(noSocket(at("own.sock")));
  write({ "acton.toml": `socket_path = ${JSON.stringify(at("file.sock"))}\n` });
  expect(await renamed(["discover"])).toMatchObject(noSocket(at("file.sock")));
  expect(JSON.parse((await renamed(["serve", "--print-config"])).stdout)).toMatchObject({
    socket_path: { value: at("file.sock"), origin: expect.stringContaining("acton.toml") },
  });
  rmSync(at("acton.toml"));
  // What the module throws is found in its source.
  expect(await renamed(["serve"])).toMatchObject({
    exitCode: 8,
    stderr: expect.stringContaining("renamed: quiet.ts:3: the module threw Error: no till\n"),
  });
}, 30_000);

describe("acton build says in one line what is wrong", () => {
  const appOf = (line: string): string => `import { app } from "acton";\n${line}\nexport default app({});\n`;
  const wrong: readonly (readonly [what: string, words: readonly string[], exitCode: number, says: string])[] = [
    ["no output", ["source/app.ts"], 2, "required option '-o, --output <file>' not specified"],
    ["no module", ["absent.ts", "-o", "x"], 8, "cannot find the module absent.ts: there is no such file"],
    [
      "an output that is a directory",
      ["source/app.ts", "-o", "empty"],
      2,
      "cannot write empty: it is a directory; name a file in it, such as empty/app",
    ],
    ["an output that would be one", ["source/app.ts", "-o", "new/"], 2, "cannot write new/: it names a directory, and must name a file"],
    ["an output in no directory", ["source/app.ts", "-o", "new/x"], 2, `cannot write ${at("new/x")}: there is no such directory`],
    ["an output that is the module", ["source/app.ts", "-o", "source/../source/app.ts"], 2, "it is the module itself"],
    ["an output that is no file", ["source/app.ts", "-o", "/dev/null"], 2, "cannot write /dev/null: it is not a file"],
    ["an empty name", ["source/app.ts", "-o", "x", "--name", ""], 2, "--name needs a text"],
    ["a platform that there is not", ["source/app.ts", "-o", "x", "--target", "vax"], 2, "argument 'vax' is invalid. Allowed choices are linux-x64"],
    ["a runtime that is none", ["source/app.ts", "-o", "x", "--runtime", "/bin/sh"], 2, `/bin/sh is not an executable of Bun ${Bun.version}`],
    ["a syntax error", ["wrong/syntax.ts", "-o", "x"], 8, "wrong/syntax.ts:2: Unexpected ;"],
    ["a syntax error in what is imported later", ["wrong/late-syntax.ts", "-o", "x"], 8, "wrong/syntax.ts:2: Unexpected ;"],
    [
      "a package that is not installed",
      ["wrong/package.ts", "-o", "x"],
      8,
      'imports "tea/leaves", which is not installed beside it: npm install tea',
    ],
    [
      "one that is imported later",
      ["wrong/late-package.ts", "-o", "x"],
      8,
      'wrong/late-package.ts:2 imports "tea", which is not installed beside it',
    ],
    ["a file that is not there", ["wrong/late-file.ts", "-o", "x"], 8, 'wrong/late-file.ts:2 imports "./absent.ts": there is no such file'],
    ["a module that throws", ["wrong/throws.ts", "-o", "x"], 8, "wrong/throws.ts:2: the module threw Error: no database"],
    ["no default export", ["wrong/none.ts", "-o", "x"], 8, "wrong/none.ts has no default export: it needs 'export default app({ … })'"],
    ["another default export", ["wrong/other.ts", "-o", "x"], 8, "wrong/other.ts has a default export that is not an application"],
    ["a native addon", ["wrong/addon.ts", "-o", "x"], 8, 'the package "addon" is a native addon; the acton executable does not load them'],
  ];
  beforeAll(() =>
    write({
      "wrong/syntax.ts": appOf("const x = ;"),
      "wrong/late-syntax.ts": appOf('export const late = () => import("./syntax.ts");'),
      "wrong/package.ts": appOf('import "tea/leaves";'),
      "wrong/late-package.ts": appOf('export const late = () => import("tea");'),
      "wrong/late-file.ts": appOf('export const late = () => import("./absent.ts");'),
      "wrong/throws.ts": appOf('throw new Error("no database");'),
      "wrong/none.ts": "export const a = 1;\n",
      "wrong/other.ts": "export default 5;\n",
      "wrong/addon.ts": appOf('import "addon";'),
      "wrong/node_modules/addon/index.js": 'module.exports = require("./addon.node");\n',
      "wrong/node_modules/addon/addon.node": "",
    }),
  );

  test.each(wrong)("%s", async (_, words, exitCode, says) => {
    const result = await run(["build", ...words], { cwd: directory.path, env: nothingInstalled });
    expect(result).toEqual({ exitCode, stdout: "", stderr: expect.stringMatching(/^acton: [^\n]*\n$/) });
    expect(result.stderr).toContain(says);
    expect(readdirSync(directory.path).filter((name) => name === "x" || name.startsWith(".acton"))).toEqual([]);
  });

  test("a platform whose runtime is not here and cannot be had", async () => {
    const offline = { ...nothingInstalled, HOME: at("home"), HTTPS_PROXY: "http://127.0.0.1:1", https_proxy: "http://127.0.0.1:1" };
    const { exitCode, stderr } = await build("source/app.ts", "x", ["--target", "linux-arm64-musl"], { env: offline });
    expect({ exitCode, lines: stderr.split("\n").length }).toEqual({ exitCode: 8, lines: 2 });
    expect(stderr).toStartWith("acton: cannot get the runtime for linux-arm64-musl: ");
    expect(stderr).toEndWith("build once where the npm registry can be reached, or name that platform's Bun with --runtime\n");
  });

  test("a runtime for another platform than the one that is meant", async () => {
    const { exitCode, stderr } = await build("source/app.ts", "x", ["--target", "linux-arm64", "--runtime", executable]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: `acton: the runtime ${executable} is for x64, and not for arm64: see --target\n` });
  });
});

test("--runtime makes it of another executable of the same Bun", async () => {
  expect((await build("source/app.ts", "of-runtime", ["--runtime", executable])).exitCode).toBe(0);
  expect((await run(["--version"], { program: at("of-runtime"), env: nothingInstalled })).stdout).toBe("shop 1.2.3\n");
}, 30_000);

test("a package that tries a native addon and does without it is built in", async () => {
  write({
    "optional/app.ts": `import { app } from "acton";\nimport { how } from "fast";\nexport default app({ version: how });\n`,
    "optional/node_modules/fast/index.js": 'try { require("./fast.node"); } catch (thrown) { exports.how = thrown.code; }\n',
    "optional/node_modules/fast/fast.node": "",
  });
  expect((await build("optional/app.ts", "optional/app")).exitCode).toBe(0);
  expect((await run(["--version"], { program: at("optional/app") })).stdout).toBe("application ERR_DLOPEN_DISABLED\n");
}, 30_000);

test("a build that fails leaves what was there; one that a signal ends, too, and nothing beside it", async () => {
  write({ "kept/app": "the old one\n" });
  chmodSync(at("kept/app"), 0o700);
  expect((await build("wrong/late-file.ts", "kept/app")).exitCode).toBe(8);
  const child = Bun.spawn([executable, "build", "source/app.ts", "-o", "kept/app"], { cwd: directory.path, stdio: ["ignore", "ignore", "ignore"] });
  await eventually(() => readdirSync(at("kept")).length === 2);
  child.kill("SIGTERM");
  await child.exited;
  expect(child.signalCode).toBe("SIGTERM");
  expect(readdirSync(at("kept"))).toEqual(["app"]);
  expect(readFileSync(at("kept/app"), "utf8")).toBe("the old one\n");
  expect(readdirSync(at("source")).sort()).toEqual(["app.ts", "node_modules", "prices.json"]);
}, 30_000);

test("what a kill leaves of a build goes with the next one into that directory, and what still runs is let alone", async () => {
  mkdirSync(at("killed"));
  write({ "killed-source/app.ts": 'import { app } from "acton";\nexport const late = () => import("./absent.ts");\nexport default app({});\n' });
  const lock = () => readdirSync(at("killed")).flatMap((name) => readdirSync(join(at("killed"), name)));
  const child = Bun.spawn([executable, "build", "source/app.ts", "-o", "killed/app"], { cwd: directory.path, stdio: ["ignore", "ignore", "ignore"] });
  await eventuallyAsync(() => lock().includes("lock"));
  child.kill("SIGSTOP");
  expect((await build("killed-source/app.ts", "killed/app")).exitCode).toBe(8);
  expect(readdirSync(at("killed"))).toHaveLength(1);
  child.kill("SIGKILL");
  await child.exited;
  expect(readdirSync(at("killed"))).toHaveLength(1);
  expect((await build("killed-source/app.ts", "killed/app")).exitCode).toBe(8);
  expect(readdirSync(at("killed"))).toEqual([]);
}, 30_000);
