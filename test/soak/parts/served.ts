// The compiled executable, serving the checks' application in a process of its own, seen from outside: its log, its
// memory, its time on the processor, its descriptors.

import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { executable, temporaryDirectory } from "../../cli/executable.ts";
import { RawClient } from "../../support/raw-client.ts";
import { linesOf } from "../../support/serve-process-handle.ts";

export interface ServedOptions {
  /** Keys as in the environment without their prefix: `MAX_CONNECTIONS`. */
  readonly config?: Readonly<Record<string, string | number>>;
  /** The hard and soft limit on open files. */
  readonly openFiles?: number;
  /** Where standard error goes instead of into `log`: an open descriptor. */
  readonly stderr?: number;
  /** More words on the command line. */
  readonly words?: readonly string[];
  readonly cwd?: string;
  readonly executable?: string;
  /** What is served; the checks' application unless given. */
  readonly module?: string;
  /** What runs the executable: `strace` and its options. */
  readonly under?: readonly string[];
}

const hertz = 100;
const service = join(import.meta.dir, "service.ts");

export class Served implements AsyncDisposable {
  readonly socket: string;
  /** The lines of the log so far. */
  readonly log: Record<string, unknown>[] = [];
  readonly #directory: ReturnType<typeof temporaryDirectory> | undefined;
  readonly #child: Bun.Subprocess<"ignore", "ignore", "pipe" | number>;
  readonly #logRead: Promise<void>;

  private constructor(options: ServedOptions, socket?: string) {
    this.#directory = socket === undefined ? temporaryDirectory() : undefined;
    this.socket = socket ?? join(this.#directory?.path ?? "", "s.sock");
    const command = [
      ...(options.under ?? []),
      options.executable ?? executable,
      "serve",
      options.module ?? service,
      "--socket",
      this.socket,
      ...(options.words ?? []),
    ];
    const limited = options.openFiles === undefined ? command : ["/bin/sh", "-c", `ulimit -n ${options.openFiles}; exec "$@"`, "sh", ...command];
    const config = Object.entries(options.config ?? {}).map(([name, value]) => [`ACTON_${name}`, String(value)]);
    this.#child = Bun.spawn(limited, {
      cwd: options.cwd ?? "/",
      env: { PATH: "/usr/bin:/bin", HOME: "/nonexistent", ...Object.fromEntries(config) },
      stdin: "ignore",
      stdout: "ignore",
      stderr: options.stderr ?? "pipe",
    });
    this.#logRead = this.#readLog();
  }

  /** Serves when this resolves. With `socket` it is that path, and the directory is the caller's. */
  static async start(options: ServedOptions = {}, socket?: string): Promise<Served> {
    const served = new Served(options, socket);
    for (let tries = 0; ; tries++) {
      try {
        (await RawClient.connect(served.socket)).destroy();
        return served;
      } catch (error) {
        if (served.#child.exitCode !== null || tries > 2000)
          throw new Error(`the server does not serve: ${JSON.stringify(served.log)}`, { cause: error });
        await Bun.sleep(5);
      }
    }
  }

  get pid(): number {
    return this.#child.pid;
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** What the server itself says that clients can make it hold. */
  get memoryBoundBytes(): number {
    return this.#field("listening", "memoryBoundMiB") * 2 ** 20;
  }

  /** A number of the first line with this message. */
  #field(message: string, name: string): number {
    const value = this.log.find((line) => line["message"] === message)?.[name];
    if (typeof value !== "number") throw new Error(`the log has no ${message} with ${name}`);
    return value;
  }

  get answered(): number {
    return this.#field("work done", "answered");
  }

  get rssBytes(): number {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(this.#proc("status"))?.[1]) * 1024;
  }

  /** The most that it ever was. */
  get peakBytes(): number {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(this.#proc("status"))?.[1]) * 1024;
  }

  /** Milliseconds that it has spent on processors. */
  get processorMs(): number {
    const fields = this.#proc("stat").split(") ")[1]?.split(" ") ?? [];
    return ((Number(fields[11]) + Number(fields[12])) * 1000) / hertz;
  }

  get descriptors(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  connect(): Promise<RawClient> {
    return RawClient.connect(this.socket);
  }

  /** Shuts down in order; resolves with the exit status when the log is read to its end. */
  async stop(): Promise<number> {
    this.#child.kill("SIGTERM");
    const status = await this.#child.exited;
    await this.#logRead;
    return status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
    await this.#logRead;
    this.#directory?.[Symbol.dispose]();
  }

  #proc(name: string): string {
    return readFileSync(`/proc/${this.pid}/${name}`, "latin1");
  }

  async #readLog(): Promise<void> {
    const { stderr } = this.#child;
    if (!(stderr instanceof ReadableStream)) return;
    for await (const line of linesOf(stderr)) {
      this.log.push(line.startsWith("{") ? (JSON.parse(line) as Record<string, unknown>) : { message: line });
    }
  }
}

/** A descriptor of what is opened for writing, closed with the block. */
export function opened(path: string, flags: string | number = "w"): Disposable & { readonly fd: number } {
  const fd = openSync(path, flags);
  return { fd, [Symbol.dispose]: () => closeSync(fd) };
}
