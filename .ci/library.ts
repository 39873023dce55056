// What the library is made of, for the executable and for the npm package: its modules, and their declarations.

import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "..");

/** By the name that a program imports, the file below src/, without its extension. */
export const libraryModules: Readonly<Record<string, string>> = { acton: "index", "acton/client": "client", "acton/testing": "testing" };

export function sourceOf(file: string): string {
  return join(root, "src", `${file}.ts`);
}

/** Writes the declarations below `directory`. Returns what the type checker says against the sources, which is nothing as a rule. */
export async function writeDeclarations(directory: string): Promise<string> {
  const config = `${directory}.tsconfig.json`;
  const compilerOptions = {
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    rootDir: join(root, "src"),
    outDir: directory,
    typeRoots: [join(root, "node_modules/@types")],
  };
  const files = Object.values(libraryModules).map(sourceOf);
  writeFileSync(config, JSON.stringify({ extends: join(root, "tsconfig.json"), compilerOptions, files, include: [] }));
  const { exitCode, stdout } = await Bun.$`${process.execPath} ${join(root, "node_modules/.bin/tsc")} -p ${config}`.nothrow().quiet();
  rmSync(config);
  return exitCode === 0 ? "" : stdout.toString();
}
