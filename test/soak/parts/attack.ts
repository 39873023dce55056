// Starts and ends the process of attackers.ts.

import { join } from "node:path";
import { linesOf } from "../../support/serve-process-handle.ts";

export type AttackKind = "unread" | "dribble" | "halfOpen" | "silent" | "blast" | "cancel" | "subscribe" | "hold";

export class Attack implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"ignore", "pipe", "inherit">;

  private constructor(path: string, kind: AttackKind, count: number, everyMs: number) {
    const command = [process.execPath, join(import.meta.dir, "attackers.ts"), path, kind, String(count), String(everyMs)];
    this.#child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  }

  /** All are connected when this resolves. */
  static async begin(path: string, kind: AttackKind, count: number, everyMs = 1000): Promise<Attack> {
    const attack = new Attack(path, kind, count, everyMs);
    if ((await linesOf(attack.#child.stdout).next()).done === true) throw new Error(`the ${kind} attackers have ended`);
    return attack;
  }

  /** From now on its process does nothing at all. */
  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }
}
