// Compiles src/cli/main.ts into one executable, unless it is newer than all that it is made from. Run with the pinned
// Bun by `npm start`, `npm test` and `bun run check`: `bun build.ts [FILE]`, dist/acton by default.

import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { builtModule } from "./src/cli/library.ts";
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
    const [library, declarations] = await Promise.all([bundledLibrary(directory), declarationsIn(directory)]);
    await compile(join(directory, basename(outfile)), { ACTON_LIBRARY: library, ACTON_DECLARATIONS: declarations });
    renameSync(join(directory, basename(outfile)), outfile);
  } finally {
    rmSync(directory, { recursive: true });
  }
  console.error(`${outfile}: ${(statSync(outfile).size / 2 ** 20).toFixed(1)} MiB, compiled in ${Math.round(performance.now() - started)} ms`);
}

/** The library and zod for what the executable runs and builds: each importable module one file, and what they share in chunks. */
async function bundledLibrary(directory: string): Promise<string> {
  const zods = ["zod", "zod/v4", "zod/mini", "zod/v4-mini", "zod/v4/core"].map((name) => [name, Bun.resolveSync(name, import.meta.dir)] as const);
  const ours = Object.entries({ ...libraryModules, [builtModule]: "cli/built/built" }).map(([name, file]) => [name, sourceOf(file)] as const);
  const entries = [...ours, ...zods].map(([name, path]) => ({ name, path, file: name.replaceAll(/[/:]/g, "-") }));
  const entryOf = ({ file }: { readonly file: string }): string => join(directory, "library", `${file}.ts`);
  mkdirSync(join(directory, "library"));
  for (const entry of entries) writeFileSync(entryOf(entry), await reexport(entry.path));
  const result = await Bun.build({
    entrypoints: entries.map(entryOf),
    root: join(directory, "library"),
    target: "bun",
    format: "esm",
    splitting: true,
    naming: { chunk: "chunk-[hash].[ext]" },
    minify: { syntax: true, whitespace: true, identifiers: false },
    define: defines,
  });
  for (const message of result.logs) console.error(Bun.inspect(message));
  if (!result.success) throw new Error("the library was not bundled");
  const files = await Promise.all(result.outputs.map(async (output) => [output.path.replace(/^\.\//, ""), await output.text()] as const));
  return packed({ modules: Object.fromEntries(entries.map(({ name, file }) => [name, `${file}.js`])), files: Object.fromEntries(files) });
}

async function reexport(path: string): Promise<string> {
  const from = `from ${JSON.stringify(path)};\n`;
  return `export * ${from}${"default" in (await import(path)) ? `export { default } ${from}` : ""}`;
}

/** What `acton new` gives to editors: the declarations of the library, of zod and of bun:test, packed. */
async function declarationsIn(directory: string): Promise<string> {
  const types = resolve(directory, "types");
  // Wrong types are the type checker's matter, not the build's.
  await writeDeclarations(types);
  const isModern = (path: string): boolean => path.endsWith(".d.ts") && !/^(?:src|v3)\//.test(path);
  return packed(
    Object.fromEntries([
      ...textsIn(types, () => true).map(([path, text]) => [`acton/${path}`, text]),
      ...textsIn("node_modules/zod", isModern).map(([path, text]) => [`zod/${path}`, text]),
      ["bun/test.d.ts", readFileSync("node_modules/bun-types/test.d.ts", "utf8")],
    ]),
  );
}

function packed(value: object): string {
  return Buffer.from(Bun.gzipSync(JSON.stringify(value))).toString("base64");
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
