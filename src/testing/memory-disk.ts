// The inodes of a simulated machine: names, links, owners, modes and locks, with the permission checks of Unix. Holds no
// bytes but the text of files; what a socket's inode leads to is the network's matter.

import type { FileKind } from "../files.ts";
import { type SystemCode, systemError } from "./system-error.ts";

/** On whose behalf something is done. */
export interface Credentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

export interface Inode {
  readonly ino: bigint;
  readonly kind: FileKind;
  uid: number;
  gid: number;
  mode: number;
  /** A file's content, or where a link leads. */
  text: string;
  /** What a directory holds. */
  readonly entries: Map<string, Inode>;
  lockedBy: number | undefined;
}

/** A name in its directory, and what it stands for, if anything. */
export interface Place {
  readonly directory: Inode;
  readonly name: string;
  readonly inode: Inode | undefined;
  /** Links resolved. */
  readonly path: string;
}

const linksMax = 40;
const sticky = 0o1000;
export const mayRead = 4;
export const mayWrite = 2;
export const maySearch = 1;

export class MemoryDisk {
  readonly #root: Inode;
  readonly #watchers = new Set<{ readonly directory: Inode; readonly changed: (name: string) => void }>();
  #lastIno = 1n;

  constructor() {
    this.#root = this.#inode("directory", 0o755, { uid: 0, gid: 0, pid: 0 });
    this.#root.entries.set("tmp", this.#inode("directory", 0o1777, { uid: 0, gid: 0, pid: 0 }));
  }

  /** Where a path leads; the last name may be free. Throws ENOENT, ENOTDIR, EACCES or ELOOP on the way there. */
  find(path: string, user: Credentials, follow: "links" | "no link"): Place {
    return this.#walk(path, user, follow, linksMax);
  }

  /** A new inode under a free name. EEXIST when it is taken. */
  create(path: string, user: Credentials, made: { readonly kind: FileKind; readonly mode: number; readonly text?: string }): Inode {
    const { directory, name, inode } = this.find(path, user, "no link");
    if (inode !== undefined) throw systemError(made.kind === "socket" ? "EADDRINUSE" : "EEXIST", path);
    check(directory, user, mayWrite, path);
    const fresh = this.#inode(made.kind, made.mode, user, made.text);
    directory.entries.set(name, fresh);
    this.#tell({ directory, name });
    return fresh;
  }

  remove(path: string, user: Credentials): void {
    const place = this.find(path, user, "no link");
    const inode = existing(place, path);
    if (inode.kind === "directory") throw systemError("EISDIR", path);
    checkRemoval(place, inode, user, path);
    place.directory.entries.delete(place.name);
    this.#tell(place);
  }

  rename(from: string, to: string, user: Credentials): void {
    const source = this.find(from, user, "no link");
    const target = this.find(to, user, "no link");
    const inode = existing(source, from);
    checkRemoval(source, inode, user, from);
    check(target.directory, user, mayWrite, to);
    if (target.inode !== undefined) {
      if (target.inode.kind === "directory") throw systemError("EISDIR", to);
      checkRemoval(target, target.inode, user, to);
    }
    source.directory.entries.delete(source.name);
    target.directory.entries.set(target.name, inode);
    this.#tell(source);
    this.#tell(target);
  }

  /** Calls back with each name that comes, goes, or stands for something else in the directory. Returns what ends it. */
  watch(directory: Inode, changed: (name: string) => void): () => void {
    const watcher = { directory, changed };
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** All inodes with their paths, for those who look from outside. */
  *all(directory: Inode = this.#root, prefix = ""): Generator<readonly [path: string, inode: Inode]> {
    for (const [name, inode] of directory.entries) {
      yield [`${prefix}/${name}`, inode];
      if (inode.kind === "directory") yield* this.all(inode, `${prefix}/${name}`);
    }
  }

  #tell({ directory, name }: Pick<Place, "directory" | "name">): void {
    for (const watcher of [...this.#watchers]) if (watcher.directory === directory) watcher.changed(name);
  }

  #inode(kind: FileKind, mode: number, { uid, gid }: Credentials, text = ""): Inode {
    this.#lastIno += 1n;
    return { ino: this.#lastIno, kind, uid, gid, mode, text, entries: new Map(), lockedBy: undefined };
  }

  #walk(path: string, user: Credentials, follow: "links" | "no link", linksLeft: number): Place {
    if (!path.startsWith("/")) throw systemError("EINVAL", `${path} is not absolute`);
    const names = path.split("/").filter((name) => name !== "" && name !== ".");
    let place: Place = { directory: this.#root, name: "", inode: this.#root, path: "/" };
    for (const [at, name] of names.entries()) {
      const directory = existing(place, path);
      if (directory.kind !== "directory") throw systemError("ENOTDIR", path);
      check(directory, user, maySearch, path);
      const inode = directory.entries.get(name);
      const here = `${place.path === "/" ? "" : place.path}/${name}`;
      const isLast = at === names.length - 1;
      if (inode?.kind === "link" && (!isLast || follow === "links")) {
        if (linksLeft === 0) throw systemError("ELOOP", path);
        const target = inode.text.startsWith("/") ? inode.text : `${place.path}/${inode.text}`;
        place = this.#walk(target, user, "links", linksLeft - 1);
      } else {
        place = { directory, name, inode, path: here };
      }
    }
    return place;
  }
}

/** Throws `code` unless the user may do this to the inode. Root may do everything. */
export function check(inode: Inode, { uid, gid }: Credentials, wanted: number, path: string): void {
  const shift = inode.uid === uid ? 6 : inode.gid === gid ? 3 : 0;
  if (uid !== 0 && ((inode.mode >> shift) & wanted) !== wanted) throw systemError("EACCES" satisfies SystemCode, path);
}

export function existing({ inode }: Place, path: string): Inode {
  if (inode === undefined) throw systemError("ENOENT", path);
  return inode;
}

function checkRemoval({ directory }: Place, inode: Inode, user: Credentials, path: string): void {
  check(directory, user, mayWrite, path);
  if ((directory.mode & sticky) === 0 || user.uid === 0 || user.uid === inode.uid || user.uid === directory.uid) return;
  throw systemError("EPERM", path);
}
