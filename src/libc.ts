// The few calls into the C library that Bun does not offer. Libraries are opened by absolute path only: the loader
// tries a bare name in the current directory too, and would run what lies there.

import { dlopen, type Pointer, ptr, read } from "bun:ffi";
import { readFileSync } from "node:fs";

/** A process, as the kernel knows it. */
export interface ProcessCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  /** Its supplementary groups. */
  readonly groups: readonly number[];
}

export interface Libc {
  /** Tries to take an exclusive lock that lives as long as the open file does. False when another holds it. */
  tryLock(fd: number): boolean;
  isClosedOnExec(fd: number): boolean;
  /** Sets the process's file mode mask and returns the one before. */
  umask(mask: number): number;
  isTerminal(fd: number): boolean;
  peerCredentials(fd: number): ProcessCredentials | undefined;
  /** The other end has closed, whether or not what it sent was read. */
  isHungUp(fd: number): boolean;
  /** Reads what a socket holds already, without waiting for more: how many bytes, 0 when there is nothing. */
  receive(fd: number, into: Uint8Array): number;
}

/** What only a service needs: bound apart, so that it costs the others nothing. */
export interface ServiceCalls {
  /** Keeps the descriptor from programs that are started later. */
  closeOnExec(fd: number): void;
  /** Where a Unix stream socket listens: empty when that is no path of the file system, undefined when it is no such socket. */
  listeningPath(fd: number): string | undefined;
  /** Sends one datagram to a Unix socket; an address that begins with @ is an abstract one. 0, or the errno with which it failed. */
  sendDatagram(address: string, text: string): number;
}

export type Opened<T> = { readonly libc: T; readonly reason?: undefined } | { readonly libc?: undefined; readonly reason: string };

/** The C library of this process, or why it cannot be reached. Opened once, on first use (0.3 ms). */
export const openLibc = once(() => open(bind));
export const openServiceCalls = once(() => open(bindServiceCalls));

/** Who is at the other end of a connected socket; undefined where the platform cannot tell. About 1 µs. */
export function peerCredentials(fd: number): ProcessCredentials | undefined {
  return openLibc().libc?.peerCredentials(fd);
}

/** Whether the other end of a connected socket has closed; false where the platform cannot tell. */
export function isHungUp(fd: number): boolean {
  return openLibc().libc?.isHungUp(fd) ?? false;
}

/** What a connected socket holds that was not read yet, up to 64 KiB of it; empty where the platform cannot tell. */
export function takeReceived(fd: number): Uint8Array {
  const bytes = new Uint8Array(receivedBytesMax);
  return bytes.subarray(0, openLibc().libc?.receive(fd, bytes) ?? 0);
}

const receivedBytesMax = 64 * 1024;
const glibcPaths = [
  "/lib/x86_64-linux-gnu/libc.so.6",
  "/lib/aarch64-linux-gnu/libc.so.6",
  "/lib64/libc.so.6",
  "/usr/lib64/libc.so.6",
  "/usr/lib/libc.so.6",
  "/lib/libc.so.6",
];
const muslPaths = ["/lib/ld-musl-x86_64.so.1", "/lib/ld-musl-aarch64.so.1"];

function open<T>(bindTo: (path: string) => T): Opened<T> {
  const failures: string[] = [];
  for (const path of isMusl() ? muslPaths : glibcPaths) {
    try {
      return { libc: bindTo(path) };
    } catch (thrown) {
      failures.push(thrown instanceof Error ? thrown.message : String(thrown));
    }
  }
  return { reason: `the C library cannot be opened (${failures[0] ?? "no path is known for it"})` };
}

// Both may be installed; the one that runs this process is mapped into it. Opening the other would be undefined behaviour.
function isMusl(): boolean {
  try {
    return readFileSync("/proc/self/maps", "latin1").includes("/ld-musl-");
  } catch {
    return false;
  }
}

const lockExclusiveNonBlocking = 2 | 4;
const getDescriptorFlags = 1;
const closeOnExec = 1;
const wouldBlock = 11;
const interrupted = 4;
const outOfRange = 34;
const socketLevel = 1;
const peerCredentialsOption = 17;
const peerGroupsOption = 59;
const groupsMax = 65_536;
const dontWait = 64;
const pollError = 8;
const pollHangUp = 16;
const setDescriptorFlags = 2;
const typeOption = 3;
const listeningOption = 30;
const nameTooLong = 36;
const unixFamily = 1;
const stream = 1;
const datagram = 2;
const closedOnExec = 0o2000000;
const neitherWaitNorSignal = 0x40 | 0x4000;
const familyBytes = 2;
const addressBytesMax = 110;

function bind(path: string): Libc {
  const { symbols } = dlopen(path, {
    flock: { args: ["i32", "i32"], returns: "i32" },
    fcntl: { args: ["i32", "i32"], returns: "i32" },
    umask: { args: ["u32"], returns: "u32" },
    isatty: { args: ["i32"], returns: "i32" },
    getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
    poll: { args: ["ptr", "u64", "i32"], returns: "i32" },
    recv: { args: ["i32", "ptr", "u64", "i32"], returns: "i32" },
    __errno_location: { args: [], returns: "ptr" },
  });
  const errno = (): number => errnoAt(symbols.__errno_location());
  const credentials = new Int32Array(3);
  const length = new Uint32Array(1);
  const polled = new Int32Array(2);
  // Room for most; for the others, who are told apart by ERANGE, as much as the kernel says.
  let groups = new Uint32Array(64);
  const peerGroups = (fd: number): readonly number[] => {
    length[0] = groups.byteLength;
    if (symbols.getsockopt(fd, socketLevel, peerGroupsOption, ptr(groups), ptr(length)) === 0) return [...groups.subarray(0, (length[0] ?? 0) / 4)];
    const needed = (length[0] ?? 0) / 4;
    if (errno() !== outOfRange || needed <= groups.length || needed > groupsMax) return [];
    groups = new Uint32Array(needed);
    return peerGroups(fd);
  };
  return {
    tryLock(fd) {
      for (;;) {
        if (symbols.flock(fd, lockExclusiveNonBlocking) === 0) return true;
        const code = errno();
        if (code === wouldBlock) return false;
        if (code !== interrupted) throw new Error(`flock failed with errno ${code}`);
      }
    },
    isClosedOnExec: (fd) => (symbols.fcntl(fd, getDescriptorFlags) & closeOnExec) !== 0,
    umask: (mask) => symbols.umask(mask),
    isTerminal: (fd) => symbols.isatty(fd) === 1,
    peerCredentials(fd) {
      length[0] = credentials.byteLength;
      if (symbols.getsockopt(fd, socketLevel, peerCredentialsOption, ptr(credentials), ptr(length)) !== 0) return undefined;
      const [pid, uid, gid] = credentials;
      if (pid === undefined || uid === undefined || gid === undefined) return undefined;
      return { pid, uid: uid >>> 0, gid: gid >>> 0, groups: peerGroups(fd) };
    },
    isHungUp(fd) {
      // Nothing is asked for, so that only what is always told comes back: in the upper half of the second word.
      polled[0] = fd;
      polled[1] = 0;
      const told = symbols.poll(ptr(polled), 1, 0) > 0 ? (polled[1] ?? 0) >>> 16 : 0;
      return (told & (pollHangUp | pollError)) !== 0;
    },
    receive: (fd, into) => Math.max(0, symbols.recv(fd, ptr(into), into.byteLength, dontWait)),
  };
}

function bindServiceCalls(path: string): ServiceCalls {
  const { symbols } = dlopen(path, {
    fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
    getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
    getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "u32"], returns: "i64" },
    close: { args: ["i32"], returns: "i32" },
    __errno_location: { args: [], returns: "ptr" },
  });
  const value = new Int32Array(1);
  const length = new Uint32Array(1);
  const optionOf = (fd: number, option: number): number => {
    length[0] = value.byteLength;
    return symbols.getsockopt(fd, socketLevel, option, ptr(value), ptr(length)) === 0 ? (value[0] ?? -1) : -1;
  };
  return {
    closeOnExec: (fd) => void symbols.fcntl(fd, setDescriptorFlags, closeOnExec),
    listeningPath(fd) {
      if (optionOf(fd, listeningOption) !== 1 || optionOf(fd, typeOption) !== stream) return undefined;
      const address = Buffer.alloc(addressBytesMax);
      length[0] = address.length;
      if (symbols.getsockname(fd, ptr(address), ptr(length)) !== 0 || address.readUInt16LE() !== unixFamily) return undefined;
      const name = address.subarray(familyBytes, length[0]);
      return name.subarray(0, Math.max(0, name.indexOf(0))).toString();
    },
    sendDatagram(address, text) {
      const name = Buffer.from(address.replace(/^@/, "\0"));
      const to = Buffer.alloc(familyBytes + name.length + (name[0] === 0 ? 0 : 1));
      if (to.length > addressBytesMax) return nameTooLong;
      to.writeUInt16LE(unixFamily);
      name.copy(to, familyBytes);
      const bytes = Buffer.from(text);
      const fd = symbols.socket(unixFamily, datagram | closedOnExec, 0);
      if (fd < 0) return errnoAt(symbols.__errno_location());
      const sent = symbols.sendto(fd, ptr(bytes), bytes.length, neitherWaitNorSignal, ptr(to), to.length);
      const errno = sent < 0 ? errnoAt(symbols.__errno_location()) : 0;
      symbols.close(fd);
      return errno;
    },
  };
}

function errnoAt(address: Pointer | bigint | null): number {
  return address === null ? 0 : read.i32(Number(address), 0);
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
