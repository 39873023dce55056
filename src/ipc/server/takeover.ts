// Takes a socket's path for this process, and gives it back. A lock held for life decides who serves: nobody probes,
// a live server's socket is never removed, and the socket appears under its name only when it is whole and private.

import { basename, dirname, join } from "node:path";
import { ActonError, detailOf } from "../../errors.ts";
import type { FileStatus, FileSystem } from "../../files.ts";
import type { SocketAccess } from "./socket-access.ts";
import type { ServerSocket, Socket, SocketHandler, Transport } from "../transport.ts";

export interface TakeoverSeams {
  readonly files: FileSystem;
  readonly transport: Transport;
  readonly pid: number;
  readonly uid: number;
  readonly access: SocketAccess;
}

export interface HeldPath {
  /** Where the socket is: absolute, links in its directory resolved. */
  readonly path: string;
  /** No new work is taken from now on. */
  drain(): void;
  /** Removes the socket if it is still ours, stops accepting, lets the lock go. */
  release(): void;
}

/** What a socket address holds on every platform, less the suffix under which the socket is bound first. */
const pathBytesMax = 103;
const freshSuffix = ".new";
const lockSuffix = ".lock";
const othersMayWrite = 0o022;
const sticky = 0o1000;
const notOwner = 0o177;

/** Throws ADDRESS_IN_USE when another process serves the path, PATH_REFUSED when the path is not fit to be served. */
export function takeOver(wanted: string, seams: TakeoverSeams, accept: (socket: Socket) => SocketHandler): HeldPath {
  const { files } = seams;
  checkLength(wanted);
  const path = join(safeDirectory(dirname(wanted), seams), basename(wanted));
  checkLength(path);
  checkFree(path, files);
  const lock = takeLock(path, seams);
  try {
    checkFree(path, files);
    const server = bind(path, seams, accept);
    const ours = files.lstat(path);
    return {
      path,
      // Whoever connects now is told that the server is going.
      drain() {},
      release() {
        const current = files.lstat(path);
        if (ours !== undefined && current !== undefined && isSame(current, ours)) files.unlink(path);
        server.stop();
        lock.release();
      },
    };
  } catch (error) {
    lock.release();
    throw error instanceof ActonError ? error : refused(path, detailOf(error));
  }
}

function checkLength(path: string): void {
  const length = Buffer.byteLength(path);
  if (!path.startsWith("/") || path.endsWith("/") || path.includes("\0")) throw refused(path, "it must be an absolute path to a socket");
  if (length > pathBytesMax) throw refused(path, `it has ${length} bytes, and a socket's path may have ${pathBytesMax}: choose a shorter one`);
}

// Whoever may write to the directory could put their own socket in our place.
function safeDirectory(directory: string, { files, uid }: TakeoverSeams): string {
  try {
    const link = files.lstat(directory);
    if (link === undefined) files.mkdir(directory);
    else if (link.kind === "link" && link.uid !== uid && link.uid !== 0) throw refused(directory, `it is a link that belongs to uid ${link.uid}`);
    const real = files.realpath(directory);
    const status = files.lstat(real);
    if (status === undefined || status.kind !== "directory") throw refused(directory, "it is not a directory");
    if (status.uid !== uid && status.uid !== 0) throw refused(directory, `it belongs to uid ${status.uid}, neither to us (uid ${uid}) nor to root`);
    if ((status.mode & othersMayWrite) !== 0 && (status.mode & sticky) === 0) {
      throw refused(directory, `others may write to it (mode ${status.mode.toString(8)}): take that right away, or choose a directory of your own`);
    }
    return real;
  } catch (error) {
    throw error instanceof ActonError ? error : refused(directory, detailOf(error));
  }
}

// Asked before the lock too: no lock file is left beside what is not ours.
function checkFree(path: string, files: FileSystem): void {
  const existing = files.lstat(path);
  if (existing !== undefined && existing.kind !== "socket") throw refused(path, `it is a ${existing.kind}, not a socket, and is left alone`);
}

function takeLock(path: string, { files, pid }: TakeoverSeams): { readonly release: () => void } {
  try {
    const lock = files.lock(path + lockSuffix, String(pid));
    if (lock.kind === "locked") return lock;
    const holder = lock.by === "" ? "another process" : `process ${lock.by}`;
    throw new ActonError("ADDRESS_IN_USE", `${path} is served by ${holder}: stop it, or choose another path`);
  } catch (error) {
    throw error instanceof ActonError ? error : refused(path + lockSuffix, detailOf(error));
  }
}

function bind(path: string, { files, transport, access }: TakeoverSeams, accept: (socket: Socket) => SocketHandler): ServerSocket {
  const fresh = path + freshSuffix;
  const leftover = files.lstat(fresh);
  if (leftover?.kind === "socket") files.unlink(fresh);
  const server = files.withUmask(notOwner, () => transport.listen(fresh, accept));
  try {
    const status = files.lstat(fresh);
    if (status?.kind !== "socket") throw refused(fresh, "what was bound there is not a socket");
    // The group first: with the mode the socket is open, and then to nobody else.
    if (access.gid !== undefined && access.gid !== status.gid) give(fresh, access.gid, files);
    if (access.mode !== status.mode) files.chmod(fresh, access.mode);
    files.rename(fresh, path);
    return server;
  } catch (error) {
    server.stop();
    throw error;
  }
}

function give(path: string, gid: number, files: FileSystem): void {
  try {
    files.chgrp(path, gid);
  } catch (error) {
    throw refused(path, `it cannot be given to group ${gid}, as only a member of it may: ${detailOf(error)}`);
  }
}

function isSame(one: FileStatus, other: FileStatus): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}

function refused(path: string, why: string): ActonError {
  return new ActonError("PATH_REFUSED", `cannot serve at ${path}: ${why}`);
}
