// S3: the executable in a directory whose owner wants it to run their code. Nothing there is run, and the kernel is asked
// for none of those files.

import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { executable, temporaryDirectory } from "../cli/executable.ts";
import { request } from "../support/test-server.ts";
import type { SoakCheck } from "./check.ts";
import { within } from "./parts/measures.ts";
import { Served } from "./parts/served.ts";

/** What a runtime, a loader or a package may look for, in the current directory or beside the executable. */
const bait = [
  "bunfig.toml",
  ".env",
  ".env.local",
  ".env.production",
  "acton.toml",
  "libc.so.6",
  "libc.so",
  "prebuilds/linux-x64/node.napi.node",
  "prebuilds/linux-x64/node.napi.glibc.node",
  "build/Release/extract.node",
  "node_modules/msgpackr-extract/index.js",
  "node_modules/zod/index.js",
  "node_modules/acton/index.js",
];

export interface Baited {
  /** Evidence that code of theirs has run. */
  readonly executions: number;
  /** Files of theirs, and of the machine on which the executable was built, that were opened. */
  readonly opened: readonly string[];
  /** How many openings were looked at: 0 without strace. */
  readonly looked: number;
}

export async function baited(): Promise<Baited> {
  using directory = temporaryDirectory();
  const at = (name: string): string => join(directory.path, name);
  const evidence = at("evidence");
  mkdirSync(at("cwd"));
  mkdirSync(at("bin"));
  for (const place of ["cwd", "bin"]) lay(at(place), evidence);
  const own = at("bin/acton");
  copyFileSync(executable, own);
  const trace = at("trace");
  const traced = Bun.which("strace") !== null;
  const under = traced ? ["strace", "-D", "-f", "-q", "-e", "trace=open,openat,execve", "-o", trace] : [];
  const env = { PATH: "/usr/bin:/bin", HOME: at("cwd") };
  for (const words of [
    ["version"],
    ["--help"],
    ["serve", "--print-config"],
    ["call", "plain", "Echo", "1", "--socket", at("none.sock"), "--msgpack"],
  ]) {
    await Bun.spawn([...under.map((word) => (word === trace ? `${trace}.${words[0]}` : word)), own, ...words], {
      cwd: at("cwd"),
      env,
      stdio: ["ignore", "ignore", "ignore"],
    }).exited;
  }
  {
    await using server = await Served.start({ executable: own, cwd: at("cwd"), under }, at("s.sock"));
    await using client = await server.connect();
    await client.ask(request("plain", "Echo", 1));
    client.sendPacked({ ping: true });
    await client.ask(request("plain", "Echo", 1));
    await using other = await server.connect();
    other.sendPacked(request("plain", "Echo", { a: [1] }));
    await other.next();
    await server.stop();
  }
  const traces = traced ? [trace, ...["version", "--help", "serve", "call"].map((word) => `${trace}.${word}`)] : [];
  const lines: string[] = [];
  for (const file of traces) lines.push(...(await tracedLines(file)));
  const opened = lines.filter((line) => isBait(line, directory.path));
  return { executions: existsSync(evidence) ? readFileSync(evidence, "utf8").split("\n").length - 1 : 0, opened, looked: lines.length };
}

function lay(place: string, evidence: string): void {
  const evil = `require("fs").appendFileSync(${JSON.stringify(evidence)}, "ran\\n");`;
  const texts: Readonly<Record<string, string>> = {
    "bunfig.toml": 'preload = ["./evil.js"]\n[run]\npreload = ["./evil.js"]\n[test]\npreload = ["./evil.js"]\n',
    ".env": "ACTON_LOG_LEVEL=nonsense\nBUN_OPTIONS=--preload=./evil.js\n",
  };
  for (const name of [...bait, "evil.js"]) {
    mkdirSync(dirname(join(place, name)), { recursive: true });
    writeFileSync(join(place, name), texts[name] ?? evil);
  }
}

// The tracer writes its last line after the process has ended.
async function tracedLines(file: string): Promise<readonly string[]> {
  const text = (): string => (existsSync(file) ? readFileSync(file, "latin1") : "");
  if (!(await within(5000, () => /\+\+\+ (?:exited|killed)/.test(text())))) throw new Error(`the trace ${file} is not whole`);
  return text()
    .split("\n")
    .filter((line) => line.includes("open"));
}

// The path as it was asked for: below the directory, or relative, which is the directory.
function isBait(line: string, directory: string): boolean {
  const path = /"([^"]*)"/.exec(line)?.[1] ?? "";
  const named = bait.some((name) => path === name || path === `./${name}` || (path.startsWith(directory) && path.endsWith(`/${name}`)));
  return named || /\bextract\.node\b|msgpackr-extract/.test(path);
}

export const checks: readonly SoakCheck[] = [
  {
    id: "S3",
    title:
      "Hostile directory: `bunfig.toml`, `.env`, `acton.toml`, a look-alike of libc, `prebuilds/` and `node_modules/`, as current directory and beside the executable (`BUN_OPTIONS` is trusted)",
    pass: "nothing of it is run, and the kernel is asked for none of it",
    async run() {
      const seen = await baited();
      const figure = `${seen.executions} executions, ${seen.opened.length} of ${seen.looked} files opened (0 where there is no strace)`;
      for (const line of seen.opened) console.error(line);
      return { figure, passed: seen.executions === 0 && seen.looked > 0 && seen.opened.length === 0 };
    },
  },
];
