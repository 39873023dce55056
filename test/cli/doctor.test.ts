import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { executable, run, serve, temporaryDirectory } from "./executable.ts";
import { start } from "./executable-lines.ts";

const directory = temporaryDirectory();
afterAll(() => directory[Symbol.dispose]());
const at = (name: string): string => join(directory.path, name);

interface Check {
  readonly check: string;
  readonly verdict: "ok" | "warning" | "bad";
  readonly finding: string;
  readonly advice?: string;
}

async function examined(
  socket: string,
  ...words: string[]
): Promise<{ readonly exitCode: number; readonly checks: readonly Check[]; readonly last: Check; readonly stderr: string }> {
  const { stdout, exitCode, stderr } = await run(["doctor", "--socket", socket, "--timeout", "200", ...words]);
  const checks = stdout
    .trimEnd()
    .split("\n")
    .map((line): Check => JSON.parse(line));
  return { exitCode, checks, last: checks.at(-1) as Check, stderr };
}

test("a server that is well passes every check, and the status is 0", async () => {
  await using server = await serve(at("well.sock"));
  const { exitCode, checks, stderr } = await examined(server.socket);
  expect({ exitCode, stderr, bad: checks.filter(({ verdict }) => verdict !== "ok") }).toEqual({ exitCode: 0, stderr: "", bad: [] });
  expect(checks.map(({ check }) => check)).toEqual([
    "path",
    "directory",
    "socket",
    "permissions",
    "lock",
    "connection",
    "user",
    "answer",
    "version",
    "state",
  ]);
  expect(checks.find(({ check }) => check === "lock")?.finding).toContain(`process ${server.pid} (`);
});

test("a path where nothing is says how to start a server", async () => {
  const { exitCode, last, stderr } = await examined(at("nothing.sock"));
  expect({ exitCode, last }).toMatchObject({
    exitCode: 7,
    last: { check: "socket", verdict: "bad", advice: `start the server: acton serve --socket ${at("nothing.sock")}` },
  });
  expect(stderr).toBe(`acton: ${at("nothing.sock")} does not serve: ${last.finding}\n`);
});

test.each([
  ["a directory that is not there", () => at("none/x.sock"), "directory", "there is no directory"],
  ["a file", () => at("file"), "socket", "a file is there, not a socket"],
  ["a directory in the socket's place", () => at("folder"), "socket", "a directory is there, not a socket"],
  ["a path too long", () => `/tmp/${"x".repeat(120)}`, "length", "the path has 125 bytes, and at most 103 are possible"],
])("%s is told", async (_what, path, check, finding) => {
  writeFileSync(at("file"), "");
  mkdirSync(at("folder"), { recursive: true });
  const { exitCode, last } = await examined(path());
  expect({ exitCode, check: last.check, verdict: last.verdict }).toEqual({ exitCode: 7, check, verdict: "bad" });
  expect(last.finding).toStartWith(finding);
  expect(last.advice).not.toBeEmpty();
});

test("a socket that a killed server has left is stale", async () => {
  const killed = await serve(at("stale.sock"));
  killed.signal("SIGKILL");
  await killed.exited;
  const { exitCode, checks, last } = await examined(at("stale.sock"));
  expect(checks.find(({ check }) => check === "lock")).toMatchObject({ verdict: "warning", finding: expect.stringContaining("nobody holds it") });
  expect({ exitCode, last }).toMatchObject({
    exitCode: 7,
    last: { check: "connection", finding: "stale: nobody listens, the socket was left behind" },
  });
});

test("a server that is suspended is told from one that hangs", async () => {
  await using server = await serve(at("stopped.sock"));
  process.kill(server.pid, "SIGSTOP");
  const { exitCode, last } = await examined(server.socket);
  process.kill(server.pid, "SIGCONT");
  expect({ exitCode, last }).toMatchObject({ exitCode: 7, last: { check: "answer", advice: `let it go on: kill -CONT ${server.pid}` } });
  expect(last.finding).toContain(`process ${server.pid} is suspended`);
});

test("a server that removed its socket and still holds the lock is named", async () => {
  await using server = await serve(at("moved.sock"));
  renameSync(server.socket, at("elsewhere.sock"));
  const { last } = await examined(server.socket);
  expect(last).toMatchObject({ check: "socket", verdict: "bad" });
  expect(last.finding).toContain(`process ${server.pid}`);
});

test("what is no acton server is known by its words, its silence or its hanging up", async () => {
  using web = Bun.serve({ unix: at("web.sock"), fetch: () => new Response("hello") });
  expect((await examined(at("web.sock"))).last).toMatchObject({
    check: "answer",
    verdict: "bad",
    finding: expect.stringContaining('it answers "HTTP/1.1 '),
  });
  using deaf = Bun.listen({ unix: at("deaf.sock"), socket: { data() {} } });
  expect((await examined(at("deaf.sock"))).last).toMatchObject({ check: "answer", verdict: "bad", finding: "nothing came back within 200 ms" });
  using rude = Bun.listen({ unix: at("rude.sock"), socket: { data: (socket) => void socket.end() } });
  expect((await examined(at("rude.sock"))).last).toMatchObject({ check: "answer", verdict: "bad", finding: expect.stringContaining("it hangs up") });
  expect([web.port, deaf.unix, rude.unix].length).toBe(3);
});

test("a link, and a directory that others may write to, are noted", async () => {
  await using server = await serve(at("linked.sock"));
  symlinkSync(server.socket, at("link.sock"));
  const linked = await examined(at("link.sock"));
  expect(linked.checks.find(({ check }) => check === "socket")).toMatchObject({
    verdict: "warning",
    advice: `name that path itself: --socket ${server.socket}`,
  });
  expect(linked.exitCode).toBe(0);
  mkdirSync(at("open"));
  const open = await serve(at("open/a.sock"));
  chmodSync(at("open"), 0o777);
  expect((await examined(open.socket)).checks[1]).toMatchObject({
    check: "directory",
    verdict: "warning",
    advice: expect.stringContaining("chmod go-w"),
  });
  await open[Symbol.asyncDispose]();
});

test("a server that refuses discovery is well all the same", async () => {
  writeFileSync(at("secret.ts"), 'import { app } from "acton"; export default app({ policy: { authorize: () => false } });\n');
  await using server = await serve(at("secret.sock"), [at("secret.ts")]);
  const { exitCode, checks } = await examined(server.socket);
  expect(exitCode).toBe(0);
  expect(checks.filter(({ verdict }) => verdict === "warning").map(({ check }) => check)).toEqual(["version", "state"]);
});

test("a server that takes no more connections, or not ours, says so itself", async () => {
  await using full = await serve(at("full.sock"), [], { env: { ACTON_MAX_CONNECTIONS: "1" } });
  await using held = start(["subscribe", "PriceUpdate", "--socket", full.socket]);
  await held.line();
  expect((await examined(full.socket)).last).toMatchObject({
    check: "answer",
    verdict: "bad",
    finding: expect.stringContaining("it is an acton server, and full"),
  });
  writeFileSync(at("closed.ts"), 'import { app } from "acton"; export default app({ policy: { admit: () => ({ refused: "members only" }) } });\n');
  await using closed = await serve(at("closed.sock"), [at("closed.ts")]);
  expect((await examined(closed.socket)).last).toMatchObject({ check: "answer", verdict: "bad", finding: expect.stringContaining("members only") });
});

test("where the path comes from is said", async () => {
  const { stdout } = await run(["doctor"], { env: { ACTON_SOCKET_PATH: at("env.sock") } });
  expect(JSON.parse(stdout.split("\n")[0] ?? "")).toEqual({ check: "path", verdict: "ok", finding: `${at("env.sock")} (from ACTON_SOCKET_PATH)` });
});

// Only root can be somebody else; and that somebody must be able to run the executable.
const asNobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
const canBeNobody = process.geteuid?.() === 0 && Bun.spawnSync([...asNobody, executable, "version"]).exitCode === 0;

describe.skipIf(!canBeNobody)("another user", () => {
  test("is told whose socket it is, and what is not allowed", async () => {
    chmodSync(directory.path, 0o755);
    await using server = await serve(at("roots.sock"));
    const { stdout, exitCode } = Bun.spawnSync([...asNobody, executable, "doctor", "--socket", server.socket]);
    const last = JSON.parse(stdout.toString().trimEnd().split("\n").at(-1) ?? "");
    expect({ exitCode, last }).toEqual({
      exitCode: 7,
      last: {
        check: "permissions",
        verdict: "bad",
        finding: expect.stringMatching(/^user \w+ may not write to the socket$/),
        advice: expect.stringMatching(/^run this as user root, or have the server started with a socket_mode/),
      },
    });
  });

  test("'s server is not trusted, even by root", async () => {
    mkdirSync(at("theirs"));
    chownSync(at("theirs"), 65_534, 65_534);
    const socket = at("theirs/a.sock");
    const child = Bun.spawn([...asNobody, executable, "serve", "--socket", socket], { stdio: ["ignore", "ignore", "pipe"] });
    await child.stderr.getReader().read();
    const { exitCode, last } = await examined(socket);
    child.kill();
    await child.exited;
    expect({ exitCode, last }).toMatchObject({ exitCode: 7, last: { check: "user", verdict: "bad" } });
  });
});
