// Loads a user's application module into the executable: what it imports as "acton" and "zod" comes from inside the
// binary, npm packages from beside the module.

import { resolve } from "node:path";
import { constants, runInThisContext } from "node:vm";
import { systemFiles } from "../files.ts";
import { cannotStart, moduleFailure, shownPath } from "./module-failure.ts";

/** Our own packages, under every name that a module may import them by. Loaded when one does. */
const virtualModules: Readonly<Record<string, () => Promise<Record<string, unknown>>>> = {
  acton: () => import("../index.ts"),
  "acton/client": () => import("../client.ts"),
  "acton/testing": () => import("../testing.ts"),
  zod: () => import("zod"),
  "zod/v4": () => import("zod/v4"),
  "zod/mini": () => import("zod/mini"),
  "zod/v4-mini": () => import("zod/v4-mini"),
  "zod/v4/core": () => import("zod/v4/core"),
};

/** Makes "acton" and "zod" importable in this thread. A copy that is installed beside a module gives way: types and schemas have one identity. */
export function registerVirtualModules(): void {
  // Run from source, there is no inside: they are found beside the module, as anywhere.
  if (!Bun.isStandaloneExecutable) return;
  Bun.plugin({
    name: "acton",
    setup(build) {
      for (const [name, load] of Object.entries(virtualModules)) {
        build.module(name, async () => ({ exports: await load(), loader: "object" }));
      }
    },
  });
}

export function isVirtualModule(name: string): boolean {
  return Object.hasOwn(virtualModules, name);
}

/** The default export of the module at `path`, which is resolved against the current directory. */
export async function loadDefaultExport(path: string): Promise<unknown> {
  const absolute = resolve(path);
  checkPresent(absolute);
  registerVirtualModules();
  try {
    return await importDefault(absolute);
  } catch (thrown) {
    throw moduleFailure(absolute, thrown);
  }
}

export function checkPresent(absolute: string): void {
  if (systemFiles.lstat(absolute) === undefined) throw cannotStart(`cannot find the module ${shownPath(absolute)}: there is no such file`);
}

/** Rejects with whatever the module throws. */
export async function importDefault(absolute: string): Promise<unknown> {
  const loaded: { readonly default?: unknown } = await imported(absolute);
  return loaded.default;
}

// As if the module imported itself. Imported from in here, Bun would look the path up in the `paths` of a tsconfig.json in the
// current directory, which need not be ours.
function imported(path: string): Promise<{ readonly default?: unknown }> {
  const options = { filename: path, importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER };
  return runInThisContext("(path) => import(path)", options)(path);
}
