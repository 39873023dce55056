import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { executable, run, type Server, serve, temporaryDirectory } from "./executable.ts";

const directory = temporaryDirectory();
const at = (name: string): string => join(directory.path, name);
let server: Server;
beforeAll(async () => {
  server = await serve(at("acton.sock"), [join(import.meta.dir, "services.ts")]);
  mkdirSync(at("bin"));
  symlinkSync(executable, at("bin/acton"));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

/** The answer's kind, and what the last word may become. */
async function completed(...words: string[]): Promise<readonly string[]> {
  const { stdout, stderr, exitCode } = await run(["complete", "--", ...words], { env: { ACTON_SOCKET_PATH: server.socket } });
  expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => line.split("\t")[0] ?? "");
}

describe("the last word becomes", () => {
  test.each<[string, string[], string[]]>([
    ["a command", ["des"], ["names", "describe"]],
    ["an option of the command", ["call", "--t"], ["names", "--timeout"]],
    ["a choice of the option", ["serve", "--log-level", "w"], ["names", "warn"]],
    ["a file", ["call", "--socket", ""], ["files"]],
    ["a file, for a module", ["serve", "a"], ["files"]],
    ["a file, for a payload", ["call", "orders", "PlaceOrder", "@a"], ["files"]],
    ["an agent", ["call", ""], ["names", "orders", "counter", "siren", "sleeper"]],
    ["an agent, wherever the options are", ["call", "--timeout", "5", "--msgpack", "o"], ["names", "orders"]],
    ["a request of that agent", ["call", "siren", ""], ["names", "Burst"]],
    ["a stream of that agent", ["stream", "counter", "CountU"], ["names", "CountUp"]],
    ["a key that is not given yet", ["call", "orders", "PlaceOrder", "item=x", "c"], ["keys", "count=", "colour="]],
    ["a value, where there are only some", ["call", "orders", "PlaceOrder", "colour="], ["names", "colour=red", "colour=green", "colour=blue"]],
    ["true or false", ["call", "orders", "PlaceOrder", "express=t"], ["names", "express=true"]],
    ["a broadcast type", ["subscribe", ""], ["names", "Alarm", "AlarmOver"]],
    ["a broadcast type, for an option that takes one", ["bench", "--push", "AlarmO"], ["names", "AlarmOver"]],
    ["an agent or a type", ["describe", "C"], ["names", "CountDown", "CountUp", "Counted"]],
    ["what a policy is about", ["policy", "test", "--uid", "1", "req"], ["names", "request"]],
    ["an agent, for a policy", ["policy", "test", "request", "or"], ["names", "orders"]],
    ["a type, for a policy", ["policy", "test", "--uid", "1", "request", "siren", ""], ["names", "Burst"]],
    ["a file, for a module with a policy", ["policy", "test", "discover", ""], ["files"]],
    ["a shell", ["completions", "z"], ["names", "zsh"]],
    ["nothing, for what nobody knows", ["call", "nobody", ""], ["names"]],
  ])("%s", async (_what, words, answer) => {
    expect(await completed(...words)).toEqual(answer);
  });
});

test("the socket is the one that the words name", async () => {
  await using demo = await serve(at("demo.sock"));
  expect(await completed("call", "--socket", demo.socket, "calc")).toEqual(["names", "calculator"]);
  expect(await completed("call", `--socket=${demo.socket}`, "calc")).toEqual(["names", "calculator"]);
});

test("a server that does not answer is not waited for, and says nothing", async () => {
  using deaf = Bun.listen({ unix: at("deaf.sock"), socket: { data() {} } });
  expect(await completed("call", "--socket", at("deaf.sock"), "")).toEqual(["names"]);
  expect(await completed("call", "--socket", "/nonexistent/x.sock", "")).toEqual(["names"]);
  expect(deaf.unix).toBe(at("deaf.sock"));
});

test("a name that a shell could take for more than a name is never offered", async () => {
  const actors = ["good", "$(touch evil)", "`touch evil`", "a b", "a\tb", "a\nb", "-rf", "x;y", "*"].map((name) => ({
    name,
    ern: "",
    handles: ["T"],
  }));
  using hostile = Bun.listen({
    unix: at("hostile.sock"),
    socket: {
      data(socket, chunk) {
        for (let at = 0; at < chunk.length; at += 4 + chunk.readUInt32BE(at)) {
          const { request_id } = JSON.parse(chunk.toString("utf8", at + 4, at + 4 + chunk.readUInt32BE(at)));
          const body = Buffer.from(JSON.stringify({ request_id, success: true, payload: null, error: null, actors, message_types: [], schemas: {} }));
          const length = Buffer.alloc(4);
          length.writeUInt32BE(body.length);
          socket.write(Buffer.concat([length, body]));
        }
      },
    },
  });
  expect(await completed("call", "--socket", at("hostile.sock"), "")).toEqual(["names", "good"]);
  expect(hostile.unix).toBe(at("hostile.sock"));
});

describe("the script for bash", () => {
  test.each<[string, string[]]>([
    ["acton sub", ["subscribe"]],
    ["acton call or", ["orders"]],
    ["acton call orders PlaceOrder it", ["item="]],
    ["acton call orders PlaceOrder colour=r", ["red"]],
    ["acton describe ", ["orders", "counter", "siren", "sleeper", "Alarm", "AlarmOver", "Burst"]],
  ])("completes %j", async (line, expected) => {
    // As the shell splits: at spaces and at =.
    const words = line.split(/(?<==)|(?==)| /);
    const command = `compopt() { :; }; source <(acton completions bash)
COMP_LINE=${JSON.stringify(line)}; COMP_POINT=\${#COMP_LINE}; COMP_WORDS=(${words.map((word) => JSON.stringify(word)).join(" ")}); COMP_CWORD=${words.length - 1}
_acton; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const child = Bun.spawn(["bash", "-c", command], {
      env: { PATH: `${at("bin")}:${dirname(process.execPath)}:/usr/bin:/bin`, ACTON_SOCKET_PATH: server.socket },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    expect(stderr).toBe("");
    expect(stdout.trimEnd().split("\n").slice(0, expected.length)).toEqual(expected);
  });

  test.each([["zsh"], ["fish"]])("and the one for %s are there", async (shell) => {
    expect((await run(["completions", shell])).stdout).toContain("complete --");
  });

  test.each([
    ["zsh", "-n"],
    ["fish", "--no-execute"],
  ])("the one for %s is well formed, where that shell is installed", async (shell, check) => {
    if (Bun.which(shell) === null) return;
    const { stdout } = await run(["completions", shell]);
    expect(Bun.spawnSync([shell, check, "/dev/stdin"], { stdin: Buffer.from(stdout) }).exitCode).toBe(0);
  });
});
