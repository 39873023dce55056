// Tells when one of some files has changed. It watches their directories, because editors replace a file by another one,
// and tells once for all that happens within a moment.

import { dirname, join } from "node:path";
import type { Clock, Timer } from "../../clock.ts";
import type { FileSystem } from "../../files.ts";

const settleMs = 50;
const othersMax = 1000;

export class SourceWatch implements Disposable, Timer {
  due = 0;
  order = 0;
  place = -1;
  readonly #files: Pick<FileSystem, "watch">;
  readonly #clock: Clock;
  readonly #changed: () => void;
  readonly #directories = new Map<string, () => void>();
  #inputs: ReadonlySet<string> | undefined;
  /** What happened to files that may turn out to be among the next ones to follow. */
  readonly #others = new Set<string>();
  #waits = false;

  constructor(files: Pick<FileSystem, "watch">, clock: Clock, changed: () => void) {
    this.#files = files;
    this.#clock = clock;
    this.#changed = changed;
  }

  /**
   * From now on these files; with `neighbours`, whatever is in their directories: one may be missing that is to come. What has
   * happened to these files while they were read counts too.
   */
  follow(inputs: ReadonlySet<string>, neighbours: boolean): void {
    this.#inputs = neighbours ? undefined : inputs;
    const wanted = new Set([...inputs].map((path) => dirname(path)));
    for (const [directory, leave] of this.#directories) {
      if (wanted.has(directory)) continue;
      leave();
      this.#directories.delete(directory);
    }
    let isNew = false;
    for (const directory of wanted) {
      if (this.#directories.has(directory)) continue;
      isNew = true;
      this.#directories.set(
        directory,
        this.#files.watch(directory, (name) => this.#notice(join(directory, name))),
      );
    }
    // Nobody has looked at a new directory before.
    if (isNew || [...this.#others].some((path) => inputs.has(path))) this.#tellSoon();
    this.#others.clear();
  }

  expire(): void {
    this.#waits = false;
    this.#changed();
  }

  [Symbol.dispose](): void {
    for (const leave of this.#directories.values()) leave();
    this.#directories.clear();
    this.#clock.disarm(this);
  }

  #notice(path: string): void {
    if (this.#inputs?.has(path) !== false) this.#tellSoon();
    else if (this.#others.size < othersMax) this.#others.add(path);
  }

  #tellSoon(): void {
    if (this.#waits) return;
    this.#waits = true;
    this.#clock.arm(this, settleMs);
  }
}
