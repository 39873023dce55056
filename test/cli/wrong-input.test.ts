import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run, serve, temporaryDirectory } from "./executable.ts";

const directory = temporaryDirectory();
afterAll(() => directory[Symbol.dispose]());
const at = (name: string): string => join(directory.path, name);

/** Runs in the test's directory; what came out must be one line and nothing else. */
async function oneLine(words: readonly string[], env: Record<string, string> = {}): Promise<{ line: string; exitCode: number }> {
  const { stdout, stderr, exitCode } = await run(words, { cwd: directory.path, env });
  expect(stdout).toBe("");
  expect(stderr).toMatch(/^acton: [^\n]+\n$/);
  return { line: stderr.slice("acton: ".length, -1), exitCode };
}

describe("a command line that makes no sense exits with 2 and says what would", () => {
  test.each<[string[], string]>([
    [[], "which command? See 'acton --help'"],
    [["sreve"], "unknown command 'sreve', did you mean serve? See 'acton --help'"],
    [["serve", "--sockt", "x"], "unknown option '--sockt', did you mean --socket? See 'acton serve --help'"],
    [["serve", "--socket"], "option '--socket <path>' argument missing. See 'acton serve --help'"],
    [
      ["serve", "--log-level", "loud"],
      "option '--log-level <level>' argument 'loud' is invalid. Allowed choices are debug, info, warn, error, off. See 'acton serve --help'",
    ],
    [["serve", "--app", "../x"], "--app \"../x\" is not a name: up to 64 letters, digits, '.', '_' and '-', not beginning with '.' or '-'"],
    [["serve", "--app", "a", "--socket", "b"], "--socket and --app name two sockets: give one of them"],
    [["serve", "a.ts", "b.ts"], "too many arguments for 'serve'. Expected 1 argument but got 2: a.ts, b.ts. See 'acton serve --help'"],
    [["call", "calculator"], "missing required argument 'type'. See 'acton call --help'"],
    [
      ["call", "a", "T", "--timeout", "soon"],
      "option '--timeout <ms>' argument 'soon' is invalid. It must be a whole number of milliseconds. See 'acton call --help'",
    ],
    [["call", "a", "T", "x=1", "y"], '"y" is not key=value; quote a whole JSON payload as one word'],
    [["bench", "--push", "T", "--rate", "1"], "--push sends nothing: it goes without --rate and --stream"],
    [
      ["bench", "--dialect", "latin"],
      "option '--dialect <dialect>' argument 'latin' is invalid. Allowed choices are bare, acton. See 'acton bench --help'",
    ],
    [
      ["stream", "a", "T", "--count", "0"],
      "option '--count <n>' argument '0' is invalid. It must be a whole number from 1. See 'acton stream --help'",
    ],
    [["subscribe"], "missing required argument 'type'. See 'acton subscribe --help'"],
    [
      ["completions", "tcsh"],
      "command-argument value 'tcsh' is invalid for argument 'shell'. Allowed choices are bash, zsh, fish. See 'acton completions --help'",
    ],
    [["descrieb", "x"], "unknown command 'descrieb', did you mean describe? See 'acton --help'"],
    [["call", "a", "T", "{x: 1}"], "the payload \"{x: 1}\" is neither key=value nor JSON: Expected '}'"],
    [["call", "a", "T", "@none.json"], "cannot read none.json: there is no such file"],
    [["call", "a", "T", "@."], "cannot read .: it is a directory"],
  ])("%j", async (words, line) => {
    expect(await oneLine(words)).toEqual({ line, exitCode: 2 });
  });
});

describe("a module that cannot be served exits with 8, one line, and file and line where there are any", () => {
  const modules: [string, string, string][] = [
    ["syntax.ts", "const x = ;", "syntax.ts:1: Unexpected ;"],
    ["throws.ts", '\n\nthrow new RangeError("out of\\nluck");', "throws.ts:3: the module threw RangeError: out of luck"],
    ["string.ts", 'throw "luck";', 'string.ts: the module threw "luck"'],
    ["empty.ts", "export {};", "empty.ts has no default export: it needs 'export default app({ … })', with app from \"acton\""],
    [
      "number.ts",
      "export default 5;",
      "number.ts has a default export that is not an application: it needs 'export default app({ … })', with app from \"acton\"",
    ],
    [
      "package.ts",
      'import x from "@some/package/part"; export default x;',
      'package.ts imports "@some/package/part", which is not installed beside it: npm install @some/package',
    ],
    ["file.ts", 'import x from "./nothing.ts"; export default x;', 'file.ts imports "./nothing.ts": there is no such file'],
    ["name.ts", 'import { ap } from "acton"; export default ap;', "name.ts: Export named 'ap' not found in module 'acton'."],
    [
      "setup.ts",
      'import { app } from "acton"; export default app({ setup() { throw new Error("no database"); } });',
      "setup.ts:1: the module threw Error: no database",
    ],
    ["twice.ts", 'import { agent, app } from "acton"; const a = agent("a", () => 0); export default app({ agents: [a, a] });', "a"],
  ];

  test.each(modules)("%s", async (name, text, message) => {
    writeFileSync(at(name), text);
    const { line, exitCode } = await oneLine(["serve", name, "--socket", at("m.sock")]);
    expect(line).toContain(message);
    expect(exitCode).toBe(8);
  });

  test("a missing one", async () => {
    expect(await oneLine(["serve", "none.ts"])).toEqual({ line: "cannot find the module none.ts: there is no such file", exitCode: 8 });
  });

  test("one that needs a native addon", async () => {
    mkdirSync(at("node_modules/native-thing"), { recursive: true });
    writeFileSync(at("node_modules/native-thing/package.json"), '{"name":"native-thing","main":"main.js"}');
    writeFileSync(at("node_modules/native-thing/main.js"), 'module.exports = require("./addon.node");');
    writeFileSync(at("node_modules/native-thing/addon.node"), "not even one");
    writeFileSync(at("native.ts"), 'import x from "native-thing"; export default x;');
    expect(await oneLine(["serve", "native.ts"])).toEqual({
      line: 'the package "native-thing" is a native addon; the acton executable does not load them',
      exitCode: 8,
    });
  });

  test("an error inside is traced to the user's own line with --debug", async () => {
    writeFileSync(
      at("deep.ts"),
      'import { app } from "acton";\n\nfunction connect(): void {\n  throw new Error("no database");\n}\n\nexport default app({ setup: connect });\n',
    );
    const { stderr, exitCode } = await run(["serve", "deep.ts", "--socket", at("m.sock"), "--debug"], { cwd: directory.path });
    expect(exitCode).toBe(8);
    expect(stderr).toContain("deep.ts:4");
  });
});

describe("a path that cannot be served exits with 8", () => {
  test("when another server has it, who is named and not disturbed", async () => {
    await using server = await serve(at("taken.sock"));
    const { line, exitCode } = await oneLine(["serve", "--socket", server.socket]);
    expect(line).toBe(`${server.socket} is served by process ${server.pid}: stop it, or choose another path`);
    expect(exitCode).toBe(8);
    expect((await run(["call", "health", "HealthCheck", "--socket", server.socket])).stdout).toBe('{"status":"ok"}\n');
  });

  test("when it is too long", async () => {
    const path = `/tmp/${"x".repeat(120)}.sock`;
    const { line, exitCode } = await oneLine(["serve", "--socket", path]);
    expect(line).toContain("130 bytes");
    expect(exitCode).toBe(8);
  });

  test("when something else than a socket is there, which stays", async () => {
    writeFileSync(at("letter"), "dear reader");
    const { line, exitCode } = await oneLine(["serve", "--socket", at("letter")]);
    expect(line).toContain(at("letter"));
    expect(exitCode).toBe(8);
    expect(await Bun.file(at("letter")).text()).toBe("dear reader");
  });
});

describe("configuration that cannot be used exits with 8 and names its place", () => {
  test.each<[string, string, string]>([
    ["a key that nobody knows", "\nmax_conections = 5\n", ":2: unknown key 'max_conections', did you mean 'max_connections'?"],
    ["a value out of range", "max_connections = 0\n", ":1: max_connections must be a whole number from 1 to 1000000 (connections), not 0"],
    ["a syntax error", "max_connections = \n", ":1: "],
  ])("%s", async (_what, text, message) => {
    writeFileSync(at("bad.toml"), text);
    const { line, exitCode } = await oneLine(["serve", "--config", "bad.toml"]);
    expect(line).toStartWith(`${at("bad.toml")}${message}`);
    expect(exitCode).toBe(8);
  });

  test("a file that cannot be read", async () => {
    expect(await oneLine(["serve", "--config", "none.toml"])).toEqual({ line: `cannot read ${at("none.toml")}: there is no such file`, exitCode: 8 });
    expect(await oneLine(["serve", "--config", "."])).toEqual({ line: `cannot read ${directory.path}: it is a directory`, exitCode: 8 });
  });

  test("an environment variable of ours that nobody knows", async () => {
    const { line, exitCode } = await oneLine(["serve"], { ACTON_SOKET_PATH: "/tmp/x.sock" });
    expect(line).toBe("unknown variable 'ACTON_SOKET_PATH', did you mean 'ACTON_SOCKET_PATH'?");
    expect(exitCode).toBe(8);
  });

  test("more connections than the process may open files", async () => {
    const { line, exitCode } = await oneLine(["serve", "--socket", at("m.sock")], { ACTON_MAX_CONNECTIONS: "900000" });
    expect(line).toContain("900000");
    expect(exitCode).toBe(8);
  });
});

describe("a call that reaches nobody exits with 7", () => {
  test.each([
    ["no socket", "/nonexistent/x.sock", "cannot connect to /nonexistent/x.sock: no socket is there; is its server running?"],
    ["a file", "/etc/hostname", "cannot connect to /etc/hostname: no server listens there; is it running?"],
    ["a path too long", `/tmp/${"x".repeat(120)}`, `cannot connect to /tmp/${"x".repeat(120)}: the path has 125 bytes, at most 103 are possible`],
  ])("%s", async (_what, socket, line) => {
    expect(await oneLine(["call", "a", "T", "--socket", socket])).toEqual({ line, exitCode: 7 });
  });
});
