// Every command and program in README.md is run, in order, against servers on sockets of the test's own; what a comment
// says that it prints is what it prints.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "./cli/executable.ts";

const root = join(import.meta.dir, "..");
const readme = readFileSync(join(root, "README.md"), "utf8");
const defaultSocket = "/tmp/acton.sock";

interface Block {
  readonly language: string;
  readonly text: string;
}

const blocks: readonly Block[] = [...readme.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language = "", text = ""]) => ({ language, text }));

// Inside of the repository, so that "acton" and "zod" are found as in its own directory; dist/ is nobody's source.
const modules = mkdtempSync(join(root, "dist", ".readme-"));
const sockets = temporaryDirectory();
const servers: { readonly socket: string; readonly stop: () => Promise<void> }[] = [];

beforeAll(async () => {
  for (const { language, text } of blocks) if (language === "ts") await Bun.write(join(modules, nameOf(text)), text);
});

afterAll(async () => {
  for (const { stop } of servers) await stop();
  rmSync(modules, { recursive: true });
  sockets[Symbol.dispose]();
});

test("README.md says what it is in three sentences, and has blocks in these languages only", () => {
  const introduction = readme.split("\n\n")[1] ?? "";
  expect(introduction.match(/\.(?=\s|$)/g)).toHaveLength(3);
  expect([...new Set(blocks.map(({ language }) => language))].sort()).toEqual(["js", "python", "sh", "ts"]);
});

for (const [index, { language, text }] of blocks.entries()) {
  const title = `block ${index + 1} (${language}): ${text.split("\n")[0]}`;
  switch (language) {
    case "sh":
      test(title, () => runCommand(text), 60_000);
      break;
    case "python":
      test.skipIf(Bun.which("python3") === null)(title, () => runProgram(["python3", "-c", onSocket(text)], expected(text, "#")));
      break;
    case "js":
      test(title, () => runProgram(["node", "--input-type=module", "-e", onSocket(text)], expected(text, "//")));
      break;
    case "ts":
      test(title, () => {
        const output = expected(text, "//");
        return output.length === 0 ? isServed(nameOf(text)) : runModule(nameOf(text), output);
      });
      break;
  }
}

test("its TypeScript compiles", async () => {
  const config = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: { paths: { acton: [join(root, "src/index.ts")], "acton/client": [join(root, "src/client.ts")] } },
    include: ["*.ts"],
  };
  await Bun.write(join(modules, "tsconfig.json"), JSON.stringify(config));
  await runProgram([join(root, "node_modules/.bin/tsc"), "--noEmit", "-p", modules], []);
}, 60_000);

async function runCommand(text: string): Promise<void> {
  const [command = "", ...comments] = text.trim().split("\n");
  const words = command.split(" ");
  const scripts = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).scripts as Record<string, string>;
  if (command === "npm test") {
    // These tests are what it runs.
    expect(scripts["test"]).toMatch(/\bbun test$/);
    expect(readFileSync(join(root, ".ci/run"), "utf8")).toContain("npm test");
  } else if (command === "npm start") {
    await startServer(["npm", "start"]);
  } else if (words[0] === "dist/acton" && words[1] === "serve") {
    await startServer([join(root, "dist/acton"), "serve", join(modules, words[2] ?? "")]);
  } else {
    expect(words.slice(0, 2)).toEqual(["dist/acton", "call"]);
    await runProgram(
      words,
      comments.map((line) => line.replace(/^# /, "")),
    );
  }
}

/** Starts a server as a user would, but for the socket's path, which comes by the environment. Calls go to the latest. */
async function startServer(words: readonly string[]): Promise<void> {
  const socket = join(sockets.path, `${servers.length}.sock`);
  const child = Bun.spawn([...words], {
    cwd: root,
    env: { ...process.env, ACTON_SOCKET_PATH: socket },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    detached: true,
  });
  const stop = async (): Promise<void> => {
    // npm and what it started are one process group.
    if (child.exitCode === null) process.kill(-child.pid, "SIGTERM");
    await child.exited;
  };
  servers.push({ socket, stop });
  let log = "";
  for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
    log += chunk;
    if (log.includes('"listening"')) return;
  }
  throw new Error(`${words.join(" ")} ended before it served:\n${log}`);
}

/** As it stands, but for the socket's path. */
async function runModule(name: string, output: readonly string[]): Promise<void> {
  const path = join(modules, name);
  const text = await Bun.file(path).text();
  if (text.includes(defaultSocket)) await Bun.write(path, onSocket(text));
  await runProgram([process.execPath, path], output);
}

async function runProgram(words: readonly string[], output: readonly string[]): Promise<void> {
  const socket = servers.at(-1)?.socket ?? defaultSocket;
  const child = Bun.spawn([...words], {
    cwd: root,
    env: { ...process.env, ACTON_SOCKET_PATH: socket },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exitCode] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  expect({ stdout: stdout.split("\n").filter(Boolean), stderr: exitCode === 0 ? "" : stderr, exitCode }).toEqual({
    stdout: [...output],
    stderr: "",
    exitCode: 0,
  });
}

/** A module without output of its own is one that a later command serves. */
function isServed(name: string): void {
  expect(blocks.some(({ language, text }) => language === "sh" && text.trim() === `dist/acton serve ${name}`)).toBe(true);
}

function onSocket(text: string): string {
  expect(text).toContain(defaultSocket);
  return text.replaceAll(defaultSocket, servers.at(-1)?.socket ?? defaultSocket);
}

/** What the comments behind its print statements say. */
function expected(text: string, comment: string): string[] {
  const printed = text.split("\n").filter((line) => /\b(?:print|console\.log)\(/.test(line));
  return printed.map((line) => line.split(` ${comment} `)[1] ?? "");
}

/** The file name in a block's first line. */
function nameOf(text: string): string {
  return /^\/\/ ([\w-]+\.ts)\n/.exec(text)?.[1] ?? "nameless.ts";
}
