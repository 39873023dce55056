// Finds the import of a name that a module outside of the bundle does not have: the engine says which name it is, and of
// which module, but not where it is asked for.

import { systemFiles } from "../../files.ts";
import { shownPath } from "../module-failure.ts";

/** The line for the user, when this is what was thrown and one of the files is the cause. */
export function missingImport(thrown: unknown, inputs: ReadonlySet<string>): string | undefined {
  const name = thrown instanceof SyntaxError ? /^Export named '([\w$]+)' not found in module /.exec(thrown.message)?.[1] : undefined;
  if (name === undefined) return undefined;
  const statement = new RegExp(`^[ \\t]*(?:import|export)\\b[^;"']*?(?<![\\w$])${name.replaceAll("$", "\\$")}(?![\\w$])[^;"']*?\\bfrom\\b`, "m");
  for (const file of inputs) {
    const text = textOf(file);
    const found = statement.exec(text);
    if (found === null) continue;
    const at = found.index + found[0].search(new RegExp(`(?<![\\w$])${name.replaceAll("$", "\\$")}(?![\\w$])`));
    return `${shownPath(file)}:${text.slice(0, at).split("\n").length}: ${(thrown as SyntaxError).message}`;
  }
  return undefined;
}

function textOf(file: string): string {
  try {
    return systemFiles.readText(file, Infinity) ?? "";
  } catch {
    // By now it is closed to us, or something else.
    return "";
  }
}
