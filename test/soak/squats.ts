// S2: somebody else has been at the path before: with the directory, a file, a link, a lock, a socket. A server refuses
// to start there in plain words and changes nothing of it; a client tells nothing to a server of another user.

import { chmodSync, lchownSync, chownSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ActonApp } from "acton";
import { connect } from "acton/client";
import { silentLog } from "../../src/log.ts";
import { linesOf } from "../support/serve-process-handle.ts";
import { TemporaryDirectory } from "../support/test-server.ts";
import type { SoakCheck } from "./check.ts";

const stranger = 12345;
const isRoot = process.geteuid?.() === 0;

interface Attack {
  readonly name: string;
  /** Only root can put up what another user would. */
  readonly needsRoot?: boolean;
  /** Puts it up in the directory, where `victim` is a file of ours; the path at which the server shall start. */
  readonly prepare: (directory: string, victim: string) => string;
  /** What the refusal must say. */
  readonly says: RegExp;
}

const within = (directory: string, name: string, mode: number): string => {
  const path = join(directory, name);
  mkdirSync(path);
  chmodSync(path, mode);
  return path;
};

const attacks: readonly Attack[] = [
  {
    name: "the directory belongs to somebody else",
    needsRoot: true,
    prepare(directory) {
      const theirs = within(directory, "theirs", 0o755);
      chownSync(theirs, stranger, stranger);
      return join(theirs, "s");
    },
    says: /belongs to uid 12345/,
  },
  { name: "the group may write to the directory", prepare: (directory) => join(within(directory, "open", 0o770), "s"), says: /others may write/ },
  { name: "all may write to the directory", prepare: (directory) => join(within(directory, "open", 0o777), "s"), says: /others may write/ },
  {
    name: "the directory is somebody else's link",
    needsRoot: true,
    prepare(directory) {
      const link = join(directory, "link");
      symlinkSync(within(directory, "ours", 0o700), link);
      lchownSync(link, stranger, stranger);
      return join(link, "s");
    },
    says: /link that belongs to uid 12345/,
  },
  {
    name: "a file is at the path",
    prepare(directory) {
      writeFileSync(join(directory, "s"), "precious", { mode: 0o640 });
      return join(directory, "s");
    },
    says: /a file, not a socket/,
  },
  {
    name: "a link to a file is at the path",
    prepare(directory, victim) {
      symlinkSync(victim, join(directory, "s"));
      return join(directory, "s");
    },
    says: /a link, not a socket/,
  },
  {
    name: "a link to nothing is at the path",
    prepare(directory) {
      symlinkSync(join(directory, "nothing"), join(directory, "s"));
      return join(directory, "s");
    },
    says: /a link, not a socket/,
  },
  {
    name: "the lock is a link to a file",
    prepare(directory, victim) {
      symlinkSync(victim, join(directory, "s.lock"));
      return join(directory, "s");
    },
    says: /s\.lock/,
  },
  {
    name: "the lock is a pipe",
    prepare(directory) {
      Bun.spawnSync(["mkfifo", join(directory, "s.lock")]);
      return join(directory, "s");
    },
    says: /s\.lock is not a file/,
  },
  {
    name: "the name under which the socket is made is a link to a file",
    prepare(directory, victim) {
      symlinkSync(victim, join(directory, "s.new"));
      return join(directory, "s");
    },
    says: /cannot serve at/,
  },
];

export const squats = {
  id: "S2",
  title: "squatting and links: directory, path, lock, first name, and a socket swapped before a client connects",
  pass: "all of them refused in plain words, the victim's mode and content unchanged, and nothing sent to a stranger",
  async run() {
    const possible = attacks.filter(({ needsRoot }) => needsRoot !== true || isRoot);
    const wrong: string[] = [];
    for (const attack of possible) {
      const complaint = await complaintOf(attack);
      if (complaint !== undefined) wrong.push(`${attack.name}: ${complaint}`);
    }
    const swapped = isRoot && Bun.which("python3") !== null;
    const stolen = swapped ? await bytesStolen() : undefined;
    if (typeof stolen === "string") wrong.push(`a swapped socket: ${stolen}`);
    const all = possible.length + (swapped ? 1 : 0);
    const left = attacks.length + 1 - all;
    const figure = [`${all - wrong.length} of ${all} refused`, ...(left > 0 ? [`${left} need root and Python`] : []), ...wrong].join("; ");
    return { figure, passed: wrong.length === 0 };
  },
} satisfies SoakCheck;

/** What was wrong, if anything. */
async function complaintOf({ prepare, says }: Attack): Promise<string | undefined> {
  using directory = new TemporaryDirectory();
  const victim = join(directory.path, "victim");
  writeFileSync(victim, "precious", { mode: 0o640 });
  const path = prepare(directory.path, victim);
  const before = [victim, path].map(stateOf);
  await using runtime = ActonApp.launch({ log: silentLog });
  try {
    await runtime.startIpcListener({ socketPath: path });
    return "it was served";
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "PATH_REFUSED" && says.test(error.message))) return String(error);
  }
  const after = [victim, path].map(stateOf);
  return before.join() === after.join() ? undefined : `${before.join()} became ${after.join()}`;
}

function stateOf(path: string): string {
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined) return "nothing";
  return [status.ino, status.mode, status.uid, status.mtimeMs, status.isFile() ? readFileSync(path, "utf8") : ""].join(" ");
}

/** Undefined when a client that met a stranger's socket in our server's place refused it and sent nothing. */
async function bytesStolen(): Promise<string | undefined> {
  using directory = new TemporaryDirectory();
  const open = within(directory.path, "open", 0o1777);
  chmodSync(directory.path, 0o755);
  const path = join(open, "s");
  const thief = Bun.spawn(["python3", join(import.meta.dir, "parts/thief.py"), path], { stdout: "pipe", stderr: "inherit" });
  try {
    const lines = linesOf(thief.stdout);
    await lines.next();
    let refusal = "the client talked to it";
    try {
      (await connect(path)).close();
    } catch (error) {
      refusal = error instanceof Error && "code" in error ? String(error.code) : String(error);
    }
    const { value } = await lines.next();
    return refusal === "ACCESS_DENIED" && value === "0" ? undefined : `${refusal}, and ${String(value)} bytes were sent`;
  } finally {
    thief.kill("SIGKILL");
    await thief.exited;
  }
}

export const checks = [squats];
