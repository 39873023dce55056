// The process as a seam: signals, faults nobody caught, standard error, identity, limits. Made once, by the command
// line; the only file outside src/cli that touches `process`.

import { closeSync, constants, fstatSync, openSync, readFileSync, readlinkSync, writeSync } from "node:fs";
import { after, type Clock } from "./clock.ts";
import { codeOf } from "./errors.ts";
import { openLibc } from "./libc.ts";
import type { LogOutput } from "./log.ts";

export type SignalName = "SIGINT" | "SIGTERM" | "SIGHUP" | "SIGUSR1" | "SIGUSR2";

export interface Host {
  /** Calls back for each arrival of one of `names`, whose default action is off meanwhile. Returns what undoes it. */
  onSignal(names: readonly SignalName[], callback: (name: SignalName) => void): () => void;
  /** What no handler caught: thrown, or rejected with nobody listening. While there is a callback the process survives it. */
  onFault(callback: (thrown: unknown) => void): () => void;
  readonly stderr: LogOutput;
  readonly stderrIsTerminal: boolean;
  readonly pid: number;
  readonly uid: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Takes variables out of the environment, so that programs that are started later do not inherit them. */
  forget(names: readonly string[]): void;
  /** The path of the module that this process was started with; undefined in a compiled executable, which is its own program. */
  readonly mainPath: string | undefined;
  /** The same module, once it has been loaded whole: not to be awaited while it is. */
  mainModule(): Promise<{ readonly path: string; readonly defaultExport: unknown } | undefined>;
  /** Sets the status with which the process will end. */
  exitWith(status: number): void;
  /** Ends the process now, whatever still runs. */
  exit(status: number): void;
  /** Bytes of this thread's heap that are in use. */
  heapBytes(): number;
  /** The soft limit on open files; Infinity when there is none or it cannot be known. */
  openFilesMax(): number;
}

export function processHost(clock: Clock): Host {
  let stderr: LogOutput | undefined;
  return {
    onSignal(names, callback) {
      const listeners = names.map((name) => [name, () => callback(name)] as const);
      for (const [name, listener] of listeners) process.on(name, listener);
      return () => {
        for (const [name, listener] of listeners) process.off(name, listener);
      };
    },
    onFault(callback) {
      const listener = (thrown: unknown): void => callback(thrown);
      process.on("uncaughtException", listener);
      process.on("unhandledRejection", listener);
      return () => {
        process.off("uncaughtException", listener);
        process.off("unhandledRejection", listener);
      };
    },
    get stderr() {
      return (stderr ??= standardError(clock));
    },
    get stderrIsTerminal() {
      return openLibc().libc?.isTerminal(stderrFd) ?? false;
    },
    pid: process.pid,
    uid: process.geteuid?.() ?? -1,
    environment: process.env,
    forget(names) {
      for (const name of names) delete process.env[name];
    },
    mainPath: mainPath(),
    mainModule,
    exitWith(status) {
      process.exitCode = status;
    },
    exit: (status) => process.exit(status),
    heapBytes: () => process.memoryUsage().heapUsed,
    openFilesMax,
  };
}

const stderrFd = 2;

function mainPath(): string | undefined {
  return Bun.isStandaloneExecutable || Bun.main === "" ? undefined : Bun.main;
}

async function mainModule(): Promise<{ readonly path: string; readonly defaultExport: unknown } | undefined> {
  const path = mainPath();
  if (path === undefined) return undefined;
  const main: { readonly default?: unknown } = await import(path);
  return { path, defaultExport: main.default };
}

function openFilesMax(): number {
  try {
    const soft = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync("/proc/self/limits", "latin1"))?.[1];
    return soft === undefined || soft === "unlimited" ? Infinity : Number(soft);
  } catch {
    return Infinity;
  }
}

// `process.stderr` is left alone: its getter costs 8 ms, and on a terminal that has stopped reading it blocks.
function standardError(clock: Clock): LogOutput {
  let status;
  try {
    status = fstatSync(stderrFd);
  } catch {
    return { write: () => true, onDrain() {} };
  }
  return status.isFIFO() || status.isSocket() ? new StreamOutput() : new DirectOutput(clock, reopenTerminal());
}

/** Pipes and sockets: Bun's sink polls them and never blocks. Once the reader has gone, lines go nowhere. */
class StreamOutput implements LogOutput {
  readonly #sink = Bun.stderr.writer();
  #drained: () => void = () => {};
  #gone = false;

  write(text: string): boolean {
    if (this.#gone) return true;
    try {
      const written = this.#sink.write(text);
      if (written instanceof Promise) written.catch(() => {});
      const flushed = this.#sink.flush();
      if (!(flushed instanceof Promise)) return true;
      void flushed.catch(() => void (this.#gone = true)).then(() => this.#drained());
      return false;
    } catch {
      this.#gone = true;
      return true;
    }
  }

  onDrain(callback: () => void): void {
    this.#drained = callback;
  }
}

const retryDelayMs = 50;

/** Terminals, files and devices: written directly; what does not go through (no room, no reader awake) is tried again. */
class DirectOutput implements LogOutput {
  readonly #clock: Clock;
  readonly #fd: number;
  #rest: Uint8Array = new Uint8Array(0);
  #drained: () => void = () => {};

  constructor(clock: Clock, fd: number) {
    this.#clock = clock;
    this.#fd = fd;
  }

  write(text: string): boolean {
    const waiting = this.#rest.length > 0;
    this.#rest = waiting ? Buffer.concat([this.#rest, Buffer.from(text)]) : Buffer.from(text);
    return !waiting && this.#push();
  }

  onDrain(callback: () => void): void {
    this.#drained = callback;
  }

  #push(): boolean {
    try {
      while (this.#rest.length > 0) this.#rest = this.#rest.subarray(writeSync(this.#fd, this.#rest));
      return true;
    } catch (thrown) {
      if (!isPassing(thrown)) {
        this.#rest = new Uint8Array(0);
        return true;
      }
      after(this.#clock, retryDelayMs, () => {
        if (this.#push()) this.#drained();
      });
      return false;
    }
  }
}

// No room now, on the terminal or on the disk. Anything else, such as a terminal that has gone, will not get better.
function isPassing(thrown: unknown): boolean {
  return ["EAGAIN", "EINTR", "ENOSPC", "EDQUOT"].includes(String(codeOf(thrown)));
}

// A terminal's own open file is shared with the shell and must stay blocking, so ours is opened anew.
function reopenTerminal(): number {
  if (openLibc().libc?.isTerminal(stderrFd) !== true) return stderrFd;
  try {
    const fd = openSync(readlinkSync(`/proc/self/fd/${stderrFd}`), constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    if (openLibc().libc?.isTerminal(fd) === true) return fd;
    closeSync(fd);
  } catch {
    // Not ours to open, as after a change of user: the old one works, if it may block.
  }
  return stderrFd;
}
