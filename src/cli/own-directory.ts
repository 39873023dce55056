// A directory of our own beside others', which goes with the process. A lock inside of it says that the process lives, so
// that the next one clears away what a kill has left.

import { mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type LockResult, systemFiles } from "../files.ts";
import { cannotStart } from "./module-failure.ts";
import { systemReason } from "./system-reason.ts";

export interface OwnDirectory extends Disposable {
  readonly path: string;
}

/** One for what is needed until the process ends. */
export function openTemporaryDirectory(prefix: string): OwnDirectory {
  const given = process.env["TMPDIR"] ?? "";
  const parent = given === "" ? "/tmp" : given;
  try {
    return openOwnDirectory(realpathSync(parent), prefix);
  } catch (thrown) {
    throw cannotStart(
      `cannot make a directory in ${parent}, which is ${given === "" ? "for temporary files" : "TMPDIR"}: ${systemReason(thrown)}`,
      thrown,
    );
  }
}

/** For this user only. Removed, with all that is in it, when it is disposed of. Throws what the system says. */
export function openOwnDirectory(parent: string, prefix: string): OwnDirectory {
  for (const name of namesIn(parent)) if (name.startsWith(prefix)) removeLeftOver(join(parent, name));
  const path = mkdtempSync(join(parent, prefix));
  const lock = lockIn(path);
  // Taken for a left-over between the two lines before: by now it is gone, or it is going.
  if (lock.kind === "held" || systemFiles.lstat(path) === undefined) return openOwnDirectory(parent, prefix);
  return {
    path,
    [Symbol.dispose]() {
      rmSync(path, { recursive: true, force: true });
      lock.release();
    },
  };
}

function lockIn(directory: string): LockResult {
  try {
    return systemFiles.lock(lockOf(directory), String(process.pid));
  } catch {
    // Where nothing can be locked nobody clears away, which is told by there being no such file.
    rmSync(lockOf(directory), { force: true });
    return { kind: "locked", release() {} };
  }
}

/** None where only making files is allowed. */
function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function removeLeftOver(path: string): void {
  try {
    const status = systemFiles.lstat(path);
    if (status?.kind !== "directory" || status.uid !== process.geteuid?.() || systemFiles.lstat(lockOf(path)) === undefined) return;
    const lock = systemFiles.lock(lockOf(path), "");
    if (lock.kind === "held") return;
    using _ = { [Symbol.dispose]: () => lock.release() };
    rmSync(path, { recursive: true, force: true });
  } catch {
    // Somebody else has removed it meanwhile, or it is closed to us.
  }
}

function lockOf(directory: string): string {
  return join(directory, "lock");
}
