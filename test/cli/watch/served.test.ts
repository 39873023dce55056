// `acton serve --watch` as its user has it: an editor, a terminal, and a client that stays connected throughout.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { message } from "acton";
import { type Client, connect } from "acton/client";
import { z } from "zod";
import { run, type Server, serve, temporaryDirectory } from "../executable.ts";

const directory = temporaryDirectory();
const at = (name: string): string => join(directory.path, name);
const module = at("app.ts");
const socket = at("s.sock");
const environment = { TMPDIR: directory.path };

const Text = message("Text", { text: z.string(), n: z.int() });
const Greet = message("Greet", { who: z.string() }).replies(Text);
const Count = message("Count", {}).replies(Text);
const News = message("News", { text: z.string() });

interface Parts {
  readonly greeting?: string;
  readonly counting?: string;
  readonly fresh?: string;
  readonly more?: string;
}

const source = ({ greeting = "greet(who)", counting = '"old"', fresh = "", more = "" }: Parts = {}): string => `
import { agent, app, message } from "acton";
import { z } from "zod";
import { greet } from "./lib/greet.ts";

const Text = message("Text", { text: z.string(), n: z.int() });
const Greet = message("Greet", { who: z.string() }).replies(Text);
const Count = message("Count", {}).replies(Text);
const News = message("News", { text: z.string() });

const greeter = agent("greeter", () => ({ n: 0 })).mutateOn(Greet, ({ model, message: { who }, broker }) => {
  const text = ${greeting};
  broker.broadcast(News, { text });
  return { text, n: ++model.n };
});
const counter = agent("counter", () => ({ n: 0 }))${fresh}
  .mutateOn(Count, ({ model }) => ({ text: ${counting}, n: ++model.n }));
${more}
export default app({ name: "watched", agents: [greeter, counter], publishes: [News] });
`;
const greeting = (said: string): string => `export const greet = (who: string): string => \`${said} \${who}\`;\n`;

/** As editors do it: a new file takes the name. */
function save(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

const deadlineMs = 10_000;

/** Looks again until it holds, or for very long. */
async function until<T>(look: () => T | Promise<T>, holds: (value: T) => boolean): Promise<T> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const value = await look();
    if (holds(value) || performance.now() > end) return value;
    await Bun.sleep(10);
  }
}

let server: Server;
let client: Client;
beforeAll(async () => {
  mkdirSync(at("lib"));
  save(module, source());
  save(at("lib/greet.ts"), greeting("hello"));
  server = await serve(socket, [module, "--watch"], { env: environment, cwd: directory.path });
  client = await connect(socket);
});
afterAll(async () => {
  await client.close();
  await server[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

const greets = (text: string) =>
  until(
    () => client.ask("greeter", Greet, { who: "you" }),
    (reply) => reply.text === text,
  );
const counts = (text: string) =>
  until(
    () => client.ask("counter", Count, {}),
    (reply) => reply.text === text,
  );
const problems = (): unknown[] => server.logged("not reloaded, the old code goes on").map((line) => line["error"]);
const lastProblem = (problem: string) =>
  until(
    () => problems().at(-1),
    (last) => last === problem,
  );

describe("on one connection", () => {
  test("a change in a file that the module imports is taken on; subscriptions go on", async () => {
    const pushes = client.subscribe(News)[Symbol.asyncIterator]();
    const first = pushes.next();
    await client.ping();
    expect((await greets("hello you")).text).toBe("hello you");
    expect((await first).value?.payload).toEqual({ text: "hello you" });
    save(at("lib/greet.ts"), greeting("bye"));
    expect(await greets("bye you")).toEqual({ text: "bye you", n: 1 });
    const seen = await until(
      async () => (await pushes.next()).value?.payload.text,
      (text) => text === "bye you",
    );
    expect(seen).toBe("bye you");
    await pushes.return?.(undefined);
    expect(server.logged("reloaded").map((line) => line["agents"])).toEqual(["all"]);
  });

  test("where only an agent's own code changes, only that agent restarts", async () => {
    const { n } = await client.ask("greeter", Greet, { who: "you" });
    save(module, source({ counting: '"new"' }));
    expect(await counts("new")).toEqual({ text: "new", n: 1 });
    expect(await client.ask("greeter", Greet, { who: "you" })).toEqual({ text: "bye you", n: n + 1 });
    expect(server.logged("reloaded").at(-1)?.["agents"]).toBe("counter");
  });

  test("a model is kept where the blueprint carries it over", async () => {
    const fresh = "\n  .carryOver((old: { n: number }) => ({ n: old.n + 100 }))";
    save(module, source({ counting: '"carried"', fresh }));
    const { n } = await counts("carried");
    expect(n).toBeGreaterThan(100);
  });

  test("comments and touches change nothing", async () => {
    const before = server.logged("reloaded").length;
    const fresh = "\n  .carryOver((old: { n: number }) => ({ n: old.n + 100 }))";
    save(module, `// A comment.\n${source({ counting: '"carried"', fresh })}`);
    save(at("lib/greet.ts"), greeting("ciao"));
    await greets("ciao you");
    expect(
      server
        .logged("reloaded")
        .slice(before)
        .map((line) => line["agents"]),
    ).toEqual(["all"]);
  });

  test.each([
    ["a syntax error", 'export const greet = (who: string) => {\n\n  return "x" who;\n};\n', 'lib/greet.ts:3: Expected ";" but found "who"'],
    ["an import of no file", '\nexport { greet } from "./nowhere.ts";\n', 'lib/greet.ts:2 imports "./nowhere.ts": there is no such file'],
    [
      "an import of no package",
      'import "no-such-package";\nexport const greet = (who: string) => who;\n',
      'lib/greet.ts:1 imports "no-such-package", which is not installed beside it: npm install no-such-package',
    ],
    [
      "an import of nothing that acton has",
      'import {\n  agent,\n  nix,\n} from "acton";\nexport const greet = (who: string) => `${who} ${agent} ${nix}`;\n',
      "lib/greet.ts:3: Export named 'nix' not found in module 'acton'.",
    ],
    [
      "a throw while it is loaded",
      'export const greet = (who: string): string => who;\n\nthrow new RangeError("too early");\n',
      "lib/greet.ts:3: the module threw RangeError: too early",
    ],
  ])("%s is told with file and line, and the old code goes on", async (_, text, problem) => {
    const { n } = await client.ask("greeter", Greet, { who: "you" });
    save(at("lib/greet.ts"), text);
    expect(await lastProblem(problem)).toBe(problem);
    expect(await client.ask("greeter", Greet, { who: "you" })).toEqual({ text: "ciao you", n: n + 1 });
  });

  test("a file that was missing ends the error as soon as it is there", async () => {
    save(at("lib/greet.ts"), 'export { greet } from "./elsewhere.ts";\n');
    await lastProblem('lib/greet.ts:1 imports "./elsewhere.ts": there is no such file');
    save(at("lib/elsewhere.ts"), greeting("from elsewhere"));
    expect((await greets("from elsewhere you")).text).toBe("from elsewhere you");
    unlinkSync(at("lib/elsewhere.ts"));
    await lastProblem('lib/greet.ts:1 imports "./elsewhere.ts": there is no such file');
    save(at("lib/greet.ts"), greeting("hello"));
    expect((await greets("hello you")).text).toBe("hello you");
  });

  test("an agent that does not start is told with the line at fault, and all agents are as they were", async () => {
    const { n } = await counts("carried");
    const hook = "counter.beforeStart(() => {\n  throw new TypeError(`no database`);\n})";
    const text = source({ counting: '"started"' }).replace("[greeter, counter]", `[greeter, ${hook}]`);
    save(module, text);
    const line = text.split("\n").findIndex((each) => each.includes("no database")) + 1;
    const problem = `app.ts:${line}: the agent counter did not start: no database`;
    expect(await lastProblem(problem)).toBe(problem);
    expect(await client.ask("counter", Count, {})).toEqual({ text: "carried", n: n + 1 });
  });

  test("two schemas under one name are an error, and one that changes is not", async () => {
    const clash = 'const clash = agent("clash", () => ({})).mutateOn(message("Greet", { n: z.int() }).replies(Text), () => ({ text: "", n: 0 }));';
    save(module, source({ more: clash }).replace("[greeter, counter]", "[greeter, counter, clash]"));
    const problem = 'cannot register "Greet": the name stands for a type with another schema or answer';
    expect(await lastProblem(problem)).toBe(problem);
    const wider = source().replaceAll("{ who: z.string() }", '{ who: z.string(), tone: z.string().default("kindly") }');
    save(module, wider.replace("message: { who }", "message: { who, tone }").replace("greet(who)", "greet(who) + tone"));
    expect((await greets("hello youkindly")).text).toBe("hello youkindly");
    save(module, source());
    expect((await greets("hello you")).text).toBe("hello you");
  });

  test("whatever is asked while the code changes has one answer, of the old code or of the new", async () => {
    const answers: string[] = [];
    let last = "";
    const asking = (async () => {
      while (last !== "v4 you") {
        const replies = await Promise.all(Array.from({ length: 20 }, () => client.ask("greeter", Greet, { who: "you" })));
        answers.push(...replies.map(({ text }) => text));
        last = replies[0]?.text ?? "";
      }
    })();
    for (const version of ["v1", "v2", "v3", "v4"]) {
      save(at("lib/greet.ts"), greeting(version));
      await until(
        () => answers.at(-1),
        (text) => text === `${version} you`,
      );
    }
    await asking;
    expect([...new Set(answers)]).toEqual(["hello you", "v1 you", "v2 you", "v3 you", "v4 you"]);
  });

  test("an error in a handler names the user's own file and line", async () => {
    save(at("lib/greet.ts"), "// One.\n\nexport function greet(who: string): string {\n  throw new TypeError(`no ${who}`);\n}\n");
    await until(
      () => client.ask("greeter", Greet, { who: "you" }).catch((error: Error) => ({ text: error.message })),
      ({ text }) => text.includes("no you"),
    );
    const stack = String(server.logged("handler failed").at(-1)?.["stack"]);
    expect(stack).toContain(`at greet (${at("lib/greet.ts")}:4:`);
    expect(stack).toContain(`(${module}:`);
  });

  test("modules see their own place in import.meta, files that they embed, and packages beside them", async () => {
    mkdirSync(at("node_modules/pack"), { recursive: true });
    writeFileSync(at("node_modules/pack/package.json"), '{"name":"pack","exports":"./index.js"}');
    writeFileSync(at("node_modules/pack/index.js"), 'import * as acton from "acton";\nexport const pack = typeof acton.agent;\n');
    writeFileSync(at("data.txt"), "data");
    const imports =
      'import data from "./data.txt" with { type: "text" };\nimport file from "./data.txt" with { type: "file" };\nimport { pack } from "pack";\n';
    const resolved = '((meta) => [meta.dir, meta.resolve("./x"), meta.require("./package.cjs")])(import.meta)';
    const seen = `[import.meta.dir, import.meta.path, import.meta.url, import.meta.main, data, pack, typeof file, process.env.NODE_ENV, "import.meta.dir", ${resolved}].join()`;
    writeFileSync(at("package.cjs"), 'module.exports = "import.meta.dir";\n');
    save(module, `${imports}import cjs from "./package.cjs";\n${source({ greeting: seen.replace("[", "[cjs, ") })}`);
    const quoted = "import.meta.dir";
    const url = Bun.pathToFileURL(module).href;
    const place = [directory.path, module, url, false];
    const wanted = [quoted, ...place, "data", "function", "string", "", quoted, directory.path, new URL("x", url).href, quoted].join();
    save(at("lib/greet.ts"), greeting("hello"));
    const reply = await until(
      () => client.ask("greeter", Greet, { who: "you" }).catch(() => undefined),
      (answer) => answer?.text === wanted,
    );
    expect(reply?.text).toBe(wanted);
  });

  test("one bundle lies there, for nobody else, and goes with the process, as does what a kill has left", async () => {
    const bundles = () => readdirSync(directory.path).filter((name) => name.startsWith("acton-watch-"));
    const [mine = ""] = bundles();
    expect(bundles()).toHaveLength(1);
    await until(
      () => readdirSync(at(mine)).filter((name) => /^\d+\.js$/.test(name)),
      (files) => files.length === 1,
    );
    expect(readdirSync(at(mine)).filter((name) => /^\d+\.js$/.test(name))).toHaveLength(1);
    const other = await serve(at("other.sock"), [module, "--watch"], { env: environment });
    expect(bundles()).toHaveLength(2);
    other.signal("SIGKILL");
    await other.exited;
    expect(bundles()).toHaveLength(2);
    const third = await serve(at("other.sock"), [module, "--watch"], { env: environment });
    expect(bundles()).toHaveLength(2);
    expect(bundles()).toContain(mine);
    third.signal("SIGTERM");
    expect(await third.exited).toBe(0);
    expect(bundles()).toEqual([mine]);
    server.signal("SIGTERM");
    expect(await server.exited).toBe(0);
    expect(bundles()).toEqual([]);
  });
});

describe("before anything is served", () => {
  test("--watch needs a module", async () => {
    const { exitCode, stderr } = await run(["serve", "--watch"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: "acton: --watch is for a module, and none is given. See 'acton serve --help'\n" });
  });

  test("a module that does not load is an error as without --watch, and leaves nothing behind", async () => {
    const broken = temporaryDirectory();
    const path = join(broken.path, "app.ts");
    for (const [text, problem] of [
      [undefined, `cannot find the module app.ts: there is no such file`],
      ["export default 5;", `app.ts has a default export that is not an application: it needs 'export default app({ … })', with app from "acton"`],
      ["\nconst = 5;", `app.ts:2: Expected identifier but found "="`],
    ] as const) {
      if (text !== undefined) writeFileSync(path, text);
      const { exitCode, stderr } = await run(["serve", "app.ts", "--watch"], { cwd: broken.path, env: { TMPDIR: broken.path } });
      expect({ exitCode, stderr }).toEqual({ exitCode: 8, stderr: `acton: ${problem}\n` });
    }
    expect(readdirSync(broken.path)).toEqual(["app.ts"]);
    broken[Symbol.dispose]();
  });

  test("TMPDIR is where bundles lie: when it is empty /tmp, and one that cannot be had is told", async () => {
    using broken = temporaryDirectory();
    writeFileSync(join(broken.path, "app.ts"), "export default 5;");
    const stderrWith = async (TMPDIR: string): Promise<string> => {
      const { exitCode, stderr } = await run(["serve", "app.ts", "--watch"], { cwd: broken.path, env: { TMPDIR } });
      expect(exitCode).toBe(8);
      return stderr;
    };
    expect(await stderrWith("")).toContain("app.ts has a default export that is not an application");
    const missing = join(broken.path, "missing");
    expect(await stderrWith(missing)).toBe(`acton: cannot make a directory in ${missing}, which is TMPDIR: there is no such directory\n`);
    // What is not as we leave it is passed over.
    mkdirSync(join(broken.path, "acton-watch-odd/lock"), { recursive: true });
    expect(await stderrWith(broken.path)).toContain("app.ts has a default export that is not an application");
    expect(readdirSync(broken.path).sort()).toEqual(["acton-watch-odd", "app.ts"]);
  });
});
