// The file that `acton build` writes: what it may not be, and how it comes to its place.

import { chmodSync, realpathSync, renameSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { type CommandError, usageError } from "../exit-codes.ts";
import { openOwnDirectory } from "../own-directory.ts";
import { systemReason } from "../system-reason.ts";

/** The absolute path, if a file may be written there. */
export function checkedOutput(written: string, module: string): string {
  if (written === "") throw usageError("--output needs a path");
  const output = resolve(written);
  const status = attempted(written, () => statSync(output, { throwIfNoEntry: false }));
  if (status === undefined && written.endsWith("/")) throw usageError(`cannot write ${written}: it names a directory, and must name a file`);
  if (status === undefined) return output;
  if (status.isDirectory()) throw usageError(`cannot write ${written}: it is a directory; name a file in it, such as ${suggestion(written, module)}`);
  if (!status.isFile()) throw usageError(`cannot write ${written}: it is not a file`);
  if (realpathSync(output) === realpathSync(module)) throw usageError(`cannot write ${written}: it is the module itself`);
  return output;
}

function suggestion(directory: string, module: string): string {
  return join(directory, basename(module).replace(/\.[^.]*$/, ""));
}

/**
 * `write` gets a path on the same file system, and returns what it has against it, or nothing when it has made the file; this
 * then comes to `output`, executable. A signal ends the process when the rest is removed.
 */
export async function intoPlace(output: string, write: (path: string) => Promise<readonly unknown[]>): Promise<readonly unknown[]> {
  // First of all: what a signal finds there is removed.
  const ended = signals();
  try {
    using directory = attempted(output, () => openOwnDirectory(dirname(output), ".acton-build-"));
    // In the executable its own name can be seen, and the same sources are to give the same bytes.
    const made = join(directory.path, "program");
    const problems = await write(made);
    if (problems.length > 0 || ended.by !== undefined) return problems;
    attempted(output, () => {
      chmodSync(made, 0o755);
      renameSync(made, output);
    });
    return problems;
  } finally {
    ended.resume();
  }
}

function attempted<T>(output: string, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    throw cannotWrite(output, thrown);
  }
}

function cannotWrite(output: string, thrown: unknown): CommandError {
  return usageError(`cannot write ${output}: ${systemReason(thrown)}`);
}

/** Holds up the first signal that would end the process, until `resume`; a second one ends it at once. */
function signals(): { by: NodeJS.Signals | undefined; resume(): void } {
  const names = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const held = {
    by: undefined as NodeJS.Signals | undefined,
    resume() {
      for (const name of names) process.off(name, hold);
      if (held.by !== undefined) process.kill(process.pid, held.by);
    },
  };
  const hold = (name: NodeJS.Signals): void => {
    for (const each of names) process.off(each, hold);
    held.by = name;
  };
  for (const name of names) process.on(name, hold);
  return held;
}
