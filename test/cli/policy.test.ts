import { afterAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { run, serve, temporaryDirectory } from "./executable.ts";

const directory = temporaryDirectory();
afterAll(() => directory[Symbol.dispose]());
const at = (name: string): string => join(directory.path, name);

const config = at("acton.toml");
writeFileSync(
  config,
  `socket_path = "${at("s.sock")}"

[policy]
default = "deny"

[[policy.rules]]
allow = "*"
uids = 1500

[[policy.rules]]
allow = "request"
gids = 1500
agents = "price_*"

[[policy.rules]]
allow = "subscribe"
gids = 1500
types = "Price*"
`,
);

async function decided(...words: readonly string[]): Promise<readonly [exitCode: number, decision: unknown]> {
  const { stdout, exitCode, stderr } = await run(["policy", "test", ...words, "--config", config]);
  const decision = JSON.parse(stdout) as { readonly allowed: boolean; readonly decided_by: string };
  expect(stderr).toBe(decision.allowed ? "" : `acton: denied by ${decision.decided_by}\n`);
  return [exitCode, decision];
}

describe("acton policy test", () => {
  const byDefault = { allowed: false, decided_by: `policy.default = "deny" (${config}:4)` };
  test.each<[string, string[], number, object]>([
    ["the rule that allows", ["--uid", "1500", "request", "shop", "Buy"], 0, { allowed: true, decided_by: `${config}:6` }],
    ["another, for a group", ["--uid", "7", "--gid", "1500", "request", "price_feed", "Get"], 0, { allowed: true, decided_by: `${config}:10` }],
    [
      "the same, for a further group",
      ["--uid", "7", "--gid", "7", "--gid", "1500", "pattern", "PriceU*"],
      0,
      { allowed: true, decided_by: `${config}:15` },
    ],
    ["the default, where no rule applies", ["--uid", "7", "--gid", "1500", "request", "shop", "Buy"], 1, byDefault],
    ["the default for an operation without names", ["--uid", "7", "--gid", "1500", "discover"], 1, byDefault],
    ["that one would not be let in at all", ["--uid", "7", "--gid", "7", "subscribe", "Prices"], 1, { ...byDefault, reason: "may not connect" }],
  ])("names %s", async (_what, words, status, expected) => {
    expect(await decided(...words)).toEqual([status, expected]);
  });

  test("asks the module's policy too, in its configuration", async () => {
    const module = at("app.ts");
    writeFileSync(
      module,
      `import { app } from "acton";
export default app({
  config: { policy: { default: "allow", rules: [{ deny: "stats" }] } },
  policy: {
    admit: ({ uid, groups }) => (uid === 9 ? { refused: "not you" } : { identity: groups }),
    authorize: (groups, operation) => operation.kind !== "watch" || groups.includes(3) || "members watch",
  },
});
`,
    );
    const asked = async (...words: readonly string[]): Promise<unknown> =>
      JSON.parse((await run(["policy", "test", ...words, module, "--config", at("empty.toml")])).stdout);
    writeFileSync(at("empty.toml"), "");
    expect(await asked("--uid", "1", "stats")).toEqual({ allowed: false, decided_by: "app({ config }): rule 1" });
    expect(await asked("--uid", "9", "discover")).toEqual({ allowed: false, decided_by: "admit of the application's policy", reason: "not you" });
    const refused = { allowed: false, decided_by: "authorize of the application's policy", reason: "members watch" };
    expect(await asked("--uid", "1", "--gid", "3", "watch", "a")).toEqual(refused);
    expect(await asked("--uid", "1", "--gid", "1", "--gid", "3", "watch", "a")).toMatchObject({ allowed: true });
  });

  test("says that there is no policy", async () => {
    const { stdout } = await run(["policy", "test", "--uid", "1", "stats"]);
    expect(JSON.parse(stdout)).toEqual({ allowed: true, decided_by: "no policy" });
  });

  test.each([
    [["policy", "test", "request", "a", "b"], "required option '--uid <uid>' not specified"],
    [["policy", "test", "--uid", "ada", "stats"], "It must be the number of a user or a group"],
    [["policy", "test", "--uid", "1", "request", "a"], "policy test request needs an agent and a type"],
    [["policy", "test", "--uid", "1", "stats", "a.ts", "b"], "policy test stats takes no names and perhaps a module, not 2 words"],
    [["policy", "test", "--uid", "1", "call"], "Allowed choices are request, subscribe, pattern, push, watch, discover, stats"],
  ])("%j is a mistake that it explains", async (words, message) => {
    const { stdout, stderr, exitCode } = await run(words);
    expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 2 });
    expect(stderr).toContain(message);
  });

  test("says what the server then does", async () => {
    const own = process.geteuid?.() ?? 0;
    writeFileSync(at("own.toml"), `[policy]\ndefault = "deny"\n[[policy.rules]]\nallow = "request"\nuids = ${own}\ntypes = "Add*"\n`);
    await using server = await serve(at("own.sock"), ["--config", at("own.toml")]);
    const tested = await run(["policy", "test", "--uid", String(own), "--config", at("own.toml"), "request", "health", "HealthCheck"]);
    expect([tested.exitCode, (await run(["call", "health", "HealthCheck", "{}", "--socket", server.socket])).stderr]).toEqual([
      1,
      "acton: AccessDenied: request is not allowed\n",
    ]);
    const sum = await run(["call", "calculator", "AddRequest", '{"a":1,"b":2}', "--socket", server.socket]);
    expect([sum.exitCode, sum.stdout]).toEqual([0, '{"sum":3}\n']);
  });
});

// Only root can be somebody else; and that somebody must be able to run the executable.
const asNobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
const executable = join(import.meta.dir, "../../dist/acton");
const canBeNobody = process.geteuid?.() === 0 && Bun.spawnSync([...asNobody, executable, "version"]).exitCode === 0;

test.skipIf(!canBeNobody)("--server-uid: another user's server is talked to when that user is named (skipped unless run by root)", async () => {
  const nobodys = Bun.spawnSync(["mktemp", "-d"]).stdout.toString().trim();
  Bun.spawnSync(["chown", "65534:65534", nobodys]);
  const socket = join(nobodys, "s.sock");
  const child = Bun.spawn([...asNobody, executable, "serve", "--socket", socket], { stdio: ["ignore", "ignore", "pipe"] });
  try {
    await child.stderr.getReader().read();
    const words = ["call", "calculator", "AddRequest", "a=1", "b=2", "--socket", socket];
    expect((await run(words)).stderr).toContain("who is not trusted: nothing was sent");
    expect((await run([...words, "--server-uid", "65534"])).stdout).toBe('{"sum":3}\n');
    expect((await run(["doctor", "--socket", socket, "--server-uid", "65534"])).exitCode).toBe(0);
  } finally {
    child.kill();
    await child.exited;
    Bun.spawnSync(["rm", "-r", nobodys]);
  }
});
