// Tells when one of some files has changed. It watches their directories, because editors replace a file by another one,
// and those above, because a checkout replaces directories; and it tells once for all that happens within a moment.

import { dirname, join } from "node:path";
import type { Clock, Timer } from "../../clock.ts";
import type { FileSystem } from "../../files.ts";

const settleMs = 50;
const othersMax = 1000;

/** What is needed of the file system. */
type Files = Pick<FileSystem, "watch" | "lstat" | "realpath">;

interface Watched {
  /** Tells it from another one that has come to its place; undefined when one may have. */
  identity: string | undefined;
  readonly leave: () => void;
}

export class SourceWatch implements Disposable, Timer {
  due = 0;
  order = 0;
  place = -1;
  readonly #files: Files;
  readonly #clock: Clock;
  readonly #changed: () => void;
  readonly #directories = new Map<string, Watched>();
  #inputs: ReadonlySet<string> = new Set();
  #neighbours = false;
  /** Where the files are. */
  #places: ReadonlySet<string> = new Set();
  /** And what is above. */
  #wanted: ReadonlySet<string> = new Set();
  /** What happened to files that may turn out to be among the next ones to follow. */
  readonly #others = new Set<string>();
  #waits = false;

  constructor(files: Files, clock: Clock, changed: () => void) {
    this.#files = files;
    this.#clock = clock;
    this.#changed = changed;
  }

  /**
   * From now on these files; with `neighbours`, whatever is in their directories: one may be missing that is to come. What has
   * happened to these files while they were read counts too.
   */
  follow(inputs: ReadonlySet<string>, neighbours: boolean): void {
    const places = new Set([...inputs].map((path) => dirname(path)));
    // A directory that is gone for now is why something is missing.
    this.#places = neighbours ? places.union(this.#places) : places;
    this.#inputs = inputs;
    this.#neighbours = neighbours;
    const wanted = (this.#wanted = new Set([...this.#places].flatMap(withThoseAbove)));
    for (const directory of this.#directories.keys()) if (!wanted.has(directory)) this.#leave(directory);
    let isNew = false;
    // What is above first: from then on it tells when one below is replaced.
    for (const directory of [...wanted].sort((one, other) => one.length - other.length)) isNew = this.#watch(directory) || isNew;
    // Nobody has looked at a new directory before.
    if (isNew || [...this.#others].some((path) => inputs.has(path))) this.#tellSoon();
    this.#others.clear();
  }

  expire(): void {
    this.#waits = false;
    this.#changed();
  }

  [Symbol.dispose](): void {
    for (const directory of this.#directories.keys()) this.#leave(directory);
    this.#clock.disarm(this);
  }

  /** Whether it was not watched yet, and now is. */
  #watch(directory: string): boolean {
    try {
      const identity = this.#identityOf(directory);
      if (identity !== undefined && this.#directories.get(directory)?.identity === identity) return false;
      this.#leave(directory);
      if (identity === undefined) return false;
      const leave = this.#files.watch(directory, (name) => this.#notice(directory, name));
      this.#directories.set(directory, { identity, leave });
      return true;
    } catch (thrown) {
      // One above may be closed to us. One that has gone this moment is told of by the one above.
      if (!this.#places.has(directory) || this.#identityOf(directory) === undefined) return false;
      throw thrown;
    }
  }

  #identityOf(directory: string): string | undefined {
    if (this.#files.lstat(directory) === undefined) return undefined;
    const status = this.#files.lstat(this.#files.realpath(directory));
    return status && `${status.dev}:${status.ino}`;
  }

  #leave(directory: string): void {
    this.#directories.get(directory)?.leave();
    this.#directories.delete(directory);
  }

  #notice(directory: string, name: string): void {
    const path = join(directory, name);
    if (this.#wanted.has(path)) {
      // The number of a file that is gone is given to the next one.
      for (const [below, watched] of this.#directories) if (withThoseAbove(below).includes(path)) watched.identity = undefined;
      this.#tellSoon();
    } else if (this.#inputs.has(path)) this.#tellSoon();
    else if (!this.#places.has(directory)) return;
    else if (this.#neighbours) this.#tellSoon();
    else if (this.#others.size < othersMax) this.#others.add(path);
  }

  #tellSoon(): void {
    if (this.#waits) return;
    this.#waits = true;
    this.#clock.arm(this, settleMs);
  }
}

function withThoseAbove(directory: string): string[] {
  const above = dirname(directory);
  return above === directory ? [directory] : [directory, ...withThoseAbove(above)];
}
