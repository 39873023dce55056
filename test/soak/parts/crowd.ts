// Steers the crowd of crowd.py.

import { join } from "node:path";
import { linesOf } from "../../support/serve-process-handle.ts";

export interface CrowdSaid {
  readonly served: number;
  readonly refused: number;
  readonly neither: number;
}

export class Crowd implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #lines: AsyncGenerator<string, void>;

  private constructor(path: string, count: number) {
    this.#child = Bun.spawn(["python3", join(import.meta.dir, "crowd.py"), path, String(count)], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    this.#lines = linesOf(this.#child.stdout);
  }

  /** Connected, each with its request sent. */
  static async come(path: string, count: number): Promise<Crowd> {
    const crowd = new Crowd(path, count);
    await crowd.#line();
    return crowd;
  }

  async said(): Promise<CrowdSaid> {
    this.#tell();
    return JSON.parse(await this.#line()) as CrowdSaid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  #tell(): void {
    void this.#child.stdin.write("go\n");
    void this.#child.stdin.flush();
  }

  async #line(): Promise<string> {
    const { value } = await this.#lines.next();
    if (value === undefined) throw new Error("the crowd has ended");
    return value;
  }
}
