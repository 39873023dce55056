// Starts and steers manager.py, which plays systemd for one service.

import { join } from "node:path";
import { linesOf } from "./serve-process-handle.ts";

export interface Exit {
  readonly exit: number;
  /** Whether the socket's path was there afterwards, and what else was. */
  readonly there: boolean;
  readonly files: readonly string[];
}

export class Manager implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "pipe">;
  readonly #lines: AsyncGenerator<string, void>;
  readonly stderr: Promise<string>;

  /** `mode` in octal digits; or `abstract` or `stream` for a socket that cannot be served: one with no path, one that does not listen. */
  constructor(socket: string, mode: string, command: readonly string[]) {
    this.#child = Bun.spawn(["python3", join(import.meta.dir, "manager.py"), socket, mode, ...command], {
      env: { PATH: process.env["PATH"], HOME: "/nonexistent" },
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
    this.#lines = linesOf(this.#child.stdout);
    this.stderr = new Response(this.#child.stderr).text();
  }

  tell(line: string): void {
    void this.#child.stdin.write(`${line}\n`);
    void this.#child.stdin.flush();
  }

  /** What the service has told with this assignment in it, such as READY=1. */
  async told(assignment: string): Promise<readonly string[]> {
    for (;;) {
      const said = await this.#next();
      const told = typeof said["told"] === "string" ? said["told"].split("\n") : [];
      if (told.includes(assignment)) return told;
      if ("exit" in said) throw new Error(`the service ended and did not tell ${assignment}`);
    }
  }

  async ended(): Promise<Exit> {
    for (;;) {
      const said = await this.#next();
      if ("exit" in said) return said as unknown as Exit;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    void this.#child.stdin.end();
    await this.#child.exited;
  }

  async #next(): Promise<Record<string, unknown>> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`the manager ended: ${await this.stderr}`);
    return JSON.parse(value) as Record<string, unknown>;
  }
}
