// The file system of one simulated process: FileSystem over a MemoryDisk, with the process's user, mask and locks.

import { codeOf } from "../errors.ts";
import type { FileSystem, LockResult } from "../files.ts";
import { check, type Credentials, existing, type Inode, type MemoryDisk, mayRead, mayWrite } from "./memory-disk.ts";
import { type SystemCode, systemError } from "./system-error.ts";

/** What may be made to fail. */
export type SystemCall =
  | "lstat"
  | "realpath"
  | "rename"
  | "unlink"
  | "chmod"
  | "chgrp"
  | "mkdir"
  | "readText"
  | "watch"
  | "lock"
  | "bind"
  | "connect"
  | "accept";

/** Decides whether a call fails, and with which code. */
export type Failing = (call: SystemCall, path: string, caller: Credentials) => SystemCode | undefined;

/** The process that the files are seen by. */
export interface FileUser extends Credentials {
  umask: number;
  /** Throws when this call is to fail, or the process is dead. */
  enter(call: SystemCall, path: string): void;
  /** Whatever it holds is let go when it dies. */
  readonly locked: Set<Inode>;
}

const device = 1n;
const textBytesMax = 1024 * 1024;

export function memoryFiles(disk: MemoryDisk, user: FileUser): FileSystem {
  return {
    lstat(path) {
      user.enter("lstat", path);
      return ifPresent(() => {
        const { inode } = disk.find(path, user, "no link");
        if (inode === undefined) return undefined;
        const { kind, ino, uid, gid, mode } = inode;
        return { kind, dev: device, ino, uid, gid, mode };
      });
    },
    realpath(path) {
      user.enter("realpath", path);
      const place = disk.find(path, user, "links");
      existing(place, path);
      return place.path;
    },
    rename(from, to) {
      user.enter("rename", from);
      disk.rename(from, to, user);
    },
    unlink(path) {
      user.enter("unlink", path);
      ifPresent(() => disk.remove(path, user));
    },
    chmod(path, mode) {
      user.enter("chmod", path);
      const inode = existing(disk.find(path, user, "links"), path);
      if (user.uid !== 0 && user.uid !== inode.uid) throw systemError("EPERM", path);
      inode.mode = mode & 0o7777;
    },
    chgrp(path, gid) {
      user.enter("chgrp", path);
      const inode = existing(disk.find(path, user, "no link"), path);
      if (user.uid !== 0 && (user.uid !== inode.uid || user.gid !== gid)) throw systemError("EPERM", path);
      inode.gid = gid;
    },
    mkdir(path) {
      user.enter("mkdir", path);
      const names = path.split("/").filter((name) => name !== "");
      for (let count = 1; count <= names.length; count++) makeDirectory(disk, user, `/${names.slice(0, count).join("/")}`);
    },
    readText(path, bytesMax = textBytesMax) {
      user.enter("readText", path);
      return ifPresent(() => {
        const inode = existing(disk.find(path, user, "links"), path);
        if (inode.kind !== "file") throw systemError("EISDIR", path);
        check(inode, user, mayRead, path);
        if (Buffer.byteLength(inode.text) > bytesMax) throw systemError("EINVAL", `${path} has more than ${bytesMax} bytes`);
        return inode.text;
      });
    },
    watch(path, changed) {
      user.enter("watch", path);
      return disk.watch(existing(disk.find(path, user, "links"), path), changed);
    },
    lock: (path, text) => lock(disk, user, path, text),
    withUmask(mask, make) {
      const before = user.umask;
      user.umask = mask;
      try {
        return make();
      } finally {
        user.umask = before;
      }
    },
  };
}

function makeDirectory(disk: MemoryDisk, user: FileUser, path: string): void {
  const { inode } = disk.find(path, user, "links");
  if (inode === undefined) disk.create(path, user, { kind: "directory", mode: 0o700 & ~user.umask });
  else if (inode.kind !== "directory") throw systemError("ENOTDIR", path);
}

function lock(disk: MemoryDisk, user: FileUser, path: string, text: string): LockResult {
  user.enter("lock", path);
  const place = disk.find(path, user, "no link");
  if (place.inode?.kind === "link") throw systemError("ELOOP", path);
  const inode = place.inode ?? disk.create(path, user, { kind: "file", mode: 0o600 & ~user.umask });
  if (inode.kind !== "file") throw systemError("EINVAL", `${path} is not a file`);
  check(inode, user, mayRead | mayWrite, path);
  if (inode.lockedBy !== undefined) return { kind: "held", by: String(inode.lockedBy) };
  inode.lockedBy = user.pid;
  inode.text = text;
  user.locked.add(inode);
  return {
    kind: "locked",
    release() {
      if (!user.locked.delete(inode)) return;
      inode.lockedBy = undefined;
    },
  };
}

function ifPresent<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (thrown) {
    if (codeOf(thrown) === "ENOENT" || codeOf(thrown) === "ENOTDIR") return undefined;
    throw thrown;
  }
}
