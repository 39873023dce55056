// Compiles src/cli/main.ts into one executable, unless it is newer than all that it is made from. Run with the pinned
// Bun by `npm start`, `npm test` and `bun run check`: `bun build.ts [FILE]`, dist/acton by default.

import { lstatSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { libraryModules, sourceOf, writeDeclarations } from "./.ci/library.ts";
import { version } from "./package.json";

const defines = {
  ACTON_VERSION: JSON.stringify(version),
  // msgpackr would open a native accelerator from the build machine's node_modules.
  "process.env.MSGPACKR_NATIVE_ACCELERATION_DISABLED": '"true"',
};
const outfile = process.argv[2] ?? "dist/acton";

if (newestOf(["src", "build.ts", ".ci/library.ts", "package.json", "bun.lock", "tsconfig.json"]) >= timeOf(outfile)) await build();

async function build(): Promise<void> {
  const started = performance.now();
  await Bun.$`mkdir -p ${dirname(outfile)}`.quiet();
  // Renamed into place when whole: a server that runs the old one, and a second build, are not disturbed.
  const directory = mkdtempSync(join(dirname(outfile), ".build-"));
  try {
    const [preload, declarations] = await Promise.all([testPreload(directory), declarationsIn(directory)]);
    await compile(join(directory, basename(outfile)), { ACTON_TEST_PRELOAD: preload, ACTON_DECLARATIONS: declarations });
    renameSync(join(directory, basename(outfile)), outfile);
  } finally {
    rmSync(directory, { recursive: true });
  }
  console.error(`${outfile}: ${(statSync(outfile).size / 2 ** 20).toFixed(1)} MiB, compiled in ${Math.round(performance.now() - started)} ms`);
}

/** What `acton test` preloads: the library and zod in one file, which makes them importable by name. */
async function testPreload(directory: string): Promise<string> {
  const ours = Object.entries(libraryModules).map(([name, file]) => [name, sourceOf(file)] as const);
  const zods = ["zod", "zod/v4", "zod/mini", "zod/v4-mini", "zod/v4/core"].map((name) => [name, Bun.resolveSync(name, import.meta.dir)] as const);
  const modules = [...ours, ...zods];
  const imports = modules.map(([, path], index) => `import * as m${index} from ${JSON.stringify(path)};\n`);
  const entries = modules.map(([name], index) => `build.module(${JSON.stringify(name)}, () => ({ exports: m${index}, loader: "object" }));`);
  const entry = join(directory, "test-preload.ts");
  writeFileSync(entry, `${imports.join("")}Bun.plugin({ name: "acton", setup(build) { ${entries.join(" ")} } });\n`);
  const result = await Bun.build({
    entrypoints: [entry],
    target: "bun",
    format: "esm",
    minify: { syntax: true, whitespace: true, identifiers: false },
    define: defines,
  });
  for (const message of result.logs) console.error(Bun.inspect(message));
  const [output] = result.outputs;
  if (output === undefined) throw new Error("the preload for tests was not built");
  return output.text();
}

/** What `acton new` gives to editors: the declarations of the library, of zod and of bun:test, packed. */
async function declarationsIn(directory: string): Promise<string> {
  const types = resolve(directory, "types");
  // Wrong types are the type checker's matter, not the build's.
  await writeDeclarations(types);
  const isModern = (path: string): boolean => path.endsWith(".d.ts") && !/^(?:src|v3)\//.test(path);
  const packed = Object.fromEntries([
    ...textsIn(types, () => true).map(([path, text]) => [`acton/${path}`, text]),
    ...textsIn("node_modules/zod", isModern).map(([path, text]) => [`zod/${path}`, text]),
    ["bun/test.d.ts", readFileSync("node_modules/bun-types/test.d.ts", "utf8")],
  ]);
  return Buffer.from(Bun.gzipSync(JSON.stringify(packed))).toString("base64");
}

function textsIn(directory: string, isWanted: (path: string) => boolean): (readonly [path: string, text: string])[] {
  const paths = readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((path) => statSync(join(directory, path)).isFile());
  return paths.filter(isWanted).map((path) => [path, readFileSync(join(directory, path), "utf8")]);
}

async function compile(file: string, texts: Readonly<Record<string, string>>): Promise<void> {
  const result = await Bun.build({
    entrypoints: ["src/cli/main.ts"],
    // Splitting and bytecode together halve the start of a command: only what it runs is loaded, without parsing.
    // Bytecode needs `esm` for the entry's top-level await.
    format: "esm",
    splitting: true,
    bytecode: true,
    // Names stay: an error's stack, and a class's name, are read by people.
    minify: { syntax: true, whitespace: true, identifiers: false },
    sourcemap: "linked",
    define: { ...defines, ...Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, JSON.stringify(text)])) },
    compile: {
      outfile: file,
      // Nothing from the current directory is ever run.
      autoloadBunfig: false,
      autoloadDotenv: false,
      execArgv: ["--no-addons"],
      // A user's module may use packages that are beside it, and its own tsconfig paths.
      autoloadPackageJson: true,
      autoloadTsconfig: true,
    },
  });
  for (const message of result.logs) console.error(Bun.inspect(message));
  if (!result.success) throw new Error(`${outfile} was not built`);
}

// Directories count too: theirs changes when a file in them goes away.
function newestOf(paths: readonly string[]): number {
  return Math.max(
    ...paths.map((path) =>
      lstatSync(path).isDirectory() ? Math.max(timeOf(path), newestOf(readdirSync(path).map((name) => join(path, name)))) : timeOf(path),
    ),
  );
}

function timeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
