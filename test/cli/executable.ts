// Runs the compiled executable as a user would. Built first when it is older than its sources.

import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "../..");
export const executable = join(root, "dist/acton");

const build = Bun.spawnSync([process.execPath, "build.ts"], { cwd: root, stderr: "pipe" });
if (build.exitCode !== 0) throw new Error(`build.ts failed:\n${build.stderr.toString()}`);

export interface RunOptions {
  /** Default: acton. */
  readonly program?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
}

export interface RunResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** An environment in which nothing of this machine's user is seen. */
function bareEnvironment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { PATH: "/usr/bin:/bin", HOME: "/nonexistent", ...more };
}

export async function run(words: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const child = Bun.spawn([options.program ?? executable, ...words], {
    cwd: options.cwd ?? "/",
    env: bareEnvironment(options.env),
    stdin: Buffer.from(options.stdin ?? ""),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exitCode] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  return { exitCode, stdout, stderr };
}

/**
 * How long commands of `program` take from exec to exit, each against `acton version` at the same time: what else the machine does
 * counts for both.
 */
export async function timesVersion(commands: readonly (readonly string[])[], program = executable): Promise<readonly number[]> {
  const lines = [[executable, "version"], ...commands.map((words) => [program, ...words])];
  const times = lines.map((words) => ({ words, all: [] as number[] }));
  for (let n = 0; n < 15; n++) {
    for (const { words, all } of times) {
      const started = performance.now();
      const child = Bun.spawn(words, { stdio: ["ignore", "ignore", "ignore"] });
      if ((await child.exited) !== 0) throw new Error(`${words.join(" ")} failed`);
      all.push(performance.now() - started);
    }
  }
  const [version = 1, ...others] = times.map(({ all }) => all.sort((a, b) => a - b)[2] ?? Infinity);
  return others.map((time) => time / version);
}

export interface Server extends AsyncDisposable {
  readonly pid: number;
  readonly socket: string;
  /** The log line that has this message, as soon as it is there. Rejects when the server ends without it. */
  line(message: string): Promise<Record<string, unknown>>;
  /** All log lines with this message so far. */
  logged(message: string): readonly Record<string, unknown>[];
  signal(name: "SIGTERM" | "SIGINT" | "SIGKILL"): void;
  readonly exited: Promise<number>;
}

/** `acton serve` on a socket, ready for calls: it has logged `until`. Disposing of it ends it. */
export async function serve(socket: string, words: readonly string[] = [], options: RunOptions = {}, until = "listening"): Promise<Server> {
  const child = Bun.spawn([options.program ?? executable, "serve", "--socket", socket, ...words], {
    cwd: options.cwd ?? "/",
    env: bareEnvironment(options.env),
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const log = new LogReader(child.stderr);
  const server: Server = {
    pid: child.pid,
    socket,
    line: (message) => log.line(message),
    logged: (message) => log.all(message),
    signal: (name) => child.kill(name),
    exited: child.exited,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
  await server.line(until);
  return server;
}

class LogReader {
  #text = "";
  #ended = false;
  #changed = Promise.withResolvers<void>();

  constructor(stream: ReadableStream<Uint8Array>) {
    void this.#read(stream);
  }

  async line(message: string): Promise<Record<string, unknown>> {
    for (;;) {
      const [first] = this.all(message);
      if (first !== undefined) return first;
      if (this.#ended) throw new Error(`the server ended without saying ${JSON.stringify(message)}:\n${this.#text}`);
      await this.#changed.promise;
    }
  }

  all(message: string): Record<string, unknown>[] {
    const lines = this.#text.split("\n").slice(0, -1);
    const records = lines.map((line) => (line.startsWith("{") ? (JSON.parse(line) as Record<string, unknown>) : {}));
    return records.filter((record) => record["message"] === message);
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      this.#text += decoder.decode(chunk, { stream: true });
      this.#wake();
    }
    this.#ended = true;
    this.#wake();
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

/** A directory of its own, removed when it is disposed of. */
export function temporaryDirectory(): Disposable & { readonly path: string } {
  const path = realpathSync(mkdtempSync(join(tmpdir(), "acton-")));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
