// Starts, steers and ends a server process for a test.

import { join } from "node:path";

export class ServerProcess implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #lines: AsyncGenerator<string, void>;

  /** Loaded, and waiting for `go`. */
  private constructor(path: string) {
    this.#child = Bun.spawn([process.execPath, join(import.meta.dir, "serve-process.ts"), path], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    this.#lines = linesOf(this.#child.stdout);
  }

  static async load(path: string): Promise<ServerProcess> {
    const server = new ServerProcess(path);
    await server.#line();
    return server;
  }

  static async start(path: string): Promise<ServerProcess> {
    const server = await ServerProcess.load(path);
    const outcome = await server.go();
    if (outcome !== "serving") throw new Error(outcome);
    return server;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Starts to serve: `serving`, or the error's code and text. */
  go(): Promise<string> {
    this.#tell();
    return this.#line();
  }

  /** Shuts down in order. */
  async stop(): Promise<void> {
    this.#tell();
    await this.#line();
    await this.#child.exited;
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #tell(): void {
    void this.#child.stdin.write("go\n");
    void this.#child.stdin.flush();
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error("the server process ended without a word");
    return value;
  }
}

export async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  let text = "";
  for await (const chunk of stream) {
    text += Buffer.from(chunk).toString();
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    yield* lines;
  }
}
