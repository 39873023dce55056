// Loads a user's application module into the executable: what it imports as "acton" and "zod" comes from inside the
// binary, npm packages from beside the module. Whatever is wrong with it is said in one line, with file and line.

import { relative, resolve } from "node:path";
import { codeOf, detailOf, quoted } from "../errors.ts";
import { systemFiles } from "../files.ts";
import { CommandError, exitCodes } from "./exit-codes.ts";

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

/** The default export of the module at `path`, which is resolved against the current directory. */
export async function loadDefaultExport(path: string): Promise<unknown> {
  const absolute = resolve(path);
  if (systemFiles.lstat(absolute) === undefined) throw cannotStart(`cannot find the module ${shownPath(absolute)}: there is no such file`);
  registerVirtualModules();
  try {
    const loaded: { readonly default?: unknown } = await import(absolute);
    return loaded.default;
  } catch (thrown) {
    throw moduleFailure(absolute, thrown);
  }
}

/** What a module threw, while it was loaded or later on, as one line with file and line. */
export function moduleFailure(path: string, thrown: unknown): CommandError {
  return cannotStart(problemOf(path, thrown), thrown);
}

export function shownPath(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere === "" || fromHere.startsWith("..") ? path : fromHere;
}

function cannotStart(message: string, cause?: unknown): CommandError {
  return new CommandError(exitCodes.cannotStart, message, { cause });
}

function problemOf(module: string, thrown: unknown): string {
  const first: unknown = thrown instanceof AggregateError ? thrown.errors[0] : thrown;
  if (first instanceof ResolveMessage) return unresolved(first);
  if (first instanceof BuildMessage) {
    const { position } = first;
    return position === null ? `${shownPath(module)}: ${first.message}` : `${shownPath(position.file)}:${position.line}: ${first.message}`;
  }
  const place = placeOf(first);
  if (codeOf(first) === "ERR_DLOPEN_DISABLED")
    return `${addonName(place?.file ?? module)} is a native addon; the acton executable does not load them`;
  const where = place === undefined ? shownPath(module) : `${shownPath(place.file)}:${place.line}`;
  if (first instanceof SyntaxError && place === undefined) return `${where}: ${detailOf(first)}`;
  return first instanceof Error ? `${where}: the module threw ${first.name}: ${detailOf(first)}` : `${where}: the module threw ${quoted(first)}`;
}

function unresolved(message: ResolveMessage): string {
  const { specifier, referrer } = message;
  const importer = `${shownPath(referrer)} imports ${quoted(specifier)}`;
  if (/^[./]/.test(specifier)) return `${importer}: there is no such file`;
  const [scopeOrName = "", name] = specifier.split("/");
  const packageName = scopeOrName.startsWith("@") ? `${scopeOrName}/${name ?? ""}` : scopeOrName;
  return `${importer}, which is not installed beside it: npm install ${packageName}`;
}

interface Place {
  readonly file: string;
  readonly line: string;
}

// The first stack frame that is not inside this executable.
function placeOf(thrown: unknown): Place | undefined {
  const stack = thrown instanceof Error ? (thrown.stack ?? "") : "";
  for (const [, file = "", line = ""] of stack.matchAll(/(?:\(|at (?:async )?)(\/[^\n()]+?):(\d+)(?::\d+)?\)?$/gm)) {
    if (!file.startsWith("/$bunfs/")) return { file, line };
  }
  return undefined;
}

function addonName(file: string): string {
  const packageName = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1];
  return packageName === undefined ? `what ${shownPath(file)} loads` : `the package ${quoted(packageName)}`;
}
