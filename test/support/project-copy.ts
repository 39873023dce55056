// A copy of some of the project, for running it with something else in it. Gone with its block.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "../..");

export class ProjectCopy implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "acton-copy-"));

  /** Files and directories, below the project's root. */
  constructor(copied: readonly string[]) {
    for (const each of copied) {
      mkdirSync(join(this.path, each, ".."), { recursive: true });
      cpSync(join(root, each), join(this.path, each), { recursive: true });
    }
    symlinkSync(join(root, "node_modules"), join(this.path, "node_modules"));
  }

  /** Puts another text into one of its files; returns what was there. */
  change(file: string, to: (text: string) => string): string {
    const path = join(this.path, file);
    const text = readFileSync(path, "utf8");
    writeFileSync(path, to(text));
    return text;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
