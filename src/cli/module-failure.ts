// What is wrong with a user's module, in one line with file and line: found while it is loaded or built, or thrown later on.

import { relative } from "node:path";
import { ActonError, codeOf, detailOf, quoted } from "../errors.ts";
import { CommandError, exitCodes } from "./exit-codes.ts";
import { isBuilt, programName } from "./program-name.ts";

/** What a module threw, while it was loaded or later on, as one line with file and line. */
export function moduleFailure(path: string, thrown: unknown): CommandError {
  return thrown instanceof CommandError ? thrown : cannotStart(problemOf(path, thrown), thrown);
}

export function shownPath(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere === "" || fromHere.startsWith("..") ? path : fromHere;
}

export function cannotStart(message: string, cause?: unknown): CommandError {
  return new CommandError(exitCodes.cannotStart, message, { cause });
}

function problemOf(module: string, thrown: unknown): string {
  const first: unknown = thrown instanceof AggregateError ? thrown.errors[0] : thrown;
  if (first instanceof ResolveMessage) return unresolved(first);
  if (first instanceof BuildMessage) {
    const { position } = first;
    return position === null ? `${shownPath(module)}: ${first.message}` : `${shownPath(position.file)}:${position.line}: ${first.message}`;
  }
  const place = placeOf(first instanceof ActonError ? first.cause : first);
  if (codeOf(first) === "ERR_DLOPEN_DISABLED")
    return `${addonName(place?.file ?? module)} is a native addon; ${isBuilt ? programName : "the acton executable"} does not load them`;
  if (first instanceof ActonError) return place === undefined ? first.message : `${shownPath(place.file)}:${place.line}: ${first.message}`;
  const where = place === undefined ? shownPath(module) : `${shownPath(place.file)}:${place.line}`;
  if (first instanceof SyntaxError && place === undefined) return `${where}: ${detailOf(first)}`;
  return first instanceof Error ? `${where}: the module threw ${first.name}: ${detailOf(first)}` : `${where}: the module threw ${quoted(first)}`;
}

function unresolved(message: ResolveMessage): string {
  const { specifier, referrer, position } = message;
  // The bundler tells the place, the loader the module.
  const place = position === null || position.file === "" ? shownPath(referrer) : `${shownPath(position.file)}:${position.line}`;
  const importer = `${place} imports ${quoted(specifier)}`;
  if (/^[./]/.test(specifier)) return `${importer}: there is no such file`;
  const [scopeOrName = "", name] = specifier.split("/");
  const packageName = scopeOrName.startsWith("@") ? `${scopeOrName}/${name ?? ""}` : scopeOrName;
  return `${importer}, which is not installed beside it: npm install ${packageName}`;
}

interface Place {
  readonly file: string;
  readonly line: string;
}

// The first stack frame that is not inside this executable; of a built program, the first that is not acton's.
function placeOf(thrown: unknown): Place | undefined {
  const stack = thrown instanceof Error ? (thrown.stack ?? "") : "";
  const frames = isBuilt ? /(?:\(|at (?:async )?)([^\s():]+\.\w+):(\d+)(?::\d+)?\)?$/gm : /(?:\(|at (?:async )?)(\/[^\n()]+?):(\d+)(?::\d+)?\)?$/gm;
  for (const [, file = "", line = ""] of stack.matchAll(frames)) {
    if (!file.startsWith("/$bunfs/")) return { file, line };
  }
  return undefined;
}

function addonName(file: string): string {
  const packageName = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1];
  return packageName === undefined ? `what ${shownPath(file)} loads` : `the package ${quoted(packageName)}`;
}
