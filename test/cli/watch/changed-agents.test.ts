// The rule by which agents are left alone must never leave one alone whose code has changed. Each case is a program, its
// next version, and what restarts.

import { expect, test } from "bun:test";
import { agent, type Application, app, message } from "acton";
import { changedAgents } from "../../../src/cli/watch/changed-agents.ts";

const common = `
const Ask = message("Ask", {}), Tell = message("Tell", {});
const twice = (n) => 2 * n;
`;

/** The program as a bundle would be: its functions are cut from this very text. */
function version(code: string) {
  // oxlint-disable-next-line typescript/no-implied-eval -- the text itself is what the rule reads
  const run = new Function("agent", "message", "app", `${code}\nreturn application;`) as (...given: readonly unknown[]) => Application;
  return { code, application: run(agent, message, app) };
}

const program = (one: string, other: string, more = "", agents = "") =>
  version(`${common}${more}
const one = agent("one", () => ({ n: 1 }))${one};
const other = agent("other", () => ({ n: 2 }))${other};
const application = app({ agents: [one, other${agents}], setup: () => "set up" });`);

const base = [".mutateOn(Ask, ({ model }) => model.n + 1)", ".mutateOn(Ask, ({ model }) => model.n + 2)"] as const;

test.each([
  ["nothing", program(...base), program(...base), []],
  ["a handler", program(...base), program(base[0].replace("+ 1", "+ 3"), base[1]), ["one"]],
  ["both handlers", program(...base), program(base[0].replace("+ 1", "+ 3"), base[1].replace("+ 2", "+ 4")), ["one", "other"]],
  ["two that change places", program(...base), program(base[1], base[0]), ["one", "other"]],
  ["a hook", program(`${base[0]}.beforeStart(() => 1)`, base[1]), program(`${base[0]}.beforeStart(() => 2)`, base[1]), ["one"]],
  [
    "a child's handler",
    program(`${base[0]}.supervise(agent("child", () => ({ c: 1 })).actOn(Tell, () => "a"))`, base[1]),
    program(`${base[0]}.supervise(agent("child", () => ({ c: 1 })).actOn(Tell, () => "b"))`, base[1]),
    ["one"],
  ],
  [
    "handlers of one agent that change places",
    program(`${base[0]}.actOn(Tell, () => "a")`, base[1]),
    program('.mutateOn(Ask, () => "a").actOn(Tell, ({ model }) => model.n + 1)', base[1]),
    ["one"],
  ],
  [
    "agents that a function makes",
    program(...base, "const make = (name) => agent(name, () => ({})).actOn(Tell, () => 1);\n", ", make('a'), make('b')"),
    program(...base, "const make = (name) => agent(name, () => ({})).actOn(Tell, () => 2);\n", ", make('a'), make('b')"),
    ["a", "b"],
  ],
])("its own code alone makes an agent restart: %s", (_, before, after, expected) => {
  expect([...(changedAgents(before, after) ?? ["all"])]).toEqual(expected);
});

const returned = (text: string) => `const made = () => { return ({ model }) => ${text}; };\nconst shared = made();\n`;

test.each([
  ["a function that handlers call", program(...base), { code: "twice = (n) => 3 * n" }],
  ["a handler that is added", program(...base), program(`${base[0]}.actOn(Tell, () => 1)`, base[1])],
  ["a handler that becomes concurrent", program(...base), program(base[0].replace("mutateOn", "actOn"), base[1])],
  ["a subscription", program(...base), program(`${base[0]}.subscribe(Ask)`, base[1])],
  [
    "a handler that has a name, and so may be called elsewhere",
    program(".mutateOn(Ask, named)", base[1], "const named = () => 1;\n"),
    program(".mutateOn(Ask, named)", base[1], "const named = () => 2;\n"),
  ],
  [
    "a handler without a name that was made elsewhere",
    program(".mutateOn(Ask, shared)", ".mutateOn(Ask, (argument) => shared(argument))", returned("1")),
    program(".mutateOn(Ask, shared)", ".mutateOn(Ask, (argument) => shared(argument))", returned("2")),
  ],
  [
    "a text that stands twice",
    program(".mutateOn(Ask, () => 1)", base[1], "const helper = [() => 1];\n"),
    program(".mutateOn(Ask, () => 5)", base[1], "const helper = [() => 5];\n"),
  ],
])("what may concern others makes all of them restart: %s", (_, before, after) => {
  const next = "application" in after ? after : version(before.code.replace("twice = (n) => 2 * n", after.code));
  expect(changedAgents(before, next)).toBeUndefined();
});
