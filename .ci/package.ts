// Makes the npm package `acton` in dist/package: JavaScript for Bun and for Node, and the declarations.
// `bun .ci/package.ts [DIRECTORY]`; then `npm pack DIRECTORY` or `npm publish DIRECTORY`.

import type { BunPlugin } from "bun";
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import project from "../package.json";
import { libraryModules, sourceOf, writeDeclarations } from "./library.ts";

const root = join(import.meta.dir, "..");

/** Replaces whatever is in `directory`. */
export async function makePackage(directory: string): Promise<void> {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  await Promise.all([bundle(directory, "bun"), bundle(directory, "node"), declarations(directory)]);
  copyFileSync(join(root, "LICENSE"), join(directory, "LICENSE"));
  writeFileSync(join(directory, "package.json"), `${JSON.stringify(manifest(), undefined, 2)}\n`);
}

function manifest(): object {
  const { name, version, description, license, dependencies } = project;
  const exported = Object.entries(libraryModules).map(([module, file]) => [
    module.replace(name, "."),
    { types: `./types/${file}.d.ts`, bun: `./bun/${file}.js`, default: `./node/${file}.js` },
  ]);
  return {
    name,
    version,
    description,
    license,
    type: "module",
    sideEffects: false,
    exports: { ...Object.fromEntries(exported), "./package.json": "./package.json" },
    files: ["bun", "node", "types"],
    engines: { node: ">=20", bun: `>=${project.engines.bun}` },
    dependencies: { msgpackr: dependencies.msgpackr, zod: dependencies.zod },
  };
}

// Split, so that what both entries use (an error class, a message type) is one thing whichever a program imports.
async function bundle(directory: string, target: "bun" | "node"): Promise<void> {
  const result = await Bun.build({
    entrypoints: Object.values(libraryModules).map(sourceOf),
    outdir: join(directory, target),
    target,
    format: "esm",
    splitting: true,
    packages: "external",
    naming: { chunk: "chunk-[hash].[ext]" },
    define: { ACTON_VERSION: JSON.stringify(project.version) },
    plugins: target === "node" ? [bunIsMissing] : [],
  });
  if (!result.success) throw new AggregateError(result.logs, `the package's half for ${target} was not built`);
}

/** On Node the library defines messages and agents, and connects; to listen needs Bun. */
const bunIsMissing: BunPlugin = {
  name: "bun-is-missing",
  setup(build) {
    build.onResolve({ filter: /^bun:(?:ffi|jsc)$/ }, () => ({ path: "bun", namespace: "missing" }));
    build.onLoad({ filter: /.*/, namespace: "missing" }, () => ({
      contents: `const missing = () => { throw new TypeError("acton's runtime needs Bun"); };\nexport { missing as dlopen, missing as ptr, missing as read, missing as toArrayBuffer, missing as drainMicrotasks };\n`,
      loader: "js",
    }));
  },
};

async function declarations(directory: string): Promise<void> {
  const complaints = await writeDeclarations(join(directory, "types"));
  if (complaints !== "") throw new Error(`the declarations were not made:\n${complaints}`);
}

if (import.meta.main) await makePackage(resolve(process.argv[2] ?? join(root, "dist/package")));
