// The rules of a policy as they are written: what is accepted, what is refused and where that is said to stand.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configJson, configToml } from "../src/cli/print-config.ts";
import { loadConfig } from "../src/config-layers.ts";
import { type AppConfigInput, type MergedConfig, resolveIpcConfig } from "../src/config.ts";
import { systemFiles } from "../src/files.ts";

const directory = mkdtempSync(join(tmpdir(), "acton-rules-"));
afterAll(() => rmSync(directory, { recursive: true }));
const file = join(directory, "acton.toml");

function load(text: string, application: AppConfigInput = {}, environment: Record<string, string> = {}): Promise<MergedConfig> {
  writeFileSync(file, text);
  return loadConfig({ files: systemFiles, environment: { HOME: directory, ...environment }, application, file });
}

const both = `max_connections = 5

[policy]
default = "deny"

[[policy.rules]]
allow = "*"
uids = [1000, 1001]

# The others may look.
[[policy.rules]]
deny = ["pattern"]
[[ policy.rules ]]
allow = ["discover", "subscribe"]
gids = 100
types = "Price*"
`;

test("rules are read in their order, each with the line on which it begins; one value stands for a list of one", async () => {
  const { config, origins } = await load(both.replace('["discover", "subscribe"]', '"subscribe"'));
  expect(config.policy).toEqual({
    default: "deny",
    rules: [
      { allow: ["*"], uids: [1000, 1001], origin: `${file}:6` },
      { deny: ["pattern"], origin: `${file}:11` },
      { allow: ["subscribe"], gids: [100], types: ["Price*"], origin: `${file}:13` },
    ],
  });
  expect(origins.get("policy.default")).toBe(`${file}:4`);
});

test("rules may stand in one list too, and still have their lines", async () => {
  const { config } = await load('[policy]\ndefault = "deny"\nrules = [\n  { allow = "*", uids = 0 }, # {\n  { deny = "stats" },\n]\n');
  expect(config.policy?.rules.map(({ origin }) => origin)).toEqual([`${file}:4`, `${file}:5`]);
});

test("no policy is none; nor is one that allows everything", async () => {
  expect(resolveIpcConfig().policy).toBeNull();
  expect(resolveIpcConfig({ policy: null }).policy).toBeNull();
  expect((await load('[policy]\ndefault = "allow"\n')).config.policy).toBeNull();
  expect((await load('[policy]\ndefault = "deny"\n')).config.policy).toEqual({ default: "deny", rules: [] });
});

test("the rules of a stronger layer replace those of a weaker one as a whole; the default is a key of its own", async () => {
  const application: AppConfigInput = { policy: { default: "allow", rules: [{ deny: "*", uids: 7 }] } };
  expect((await load("", application)).config.policy).toEqual({
    default: "allow",
    rules: [{ deny: ["*"], uids: [7], origin: "app({ config }): rule 1" }],
  });
  const replaced = (await load('[[policy.rules]]\nallow = "ping"'.replace("ping", "stats"), application)).config.policy;
  expect(replaced).toEqual({ default: "allow", rules: [{ allow: ["stats"], origin: `${file}:1` }] });
  expect((await load("", application, { ACTON_POLICY_DEFAULT: "deny" })).config.policy?.default).toBe("deny");
  expect((await load("[policy]\nrules = []\n", application)).config.policy).toBeNull();
});

test("what was resolved can be given again, and means the same", async () => {
  const { config } = await load(both.replace('["discover", "subscribe"]', '"subscribe"'));
  expect(resolveIpcConfig({ policy: config.policy }).policy).toEqual(config.policy);
});

test("it is printed with its origins, and what is printed for people can be read back", async () => {
  const merged = await load(both.replace('["discover", "subscribe"]', '"subscribe"'));
  expect(JSON.parse(configJson(merged))).toMatchObject({
    "policy.default": { value: "deny", origin: `${file}:4` },
    "policy.rules": [{ value: { allow: ["*"], uids: [1000, 1001] }, origin: `${file}:6` }, { value: { deny: ["pattern"] } }, {}],
  });
  const without = ({ config }: MergedConfig): unknown => config.policy?.rules.map((rule) => ({ ...rule, origin: "" }));
  expect(without(await load(configToml(merged)))).toEqual(without(merged));
});

describe("is refused, with file, line and key:", () => {
  const head = '[policy]\ndefault = "deny"\n';
  test.each([
    [
      "rules without a default",
      '[[policy.rules]]\nallow = "*"',
      '1: rules need policy.default beside them: "deny" or "allow" what none of them applies to',
    ],
    ["a default that is neither", '[policy]\ndefault = "maybe"', '2: default must be one of allow, deny, not "maybe"'],
    ["an unknown key of the policy", `${head}rule = 1`, "3: unknown key 'rule', did you mean 'rules'?"],
    ["an unknown key of a rule", `${head}[[policy.rules]]\nallow = "*"\nuid = 5`, "5: unknown key 'uid', did you mean 'uids'?"],
    ["origin in a file", `${head}[[policy.rules]]\nallow = "*"\norigin = "x"`, "5: unknown key 'origin'"],
    ["a rule that does nothing", `${head}[[policy.rules]]\nuids = 5`, "3: a rule needs either allow or deny, with what it allows or denies"],
    [
      "a rule that does both",
      `${head}[[policy.rules]]\nallow = "*"\ndeny = "*"`,
      "3: a rule needs either allow or deny, with what it allows or denies",
    ],
    [
      "an operation that there is not",
      `${head}[[policy.rules]]\nallow = ["call"]`,
      '4: allow must be of request, subscribe, pattern, push, watch, discover, stats, or "*" for all of them, not "call"',
    ],
    ["a name for a number", `${head}[[policy.rules]]\nallow = "*"\nuids = ["ada"]`, '5: uids must be whole numbers from 0 to 4294967294, not "ada"'],
    ["a number below 0", `${head}[[policy.rules]]\nallow = "*"\ngids = -1`, "5: gids must be whole numbers from 0 to 4294967294, not -1"],
    [
      "a list of nothing",
      `${head}[[policy.rules]]\nallow = "*"\nuids = []`,
      "5: uids is empty, so the rule would never apply: leave it out to mean all",
    ],
    [
      "a star that is not at the end",
      `${head}[[policy.rules]]\nallow = "request"\nagents = "*s"`,
      `5: agents must be names, with a '*' at the end only, not "*s"`,
    ],
    [
      "a rule that can never apply",
      `${head}[[policy.rules]]\nallow = ["discover", "watch"]\ntypes = "A"`,
      "5: a rule about watch, discover cannot name types: it would never apply",
    ],
    ["a rule that is no table", `${head}rules = [5]`, "3: each of the rules must be a table of keys, not 5"],
    ["rules that are no list", `${head}rules = "all"`, '3: rules must be a list of tables, not "all"'],
    ["the second of two", `${head}[[policy.rules]]\nallow = "*"\n[[policy.rules]]\ndeny = 1`, "6: deny must be of request"],
  ])("%s", async (_what, text, message) => {
    await expect(load(text)).rejects.toMatchObject({ code: "INVALID_CONFIG", message: expect.stringContaining(`${file}:${message}`) });
  });
});

test("in code the rule's number stands for the line", () => {
  // @ts-expect-error: the type knows the operations too.
  expect(() => resolveIpcConfig({ policy: { default: "deny", rules: [{ allow: "*" }, { deny: "call" }] } })).toThrow(/^rule 2: deny must be of/);
  expect(() => resolveIpcConfig({ policy: { rules: [{ allow: "*" }] } })).toThrow(/^rule 1: rules need policy.default/);
  const named = resolveIpcConfig({ policy: { default: "deny", rules: [{ allow: "*", origin: "the owner" }] } });
  expect(named.policy?.rules[0]?.origin).toBe("the owner");
});

test("socket_mode and socket_group are texts of their form", async () => {
  expect((await load('socket_mode = "660"\nsocket_group = "100"\n')).config).toMatchObject({ socketMode: "660", socketGroup: "100" });
  for (const mode of ['"0460"', '"rw"', "0o660", '"1777"', '"06600"']) {
    await expect(load(`socket_mode = ${mode}\n`)).rejects.toThrow(`${file}:1: socket_mode must be an octal mode in quotes`);
  }
  await expect(load('socket_group = "a:b"\n')).rejects.toThrow(`${file}:1: socket_group must be a group's name or number`);
});
