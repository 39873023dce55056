// Which rule decides: the first that applies, by who asks and for what.

import { describe, expect, test } from "bun:test";
import type { Operation, Peer, PolicyInput } from "acton";
import { resolveIpcConfig } from "../../../src/config.ts";
import { PeerRules, tellsPeersApart } from "../../../src/ipc/server/peer-rules.ts";
import type { PolicyConfig } from "../../../src/policy-rules.ts";

function configured(policy: PolicyInput): PolicyConfig {
  const resolved = resolveIpcConfig({ policy }).policy;
  if (resolved === null) throw new Error("that is no policy");
  return resolved;
}

function rulesFor(policy: PolicyInput, peer: Partial<Peer> = {}): PeerRules {
  return new PeerRules(configured(policy), { uid: 1000, gid: 1000, groups: [], ...peer });
}

const request: Operation = { kind: "request", agent: "calculator", type: "AddRequest" };
const subscribe: Operation = { kind: "subscribe", type: "PriceUpdate" };
const pattern: Operation = { kind: "subscribePattern", pattern: "Price*" };
const push: Operation = { kind: "push", type: "PriceUpdate" };
const watch: Operation = { kind: "watch", agent: "calculator" };
const all: readonly Operation[] = [request, subscribe, pattern, push, watch, { kind: "discover" }, { kind: "stats" }];

function allowed(policy: PolicyInput, peer: Partial<Peer> = {}): readonly string[] {
  const rules = rulesFor(policy, peer);
  return all.filter((operation) => rules.decide(operation).allowed).map(({ kind }) => kind);
}

describe("a rule is about", () => {
  const kinds = all.map(({ kind }) => kind);
  test.each<[string, PolicyInput["rules"], readonly string[]]>([
    ["everything with *", [{ allow: "*" }], kinds],
    ["what it lists", [{ allow: ["request", "stats"] }], ["request", "stats"]],
    ["patterns and pushes too, when it says subscribe", [{ allow: "subscribe" }], ["subscribe", "subscribePattern", "push"]],
    ["patterns alone, when it says so", [{ deny: "pattern" }, { allow: "subscribe" }], ["subscribe", "push"]],
    ["requests and watches, when it names agents", [{ allow: "*", agents: "calculator" }], ["request", "watch"]],
    ["agents whose name begins so, with a star", [{ allow: "*", agents: ["other", "calc*"] }], ["request", "watch"]],
    ["no agent of another name", [{ allow: "*", agents: ["calc", "calculators", "Calculator"] }], []],
    [
      "requests and subscriptions, when it names types",
      [{ allow: "*", types: ["Add*", "Price*"] }],
      ["request", "subscribe", "subscribePattern", "push"],
    ],
    ["a pattern that begins like its own", [{ allow: "pattern", types: "P*" }], ["subscribePattern"]],
    ["no pattern that matches more than its own", [{ allow: "pattern", types: "PriceU*" }], []],
    ["no pattern, when it names one type", [{ allow: "subscribe", types: "PriceUpdate" }], ["subscribe", "push"]],
    ["one agent's one type, when it names both", [{ allow: "*", agents: "calculator", types: "AddRequest" }], ["request"]],
  ])("%s", (_what, rules, expected) => {
    expect(allowed({ default: "deny", rules })).toEqual([...expected]);
  });
});

describe("a rule is for", () => {
  const policy: PolicyInput = {
    default: "deny",
    rules: [
      { allow: "stats", uids: [1000] },
      { allow: "watch", gids: [100] },
      { allow: "discover", uids: [7], gids: [100] },
    ],
  };
  test.each<[string, Partial<Peer>, readonly string[]]>([
    ["the user", { uid: 1000, gid: 1 }, ["stats"]],
    ["a member by the first group", { uid: 2, gid: 100 }, ["watch"]],
    ["a member by another group", { uid: 2, gid: 1, groups: [50, 100] }, ["watch"]],
    ["who is both, when it names both", { uid: 7, gid: 100 }, ["watch", "discover"]],
    ["nobody else", { uid: 2, gid: 2 }, []],
  ])("%s", (_whom, peer, expected) => {
    expect(allowed(policy, peer)).toEqual([...expected]);
  });
});

test("the first rule that applies decides, and says which it is; where none does, the default", () => {
  const rules = rulesFor({
    default: "allow",
    rules: [
      { allow: "request", types: "AddRequest", origin: "first" },
      { deny: "request", origin: "second" },
    ],
  });
  expect(rules.decide(request)).toMatchObject({ allowed: true, rule: { origin: "first" } });
  expect(rules.decide({ ...request, type: "Other" })).toMatchObject({ allowed: false, rule: { origin: "second" } });
  expect(rules.decide({ kind: "stats" })).toEqual({ allowed: true, rule: undefined });
});

describe("whoever may do nothing is not let in, and nobody else is kept out:", () => {
  const admitted = (policy: PolicyInput, peer: Partial<Peer> = {}): unknown => {
    const { allowed: isLetIn, rule } = rulesFor(policy, peer).admission;
    return [isLetIn, rule?.origin];
  };

  test("one for whom no rule is, by the default", () => {
    const rules = [{ allow: "*", uids: 1000, origin: "ours" }] as const;
    expect(admitted({ default: "deny", rules })).toEqual([true, "ours"]);
    expect(admitted({ default: "deny", rules }, { uid: 1 })).toEqual([false, undefined]);
    expect(admitted({ default: "allow", rules: [{ deny: "*", uids: 1000, origin: "out" }] })).toEqual([false, "out"]);
    expect(admitted({ default: "allow", rules: [{ deny: "*", uids: 1000 }] }, { uid: 1 })).toEqual([true, undefined]);
  });

  test("one who may do a single thing is let in, whatever comes after", () => {
    expect(admitted({ default: "deny", rules: [{ allow: "stats", origin: "a" }, { deny: "*" }] })).toEqual([true, "a"]);
    expect(admitted({ default: "deny", rules: [{ deny: "*", agents: "x" }, { deny: "request" }, { allow: "watch", origin: "b" }] })).toEqual([
      true,
      "b",
    ]);
  });

  test("one who cannot be told, where a rule names users", () => {
    const peer = { uid: undefined, gid: undefined };
    expect(admitted({ default: "allow", rules: [{ deny: "*", uids: 5, origin: "who" }] }, peer)).toEqual([false, "who"]);
    expect(admitted({ default: "allow", rules: [{ deny: "stats" }] }, peer)).toEqual([true, undefined]);
  });

  test("one who is kept out is denied each operation too", () => {
    const policies: readonly PolicyInput[] = [
      { default: "deny", rules: [{ allow: "*", uids: 1 }] },
      { default: "allow", rules: [{ deny: "*", gids: 1000 }, { allow: "*" }] },
      { default: "deny", rules: [{ deny: "request", types: "A*" }, { deny: "*" }, { allow: "stats" }] },
    ];
    for (const policy of policies) {
      expect(rulesFor(policy).admission.allowed).toBe(false);
      expect(allowed(policy)).toEqual([]);
    }
  });
});

test("a policy tells peers apart when it names some and denies something", () => {
  const tells = (policy: PolicyInput): boolean => tellsPeersApart(configured(policy));
  expect(tells({ default: "deny", rules: [{ allow: "*", uids: 1000 }] })).toBe(true);
  expect(tells({ default: "deny", rules: [{ allow: "*", gids: 100 }] })).toBe(true);
  expect(tells({ default: "allow", rules: [{ deny: "*", uids: 65534 }] })).toBe(true);
  expect(tells({ default: "allow", rules: [{ allow: "*", uids: 1000 }] })).toBe(false);
  expect(tells({ default: "deny", rules: [{ allow: "discover" }] })).toBe(false);
  expect(tells({ default: "deny" })).toBe(false);
});
