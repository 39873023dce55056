// What the file system says of a socket's path, without touching it: the directory, the socket, the lock and who holds it.

import { readFileSync, readlinkSync } from "node:fs";
import { dirname } from "node:path";
import { codeOf, detailOf } from "../errors.ts";
import { type FileStatus, systemFiles } from "../files.ts";
import { shellWord } from "./typed-payload.ts";

export type Verdict = "ok" | "warning" | "bad";

export interface Check {
  readonly check:
    | "unit"
    | "path"
    | "length"
    | "directory"
    | "socket"
    | "permissions"
    | "lock"
    | "connection"
    | "user"
    | "answer"
    | "version"
    | "state";
  readonly verdict: Verdict;
  readonly finding: string;
  /** What to do about it. */
  readonly advice?: string;
}

/** What holds the lock beside the socket: a process, nobody, or something that this user may not see. */
export type Holder = { readonly kind: "process"; readonly pid: number; readonly name: string } | { readonly kind: "nobody" | "unknown" };

const pathBytesMax = 103;
const othersMayWrite = 0o022;
const sticky = 0o1000;

/** Ends with the first check that is bad: what comes after it would only repeat it. */
export function* checkFiles(path: string, trusted: readonly number[]): Generator<Check> {
  const bytes = Buffer.byteLength(path);
  if (bytes > pathBytesMax) {
    yield {
      check: "length",
      verdict: "bad",
      finding: `the path has ${bytes} bytes, and at most ${pathBytesMax} are possible`,
      advice: "choose a shorter one",
    };
    return;
  }
  const directory = checkDirectory(dirname(path));
  yield directory;
  if (directory.verdict === "bad") return;
  const socket = checkSocket(path);
  yield socket;
  if (socket.verdict === "bad") return;
  for (const rights of checkRights(path, trusted)) {
    yield rights;
    if (rights.verdict === "bad") return;
  }
  yield checkLock(path);
}

function checkDirectory(directory: string): Check {
  const check = "directory";
  let status: FileStatus | undefined;
  try {
    status = systemFiles.lstat(systemFiles.realpath(directory));
  } catch (thrown) {
    const missing = codeOf(thrown) === "ENOENT" || codeOf(thrown) === "ENOTDIR";
    const advice = missing ? `start the server; it makes the directory: acton serve --socket …` : "run this as the user who runs the server";
    return {
      check,
      verdict: "bad",
      finding: missing ? `there is no directory ${directory}` : `cannot look into ${directory}: ${reasonOf(thrown)}`,
      advice,
    };
  }
  if (status?.kind !== "directory") return { check, verdict: "bad", finding: `${directory} is no directory`, advice: "choose another path" };
  const open = (status.mode & othersMayWrite) !== 0 && (status.mode & sticky) === 0;
  const finding = `${directory} belongs to ${userName(status.uid)}, mode ${(status.mode & 0o7777).toString(8)}`;
  if (open)
    return {
      check,
      verdict: "warning",
      finding,
      advice: `others may put their own socket there, and no server will start in it: chmod go-w ${shellWord(directory)}`,
    };
  return { check, verdict: "ok", finding };
}

function checkSocket(path: string): Check {
  const check = "socket";
  let status: FileStatus | undefined;
  try {
    status = systemFiles.lstat(path);
  } catch (thrown) {
    return { check, verdict: "bad", finding: `cannot look at ${path}: ${reasonOf(thrown)}`, advice: "run this as the user who runs the server" };
  }
  if (status === undefined) {
    const holder = holderOf(path);
    if (holder.kind === "process") {
      const advice = "wait for it, or look into its log";
      return { check, verdict: "bad", finding: `no socket is there, and ${holderText(holder)} holds its lock: it starts or stops just now`, advice };
    }
    return {
      check,
      verdict: "bad",
      finding: "no socket is there: nothing serves this path",
      advice: `start the server: acton serve --socket ${shellWord(path)}`,
    };
  }
  if (status.kind === "link") {
    const target = readlinkSync(path);
    return { check, verdict: "warning", finding: `a link to ${target}`, advice: `name that path itself: --socket ${shellWord(target)}` };
  }
  if (status.kind === "socket")
    return { check, verdict: "ok", finding: `a socket of ${userName(status.uid)}, mode ${(status.mode & 0o777).toString(8)}` };
  const what = status.kind === "other" ? "something else" : `a ${status.kind}`;
  return { check, verdict: "bad", finding: `${what} is there, not a socket`, advice: "choose another path, or move it away" };
}

function* checkRights(path: string, trusted: readonly number[]): Generator<Check> {
  const status = systemFiles.lstat(path);
  if (status === undefined) return;
  const check = "permissions";
  const uid = process.geteuid?.() ?? 0;
  const owner = userName(status.uid);
  if (!trusted.includes(status.uid)) {
    const finding = `the socket belongs to ${owner}, and this is ${userName(uid)}`;
    const advice = `run this as ${owner}, or trust them: --server-uid ${status.uid}`;
    yield { check, verdict: uid === 0 ? "warning" : "bad", finding, advice };
    return;
  }
  const groups = [process.getegid?.() ?? -1, ...(process.getgroups?.() ?? [])];
  const bit = status.uid === uid ? 0o200 : groups.includes(status.gid) ? 0o020 : 0o002;
  if (uid === 0 || (status.mode & bit) !== 0) {
    yield { check, verdict: "ok", finding: `${userName(uid)} may connect` };
    return;
  }
  const others = `run this as ${owner}, or have the server started with a socket_mode and socket_group that let ${userName(uid)} in`;
  const advice = status.uid === uid ? `chmod u+w ${shellWord(path)}` : others;
  yield { check, verdict: "bad", finding: `${userName(uid)} may not write to the socket`, advice };
}

function checkLock(path: string): Check {
  const holder = holderOf(path);
  const check = "lock";
  if (holder.kind === "process") return { check, verdict: "ok", finding: `held by ${holderText(holder)}` };
  if (holder.kind === "unknown") return { check, verdict: "warning", finding: "cannot tell who holds it" };
  const lockFile = `${path}.lock`;
  if (systemFiles.lstat(lockFile) === undefined) {
    return { check, verdict: "warning", finding: `there is no ${lockFile}: systemd or another program made this socket, or the file was removed` };
  }
  const advice = `a new server takes the path over: acton serve --socket ${shellWord(path)}`;
  return { check, verdict: "warning", finding: "nobody holds it: the server that made the socket has ended without removing it", advice };
}

/** Read from the kernel's list of locks; trying to take it could disturb a server that starts just now. */
export function holderOf(path: string): Holder {
  try {
    const lock = systemFiles.lstat(`${path}.lock`);
    if (lock === undefined) return { kind: "nobody" };
    const locks = readFileSync("/proc/locks", "latin1").matchAll(/FLOCK +ADVISORY +WRITE +(-?\d+) +[\da-f]+:[\da-f]+:(\d+) /g);
    const pid = [...locks].find(([, , inode]) => inode === String(lock.ino))?.[1];
    if (pid === undefined) return { kind: "nobody" };
    // A process of another PID namespace shows as 0 or -1.
    return Number(pid) > 0 ? { kind: "process", pid: Number(pid), name: processName(pid) } : { kind: "unknown" };
  } catch {
    return { kind: "unknown" };
  }
}

export function holderText({ pid, name }: { readonly pid: number; readonly name: string }): string {
  return `process ${pid}${name === "" ? "" : ` (${name})`}`;
}

function processName(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, 3).join(" ").trim().slice(0, 80);
  } catch {
    return "";
  }
}

/** `user ada`; the number where the name is not known. */
export function userName(uid: number): string {
  try {
    const line = readFileSync("/etc/passwd", "utf8")
      .split("\n")
      .find((entry) => entry.split(":")[2] === String(uid));
    return `user ${line?.split(":")[0] ?? uid}`;
  } catch {
    return `user ${uid}`;
  }
}

function reasonOf(thrown: unknown): string {
  return codeOf(thrown) === "EACCES" ? "permission denied" : detailOf(thrown);
}
