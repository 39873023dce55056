// The file system as a seam: just what the takeover of a socket's path, the finding of a configuration and the watching of
// a module need.

import type { BigIntStats } from "node:fs";
import {
  closeSync,
  constants,
  chmodSync,
  fstatSync,
  ftruncateSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  unlinkSync,
  watch,
  writeSync,
} from "node:fs";
import { codeOf } from "./errors.ts";
import { openLibc, type Libc } from "./libc.ts";

export type FileKind = "socket" | "directory" | "file" | "link" | "other";

export interface FileStatus {
  readonly kind: FileKind;
  /** `dev` and `ino` together are the file's identity, whatever its name. */
  readonly dev: bigint;
  readonly ino: bigint;
  readonly uid: number;
  readonly gid: number;
  /** Permission bits, sticky and set-id bits included. */
  readonly mode: number;
}

export type LockResult =
  | { readonly kind: "locked"; readonly release: () => void }
  /** `by` is the holder's process id as the kernel knows it, else the text in the file, which may be empty. */
  | { readonly kind: "held"; readonly by: string };

/** Throws what the system says, an Error with a `code` such as EACCES, unless told otherwise. */
export interface FileSystem {
  /** Does not follow a link. Undefined when nothing is there. */
  lstat(path: string): FileStatus | undefined;
  realpath(path: string): string;
  /** Replaces what is at `to`. */
  rename(from: string, to: string): void;
  /** Does nothing when nothing is there. */
  unlink(path: string): void;
  chmod(path: string, mode: number): void;
  /** Gives the file to a group. Does not follow a link. */
  chgrp(path: string, gid: number): void;
  /** With its parents, mode 0700. Does nothing when it is there. */
  mkdir(path: string): void;
  /** Undefined when nothing is there. Fails for what is not a file or has more than `bytesMax` (1 MiB unless given). */
  readText(path: string, bytesMax?: number): string | undefined;
  /** Calls back with the name of whatever is made, changed or removed in the directory. Returns what ends it. */
  watch(directory: string, changed: (name: string) => void): () => void;
  /** Takes the lock file at `path`, which is made when absent and never deleted; held until released or the process ends. */
  lock(path: string, text: string): LockResult;
  /** Runs `make` with the process's file mode mask set. */
  withUmask<T>(mask: number, make: () => T): T;
}

const textBytesMax = 1024 * 1024;
const lockTextBytesMax = 64;

export const systemFiles: FileSystem = {
  lstat(path) {
    const status = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (status === undefined) return undefined;
    return {
      kind: kindOf(status),
      dev: status.dev,
      ino: status.ino,
      uid: Number(status.uid),
      gid: Number(status.gid),
      mode: Number(status.mode) & 0o7777,
    };
  },
  realpath: (path) => realpathSync(path),
  rename: (from, to) => renameSync(from, to),
  unlink(path) {
    ifPresent(() => unlinkSync(path));
  },
  chmod: (path, mode) => chmodSync(path, mode),
  chgrp: (path, gid) => lchownSync(path, -1, gid),
  mkdir(path) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  },
  readText: (path, bytesMax = textBytesMax) => ifPresent(() => readBounded(path, bytesMax)),
  watch: watchDirectory,
  lock,
  withUmask(mask, make) {
    const system = libc();
    const before = system.umask(mask);
    try {
      return make();
    } finally {
      system.umask(before);
    }
  },
};

function watchDirectory(directory: string, changed: (name: string) => void): () => void {
  const watcher = watch(directory, { persistent: false }, (_, name) => changed(name ?? ""));
  // As when the directory goes: there is nothing to tell any more.
  watcher.on("error", () => {});
  return () => watcher.close();
}

// O_CLOEXEC is not among Node's constants; Bun sets it by itself, which is checked here: a child that inherited the
// descriptor would hold the lock after our death.
function lock(path: string, text: string): LockResult {
  const system = libc();
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o600);
  let locked = false;
  try {
    if (!fstatSync(fd).isFile()) throw new Error(`${path} is not a file`);
    if (!system.isClosedOnExec(fd)) throw new Error(`${path} would stay locked by child processes`);
    locked = system.tryLock(fd);
    if (!locked) return { kind: "held", by: holderOf(fd) ?? readUpTo(fd, lockTextBytesMax).trim() };
    ftruncateSync(fd);
    writeSync(fd, text, 0);
  } catch (thrown) {
    locked = false;
    throw thrown;
  } finally {
    if (!locked) closeSync(fd);
  }
  return {
    kind: "locked",
    release() {
      if (locked) closeSync(fd);
      locked = false;
    },
  };
}

// The text is written after the lock is taken, and outlives a killed holder: for a moment it may name the wrong process.
function holderOf(fd: number): string | undefined {
  try {
    const { ino } = fstatSync(fd, { bigint: true });
    const holders = readFileSync("/proc/locks", "latin1").matchAll(/FLOCK +ADVISORY +WRITE +([1-9]\d*) +[\da-f]+:[\da-f]+:(\d+) /g);
    const pids = [...holders].filter(([, , inode]) => inode === String(ino)).map(([, pid]) => pid);
    return pids.length === 1 ? pids[0] : undefined;
  } catch {
    return undefined;
  }
}

function libc(): Libc {
  const { libc: bound, reason } = openLibc();
  if (bound === undefined) throw new Error(`a socket's path cannot be taken safely here: ${reason}`);
  return bound;
}

function readBounded(path: string, bytesMax: number): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const status = fstatSync(fd);
    if (!status.isFile()) throw new Error(status.isDirectory() ? "it is a directory" : "it is not a file");
    if (status.size > bytesMax) throw new Error(`it has more than ${bytesMax} bytes`);
    return readUpTo(fd, bytesMax);
  } finally {
    closeSync(fd);
  }
}

function readUpTo(fd: number, bytesMax: number): string {
  const bytes = Buffer.alloc(Math.min(bytesMax, fstatSync(fd).size));
  let length = 0;
  while (length < bytes.length) {
    const count = readSync(fd, bytes, length, bytes.length - length, length);
    if (count === 0) break;
    length += count;
  }
  return bytes.toString("utf8", 0, length);
}

function ifPresent<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT" || codeOf(thrown) === "ENOTDIR") return undefined;
    throw thrown;
  }
}

function kindOf(status: BigIntStats): FileKind {
  if (status.isSocket()) return "socket";
  if (status.isDirectory()) return "directory";
  if (status.isFile()) return "file";
  return status.isSymbolicLink() ? "link" : "other";
}
