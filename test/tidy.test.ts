// The rules of the house, held by reading src/. Each rule turns sources into complaints; it is tried on a source that
// breaks it, so that a rule which can find nothing is found out, and then held against all of src/.
// An exception names its file and its reason. A ceiling may only come down.

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";

const root = join(import.meta.dir, "..");

interface Source {
  /** Below src/: `agent/cell.ts`. */
  readonly path: string;
  readonly text: string;
  /** The text with comments, strings and regular expressions blanked; lines and columns stay. */
  readonly code: string;
  /** What it imports, types included: paths below src/, or names of packages. */
  readonly imports: readonly string[];
}

interface Rule {
  readonly name: string;
  readonly complaints: (sources: readonly Source[]) => string[];
  /** Sources that break the rule, and how often. */
  readonly bad: Readonly<Record<string, string>>;
  readonly count?: number;
  /** Sources that look as if they did. */
  readonly good?: Readonly<Record<string, string>>;
}

// Layers --------------------------------------------------------------------------------------------------------------

const bottomRow = [
  "errors",
  "ask-failure",
  "ask-chain",
  "config",
  "config-keys",
  "config-layers",
  "config-values",
  "policy-rules",
  "nearest-name",
  "clock",
  "timer-wheel",
  "random",
  "scheduler",
  "log",
  "log-line",
  "log-repeats",
  "host",
  "files",
  "libc",
  "service-manager",
  "product",
  "promise-like",
  "record",
  "stack-reserve",
].map((name) => `${name}.ts`);

const wire = ["bottom", "ipc/transport", "ipc/wire"];
const system = ["bottom", "message", "agent", "broker", "supervision", "runtime"];
const everything = [
  ...system,
  "worker",
  "ipc/transport",
  "ipc/wire",
  "ipc/server",
  "ipc/client",
  "app",
  "index",
  "client",
  "testing",
  "cli",
  "cli/conform",
];

/** What each layer may import, types included. Itself is understood. */
const layers: Readonly<Record<string, readonly string[]>> = {
  bottom: [],
  message: ["bottom"],
  agent: ["bottom", "message"],
  broker: ["bottom", "message", "agent"],
  supervision: ["bottom", "message", "agent"],
  runtime: ["bottom", "message", "agent", "broker", "supervision"],
  // Agents on other threads: each has a runtime of its own, with one agent in it.
  worker: ["bottom", "message", "agent", "broker", "runtime"],
  "ipc/transport": ["bottom"],
  "ipc/wire": ["bottom"],
  "ipc/server": [...system, ...wire],
  "ipc/client": ["message", ...wire],
  app: [...system, "worker", ...wire, "ipc/server"],
  index: [...system, "worker", ...wire, "ipc/server", "app"],
  client: ["message", ...wire, "ipc/client"],
  testing: [...system, "worker", ...wire, "ipc/client", "ipc/server", "app"],
  cli: everything,
  // What tries a server shares none of the server's code.
  "cli/conform": ["bottom", "ipc/transport", "cli"],
};

function layerOf(path: string): string {
  if (bottomRow.includes(path)) return "bottom";
  if (path === "ipc/transport.ts" || path === "ipc/bun-transport.ts" || path === "ipc/node-transport.ts") return "ipc/transport";
  if (["app.ts", "application.ts", "running-application.ts", "serve-application.ts", "main-module.ts"].includes(path)) return "app";
  const directory = /^(ipc\/[^/]+|cli\/conform|[^/]+)\//.exec(path)?.[1];
  return directory ?? path.replace(/\.ts$/, "");
}

/** The few files that may import a package, or a module of the host that reaches outside of the process. */
const packageHomes: Readonly<Record<string, readonly string[]>> = {
  zod: ["message/schema.ts", "message/plain-object.ts", "runtime/dead-letter.ts", "supervision/events.ts", "cli/"],
  msgpackr: ["ipc/wire/msgpack.ts"],
  commander: ["cli/"],
  croner: ["agent/cron.ts"],
  "bun:ffi": ["libc.ts"],
  "bun:jsc": ["testing/simulation/"],
  "node:fs": ["files.ts", "host.ts", "libc.ts", "cli/"],
  "node:fs/promises": ["ipc/node-transport.ts"],
  "node:net": ["ipc/node-transport.ts"],
  "node:assert": ["testing/"],
  "node:buffer": ["ipc/wire/frame-decoder.ts"],
  "node:perf_hooks": ["cli/bench/"],
  "node:path": ["config-layers.ts", "ipc/server/takeover.ts", "ipc/node-transport.ts", "cli/"],
  "node:async_hooks": ["agent/activity.ts"],
  "node:vm": ["cli/module-loader.ts"],
};

// Globals -------------------------------------------------------------------------------------------------------------

const time = "time is a Clock's, and the clock is passed in";
const turns = "what runs next is a Scheduler's decision";
const outside = "the process is a Host's matter; the command line is the only place beside it";

const globals: readonly { readonly what: RegExp; readonly only: readonly string[]; readonly why: string }[] = [
  { what: /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bset(?:Timeout|Interval)\s*\(/g, only: ["clock.ts"], why: time },
  { what: /\bsetImmediate\b|\bqueueMicrotask\b/g, only: ["scheduler.ts"], why: turns },
  { what: /\bMath\.random\b|\bcrypto\./g, only: ["random.ts"], why: "chance is a Random's, and it is passed in" },
  { what: /(?<![.\w])process\./g, only: ["host.ts", "ipc/client/platform.ts", "cli/"], why: outside },
  { what: /(?<![.\w])console\./g, only: [], why: "what there is to say goes to a Log, results to cli/terminal.ts" },
  {
    what: /(?<![.\w])Bun\./g,
    only: ["host.ts", "ipc/bun-transport.ts", "worker/bun-threads.ts", "config-layers.ts", "cli/"],
    why: "Bun stands behind Transport, Threads and Host; its TOML parser reads the one file",
  },
];

// Sizes ---------------------------------------------------------------------------------------------------------------

const fileLinesMax = 250;
const functionLinesMax = 70;
const lineLengthMax = 160;

/** Files that are longer, with what they have now. To be split; none may grow. */
const longFiles: Readonly<Record<string, number>> = {};

/** Files with longer lines, and how many: rows of a table, whose columns are the point, and texts that read best whole. */
const longLines: Readonly<Record<string, number>> = {
  "config-keys.ts": 4,
  "errors.ts": 2,
  "log-line.ts": 1,
};

/** Files that throw what the system said: FileSystem and Libc promise a plain Error, which their callers turn into codes. */
const plainErrors = ["files.ts", "libc.ts", "testing/system-error.ts"];

// Rules ---------------------------------------------------------------------------------------------------------------

const fill = (lines: number): string => "  step();\n".repeat(lines);

const rules: readonly Rule[] = [
  {
    name: "each layer imports only what lies below it, types included",
    complaints: (sources) =>
      sources.flatMap(({ path, imports }) => {
        const layer = layerOf(path);
        const allowed = layers[layer];
        if (allowed === undefined) return [`src/${path}: no layer is known for it`];
        const above = imports.filter((file) => file.endsWith(".ts") && layerOf(file) !== layer && !allowed.includes(layerOf(file)));
        return above.map((file) => `src/${path}: ${layer} may not import ${file}`);
      }),
    bad: {
      "cli/conform/peer.ts": `import { FrameDecoder } from "../../ipc/wire/frame-decoder.ts";\n`,
      "ipc/wire/frame.ts": `import type { Envelope } from "../../message/envelope.ts";\n`,
      "runtime/names.ts": `export { Socket } from "../ipc/transport.ts";\n`,
      "agent/cell.ts": `const { Broker } = await import("../broker/broker.ts");\n`,
      "clock.ts": `import type {\n  Task,\n} from "./agent/cell.ts";\n`,
      "elsewhere/thing.ts": "",
    },
    good: { "broker/broker.ts": `import type { Activity } from "../agent/activity.ts";\nimport { after } from "../clock.ts";\n` },
  },
  {
    name: "no file imports itself by way of others",
    complaints: (sources) => cycles(new Map(sources.map(({ path, imports }) => [path, imports]))),
    bad: { "log.ts": `import { a } from "./clock.ts";\n`, "clock.ts": `import type { b } from "./log.ts";\n` },
    count: 1,
  },
  {
    name: "every file is reached from the public names or a command line",
    complaints: (sources) => {
      const reached = new Set<string>();
      const byPath = new Map(sources.map((source) => [source.path, source]));
      const visit = (path: string): void => {
        if (reached.has(path)) return;
        reached.add(path);
        for (const next of byPath.get(path)?.imports ?? []) visit(next);
      };
      for (const entry of ["index.ts", "client.ts", "testing.ts", "cli/main.ts", "cli/built/built.ts", "worker/thread-main.ts"]) visit(entry);
      return sources.filter(({ path }) => !reached.has(path)).map(({ path }) => `src/${path}: nothing uses it`);
    },
    bad: { "index.ts": `export { a } from "./log.ts";\n`, "log.ts": "", "orphan.ts": "" },
    count: 1,
  },
  {
    name: "packages and the host's modules are imported only where their wrapper is",
    complaints: (sources) =>
      sources.flatMap(({ path, imports }) =>
        imports
          .filter((name) => !name.endsWith(".ts"))
          .filter((name) => !(packageHomes[name] ?? packageHomes[name.split("/")[0] ?? ""])?.some((home) => path.startsWith(home)))
          .map((name) => `src/${path}: may not import ${name}`),
      ),
    bad: { "agent/cell.ts": `import { readFileSync } from "node:fs";\nimport lodash from "lodash";\nconst { a } = require("left-pad");\n` },
    good: { "ipc/wire/msgpack.ts": `import { Packr } from "msgpackr/pack";\n` },
    count: 3,
  },
  {
    name: "time, chance, turns, the process and Bun are reached through their seams",
    complaints: (sources) =>
      globals.flatMap(({ what, only, why }) =>
        sources.filter(({ path }) => !only.some((place) => path.startsWith(place))).flatMap((source) => found(source, what, why)),
      ),
    bad: {
      "agent/schedule.ts": "const now = Date.now();\nsetTimeout(() => queueMicrotask(run), Math.random());\n",
      "app.ts": "process.exit(1);\nconsole.log(Bun.version, performance.now(), setImmediate);\n",
    },
    count: 9,
    good: { "app.ts": "// process.exit is for cli/\nconst text = `Date.now ${this.process.env} Bun.`;\nlet timer: ReturnType<typeof setTimeout>;\n" },
  },
  {
    name: "nothing turns the type checker off",
    complaints: (sources) => [
      ...sources.flatMap((source) => found(source, /(?:[:<|&,([=]|\bas)\s*any\b/g, "unknown, or the type it has, instead of any")),
      ...sources.flatMap((source) => found(source, /\bas unknown as\b/g, "a cast by way of unknown hides a mistake")),
      ...sources.flatMap(({ path, text }) => matchLines(path, text, /@ts-(?:ignore|expect-error|nocheck)/g, "the error is there to be mended")),
    ],
    bad: { "log.ts": "let a: any = b as any;\nlet c = d as unknown as string;\n// @ts-ignore\nlet e: Array<any>;\n" },
    count: 5,
    good: { "log.ts": "// any text, as unknown as any\nconst many = anyOf;\nawait Promise.any(all);\n" },
  },
  {
    name: "no enum and no default export: a union, and a name",
    complaints: (sources) => [
      ...sources.flatMap((source) => found(source, /^\s*(?:export\s+)?(?:declare\s+)?(?:const\s+)?enum\b/gm, "a const object and a union instead")),
      ...sources.flatMap((source) => found(source, /^export default\b|\bas default\b/gm, "a named export instead")),
    ],
    bad: { "log.ts": "export enum Level { Low }\nconst enum Other { A }\nexport default 1;\nexport { a as default };\n" },
    count: 4,
    good: { "log.ts": `const node = { enum: 1 };\nif ("default" in node) throw node;\n` },
  },
  {
    name: "no module keeps state that changes",
    complaints: (sources) =>
      sources.flatMap((source) => found(source, /^(?:export\s+)?(?:let|var)\b/gm, "state belongs to an object that somebody makes")),
    bad: { "log.ts": "let count = 0;\nexport var last;\n" },
    count: 2,
    good: { "log.ts": "function f() {\n  let count = 0;\n}\n" },
  },
  {
    name: "errors have a code, or are a programmer's mistake of a built-in kind",
    complaints: (sources) =>
      sources
        .filter(({ path }) => !plainErrors.includes(path))
        .flatMap((source) => found(source, /\bnew Error\s*\(/g, "an ActonError with a code, or a TypeError or RangeError")),
    bad: { "agent/cell.ts": `throw new Error("no");\n` },
    good: { "agent/cell.ts": `// new Error(\nthrow new TypeError("no");\n` },
  },
  {
    name: "no work is left for later in a comment",
    complaints: (sources) => sources.flatMap(({ path, text }) => matchLines(path, text, /\b(?:TODO|FIXME|XXX|HACK)\b/g, "do it, or write an issue")),
    bad: { "log.ts": "// TODO: write it\n" },
  },
  {
    name: "every file says at its head what it is for",
    complaints: (sources) =>
      sources
        .filter(({ text }) => !/^\/\/ \S[^\n]*\n(?:\/\/[^\n]*\n){0,4}\n/.test(text))
        .map(({ path }) => `src/${path}: has no header comment of 1 to 5 lines`),
    bad: { "a.ts": "export const a = 1;\n", "b.ts": "// one\n// 2\n// 3\n// 4\n// 5\n// 6\n\n", "c.ts": "// Glued\nimport 'x';\n" },
    count: 3,
    good: { "d.ts": "// What it is for.\n\nexport const a = 1;\n" },
  },
  {
    name: "file names are kebab-case words",
    complaints: (sources) =>
      sources
        .filter(
          ({ path }) =>
            !/^(?:[a-z0-9]+(?:-[a-z0-9]+)*\/)*[a-z0-9]+(?:-[a-z0-9]+)*\.ts$/.test(path) ||
            /\b(?:utils?|common|helpers?|types|impl|misc)\.ts$/.test(path),
        )
        .map(({ path }) => `src/${path}: a kebab-case noun that says what is in it`),
    bad: { "agentCell.ts": "", "ipc/Wire/frame.ts": "", "agent/utils.ts": "" },
    count: 3,
    good: { "ipc/wire/frame-decoder.ts": "" },
  },
  {
    name: `no file is longer than ${fileLinesMax} lines, or than its ceiling`,
    complaints: (sources) =>
      sources.flatMap(({ path, text }) => {
        const length = text.split("\n").length - 1;
        const most = longFiles[path] ?? fileLinesMax;
        return length <= most ? [] : [`src/${path}: has ${length} lines, at most ${most}`];
      }),
    bad: { "a.ts": "\n".repeat(fileLinesMax + 1), "ipc/server/listener.ts": "\n".repeat(1000) },
    count: 2,
    good: { "b.ts": "\n".repeat(fileLinesMax) },
  },
  {
    name: `no function is longer than ${functionLinesMax} lines`,
    complaints: (sources) =>
      sources.flatMap(({ path, code }) =>
        functionsOf(code)
          .filter(({ length }) => length > functionLinesMax)
          .map(({ line, length }) => `src/${path}:${line}: a function of ${length} lines`),
      ),
    bad: {
      "a.ts": `export function long(a: string): void {\n${fill(69)}}\n`,
      "b.ts": `const long = async (): Promise<void> => {\n${fill(69)}};\n`,
      "c.ts": `class A {\n  async #long<T>(a = "}"): Promise<() => T> {\n${fill(69)}  }\n}\n`,
    },
    count: 3,
    good: {
      "a.ts": `export function fits(): void {\n${fill(68)}}\n`,
      "b.ts": `export class Long {\n${fill(200)}}\nif (a) {\n${fill(100)}}\nfor (const x of f(y)) {\n${fill(100)}}\n`,
    },
  },
  {
    name: `no line is longer than ${lineLengthMax} characters`,
    complaints: (sources) =>
      sources.flatMap(({ path, text }) => {
        const long = text
          .split("\n")
          .flatMap((line, index) => (line.length > lineLengthMax ? [`src/${path}:${index + 1}: ${line.length} characters`] : []));
        return long.length <= (longLines[path] ?? 0) ? [] : long;
      }),
    bad: { "a.ts": `${"x".repeat(lineLengthMax + 1)}\n` },
    good: { "a.ts": `${"x".repeat(lineLengthMax)}\n` },
  },
];

const src = join(root, "src");
const sources = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .sort()
  .map((path) => sourceOf(path, readFileSync(join(src, path), "utf8")));

for (const { name, complaints, bad, count, good = {} } of rules) {
  describe(name, () => {
    test("is a rule that can be broken", () => {
      expect(complaints(made(bad))).toHaveLength(count ?? Object.keys(bad).length);
      expect(complaints(made(good))).toEqual([]);
    });

    test("holds in src", () => {
      expect(complaints(sources)).toEqual([]);
    });
  });
}

describe("exceptions", () => {
  const lengthOf = (path: string): number => (sources.find((source) => source.path === path)?.text.split("\n").length ?? 1) - 1;

  test("are granted to files that still need them", () => {
    expect(Object.keys(longFiles).filter((path) => lengthOf(path) <= fileLinesMax)).toEqual([]);
    const needed = (path: string): boolean =>
      (sources.find((source) => source.path === path)?.text ?? "").split("\n").some((line) => line.length > lineLengthMax);
    expect(Object.keys(longLines).filter((path) => !needed(path))).toEqual([]);
    expect(plainErrors.filter((path) => !sources.some((source) => source.path === path && /\bnew Error\(/.test(source.code)))).toEqual([]);
  });

  test("name places that exist", () => {
    const places = [...Object.values(packageHomes), ...globals.map(({ only }) => only)].flat();
    expect(places.filter((place) => !sources.some(({ path }) => path.startsWith(place)))).toEqual([]);
    expect(bottomRow.filter((path) => !sources.some((source) => source.path === path))).toEqual([]);
  });
});

// Reading sources -----------------------------------------------------------------------------------------------------

function made(texts: Readonly<Record<string, string>>): Source[] {
  return Object.entries(texts).map(([path, text]) => sourceOf(path, text));
}

function sourceOf(path: string, text: string): Source {
  return { path, text, code: blanked(text), imports: importsOf(path, text) };
}

function importsOf(path: string, text: string): string[] {
  const statements = text.matchAll(/^(?:import|export)\b[^"';]*?\bfrom\s+"([^"]+)"|^import\s+"([^"]+)"|\b(?:import|require)\(\s*"([^"]+)"/gm);
  const names = [...statements].map(([, from, bare, dynamic]) => from ?? bare ?? dynamic ?? "");
  return names.map((name) => (name.startsWith(".") ? posix.join(posix.dirname(path), name) : name));
}

/** Comments, strings, templates (not what they interpolate) and regular expressions as spaces. */
function blanked(text: string): string {
  const opaque = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/y;
  const pattern = /\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/y;
  const templatePart = /(?:\\[\s\S]|\$(?!\{)|[^`\\$])*(?:`|\$\{)/y;
  const depths: number[] = [];
  let depth = 0;
  let code = "";
  const take = (matcher: RegExp, from: number): string | undefined => {
    matcher.lastIndex = from;
    return matcher.exec(text)?.[0];
  };
  while (code.length < text.length) {
    const at = code.length;
    const next = text[at] as string;
    const inTemplate = next === "`" || (next === "}" && depths.at(-1) === depth);
    const mayDivide = /[\w)\]}]\s*$/.test(code.slice(-80)) && !/\b(?:return|typeof|case|in|of)\s*$/.test(code.slice(-80));
    const part = inTemplate
      ? next + (take(templatePart, at + 1) ?? "")
      : (take(opaque, at) ?? (next === "/" && !mayDivide ? take(pattern, at) : undefined));
    if (inTemplate) {
      if (next === "}") depths.pop();
      if (part?.endsWith("${")) depths.push(depth);
    } else if (part === undefined) {
      depth += next === "{" ? 1 : next === "}" ? -1 : 0;
    }
    code += part === undefined ? next : part.replace(/[^\n]/g, " ");
  }
  return code;
}

/** Every function with a body in braces, by the line on which the body opens. */
function functionsOf(code: string): { readonly line: number; readonly length: number }[] {
  const functions: { line: number; length: number }[] = [];
  const opened: { readonly line: number; readonly isFunction: boolean }[] = [];
  let line = 1;
  for (let at = 0; at < code.length; at++) {
    if (code[at] === "\n") line += 1;
    else if (code[at] === "{") opened.push({ line, isFunction: opensFunction(code.slice(Math.max(0, at - 1000), at)) });
    else if (code[at] === "}") {
      const block = opened.pop();
      if (block?.isFunction) functions.push({ line: block.line, length: line - block.line + 1 });
    }
  }
  return functions;
}

/** Whether a brace after this text opens a function's body: after an arrow, or after parameters and a return type. */
function opensFunction(before: string): boolean {
  if (/=>\s*$/.test(before)) return true;
  const end = before.search(/\)\s*(?::(?:[^;{}=]|=>)*)?$/);
  if (end < 0) return false;
  let depth = 0;
  for (let at = end; at >= 0; at--) {
    depth += before[at] === ")" ? 1 : before[at] === "(" ? -1 : 0;
    if (depth === 0) return !/\b(?:if|for|while|switch|catch|with|await)\s*$/.test(before.slice(0, at));
  }
  return false;
}

function found({ path, code }: Source, what: RegExp, why: string): string[] {
  return matchLines(path, code, what, why);
}

function matchLines(path: string, text: string, what: RegExp, why: string): string[] {
  return [...text.matchAll(what)].map((match) => `src/${path}:${text.slice(0, match.index).split("\n").length}: ${match[0].trim()} (${why})`);
}

/** The ways along which a file comes back to itself, one for each knot. */
function cycles(imports: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const knots: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) knots.push([...path.slice(path.indexOf(file)), file].join(" → "));
    if (path.includes(file) || done.has(file)) return;
    for (const next of imports.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of imports.keys()) visit(file, []);
  return knots;
}
