// Where bundles lie while they are served: a directory of our own, which goes with the process. A lock inside of it says
// that the process lives, so that the next one clears away what a kill has left.

import { mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { join } from "node:path";
import { systemFiles } from "../../files.ts";

const prefix = "acton-watch-";

/** For this user only. Removed, with all that is in it, when it is disposed of. */
export function openBundleDirectory(parent = realpathSync(process.env["TMPDIR"] ?? "/tmp")): Disposable & { readonly path: string } {
  for (const name of readdirSync(parent)) if (name.startsWith(prefix)) removeLeftOver(join(parent, name));
  const path = mkdtempSync(join(parent, prefix));
  const lock = systemFiles.lock(lockOf(path), String(process.pid));
  // Taken for a left-over between the two lines before: by now it is gone.
  if (lock.kind === "held") return openBundleDirectory(parent);
  return {
    path,
    [Symbol.dispose]() {
      rmSync(path, { recursive: true, force: true });
      lock.release();
    },
  };
}

function removeLeftOver(path: string): void {
  const status = systemFiles.lstat(path);
  if (status?.kind !== "directory" || status.uid !== process.geteuid?.() || systemFiles.lstat(lockOf(path)) === undefined) return;
  const lock = systemFiles.lock(lockOf(path), "");
  if (lock.kind === "held") return;
  rmSync(path, { recursive: true, force: true });
  lock.release();
}

function lockOf(directory: string): string {
  return join(directory, "lock");
}
