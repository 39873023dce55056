// A machine in memory: one disk, one network, and processes with a user, files, sockets and signals of their own. A
// process can be killed as by SIGKILL: its locks and sockets go, its socket's file stays.

import { type Clock, SystemClock } from "../clock.ts";
import type { FileSystem } from "../files.ts";
import { type Host, processHost, type SignalName } from "../host.ts";
import type { Transport } from "../ipc/transport.ts";
import { TurnScheduler } from "../scheduler.ts";
import { type Inode, MemoryDisk } from "./memory-disk.ts";
import { type Failing, memoryFiles, type SystemCall } from "./memory-files.ts";
import { type Link, MemoryNetwork, type NetworkUser } from "./memory-network.ts";
import type { MemorySocket, Traffic } from "./memory-socket.ts";
import { systemError } from "./system-error.ts";

export interface MachineOptions {
  /** For slow links only. Default: the system's. */
  readonly clock?: Clock;
  /** When and in what pieces bytes move. Default: soon, and whole. */
  readonly traffic?: Traffic;
  /** What a socket holds that nobody has read. Default 208 KiB. */
  readonly bufferBytes?: number;
}

export interface ProcessOptions {
  /** Default: the user who runs the test, whom clients trust as a server. */
  readonly uid?: number;
  readonly gid?: number;
  /** Default 022. */
  readonly umask?: number;
  /** Default: no limit. */
  readonly openFilesMax?: number;
}

export class MemoryMachine {
  readonly disk = new MemoryDisk();
  /** Makes system calls fail: return a code for those that shall. */
  failing: Failing = () => undefined;
  readonly #network: MemoryNetwork;
  #lastPid = 100;

  constructor({ clock = new SystemClock(), traffic = promptTraffic(), bufferBytes = 208 * 1024 }: MachineOptions = {}) {
    this.#network = new MemoryNetwork({ disk: this.disk, traffic, clock, bufferBytes });
  }

  /** The connections that there are. */
  get links(): ReadonlySet<Link> {
    return this.#network.links;
  }

  process(options: ProcessOptions = {}): MemoryProcess {
    this.#lastPid += 1;
    return new MemoryProcess(this, this.#network, this.#lastPid, options);
  }
}

export class MemoryProcess implements NetworkUser {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  umask: number;
  readonly files: FileSystem;
  readonly transport: Transport;
  readonly host: MemoryHost;
  readonly locked = new Set<Inode>();
  readonly onDeath = new Set<() => void>();
  readonly sockets = new Set<MemorySocket>();
  readonly #machine: MemoryMachine;
  #dead = false;

  /** Made by `MemoryMachine.process`. */
  constructor(machine: MemoryMachine, network: MemoryNetwork, pid: number, options: ProcessOptions) {
    this.#machine = machine;
    this.pid = pid;
    this.uid = options.uid ?? processHost(new SystemClock()).uid;
    this.gid = options.gid ?? this.uid;
    this.umask = options.umask ?? 0o022;
    this.files = memoryFiles(machine.disk, this);
    this.transport = network.transport(this);
    this.host = new MemoryHost(this, options.openFilesMax ?? Infinity);
  }

  /** For `ActonApp.launch` and `connect`. */
  get seams(): { readonly files: FileSystem; readonly host: Host; readonly transport: Transport } {
    const { files, host, transport } = this;
    return { files, host, transport };
  }

  get isDead(): boolean {
    return this.#dead;
  }

  /** As SIGKILL does: none of its code hears of it. */
  kill(): void {
    if (this.#dead) return;
    this.#dead = true;
    for (const inode of this.locked) inode.lockedBy = undefined;
    this.locked.clear();
    for (const close of this.onDeath) close();
    this.onDeath.clear();
    for (const socket of [...this.sockets]) socket.vanish();
  }

  enter(call: SystemCall, path: string): void {
    if (this.#dead) throw systemError("ESRCH", `process ${this.pid} is dead`);
    const code = this.#machine.failing(call, path, this);
    if (code !== undefined) throw systemError(code, `${call} ${path}`);
  }
}

/** A process's signals, standard error and status, in a test's hand. */
export class MemoryHost implements Host {
  readonly pid: number;
  readonly uid: number;
  readonly mainPath = undefined;
  readonly stderrIsTerminal = false;
  readonly environment: Record<string, string | undefined> = {};
  /** What was written to standard error. */
  written = "";
  /** The status with which it will end, or has ended. */
  status: number | undefined;
  readonly stderr = {
    write: (text: string): boolean => {
      this.written += text;
      return true;
    },
    onDrain(): void {},
  };
  readonly #owner: MemoryProcess;
  readonly #openFilesMax: number;
  readonly #listeners = new Map<object, { readonly names: readonly SignalName[]; readonly callback: (name: SignalName) => void }>();
  readonly #faults = new Map<object, (thrown: unknown) => void>();

  constructor(owner: MemoryProcess, openFilesMax: number) {
    this.#owner = owner;
    this.pid = owner.pid;
    this.uid = owner.uid;
    this.#openFilesMax = openFilesMax;
  }

  forget(names: readonly string[]): void {
    for (const name of names) delete this.environment[name];
  }

  /** Sends a signal; it ends a process that does not listen. */
  signal(name: SignalName): void {
    const heard = [...this.#listeners.values()].filter(({ names }) => names.includes(name));
    if (heard.length === 0) this.#owner.kill();
    for (const { callback } of heard) callback(name);
  }

  /** Something was thrown that nobody caught. False when nobody minds. */
  fault(thrown: unknown): boolean {
    for (const callback of this.#faults.values()) callback(thrown);
    return this.#faults.size > 0;
  }

  onSignal(names: readonly SignalName[], callback: (name: SignalName) => void): () => void {
    return entered(this.#listeners, { names, callback });
  }

  onFault(callback: (thrown: unknown) => void): () => void {
    return entered(this.#faults, callback);
  }

  async mainModule(): Promise<undefined> {
    return undefined;
  }

  exitWith(status: number): void {
    this.status = status;
  }

  exit(status: number): void {
    this.status = status;
    this.#owner.kill();
  }

  heapBytes(): number {
    return 0;
  }

  openFilesMax(): number {
    return this.#openFilesMax;
  }
}

function entered<T>(into: Map<object, T>, value: T): () => void {
  const key = {};
  into.set(key, value);
  return () => void into.delete(key);
}

// Not at once, so that nobody's code runs inside of somebody else's; in real turns, whatever the machine's clock is.
function promptTraffic(): Traffic {
  const scheduler = new TurnScheduler(new SystemClock());
  return { later: (event) => scheduler.nextTurn(event), piece: (bytes) => bytes };
}
