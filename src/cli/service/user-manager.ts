// The user's systemd, asked and told through systemctl. Where there is none, or it does not answer, the caller says what to do by hand.

import { CommandError, exitCodes } from "../exit-codes.ts";

/** Properties of a unit, as systemctl shows them. */
export type UnitState = Readonly<Record<string, string>>;

const shown = ["LoadState", "ActiveState", "SubState", "UnitFileState", "MainPID", "NRestarts", "StatusText", "Result"];

export class UserManager {
  readonly #systemctl: string;

  private constructor(systemctl: string) {
    this.#systemctl = systemctl;
  }

  /** Undefined when no user manager answers. */
  static async find(): Promise<UserManager | undefined> {
    const systemctl = Bun.which("systemctl");
    if (systemctl === null) return undefined;
    const manager = new UserManager(systemctl);
    const { exitCode } = await manager.#run(["show", "--property=Version"]);
    return exitCode === 0 ? manager : undefined;
  }

  async tell(...words: readonly string[]): Promise<void> {
    const { exitCode, stderr } = await this.#run(words);
    if (exitCode !== 0) throw new CommandError(exitCodes.cannotStart, `systemctl --user ${words.join(" ")} failed: ${stderr.trim()}`);
  }

  async stateOf(unit: string): Promise<UnitState> {
    const { stdout } = await this.#run(["show", unit, `--property=${shown.join(",")}`]);
    const pairs = stdout.split("\n").map((line) => [line.slice(0, Math.max(0, line.indexOf("="))), line.slice(line.indexOf("=") + 1)] as const);
    return Object.fromEntries(pairs.filter(([key]) => key !== ""));
  }

  async #run(words: readonly string[]): Promise<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }> {
    const child = Bun.spawn([this.#systemctl, "--user", ...words], { env: process.env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    const [stdout, stderr, exitCode] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
    return { exitCode, stdout, stderr };
  }
}
