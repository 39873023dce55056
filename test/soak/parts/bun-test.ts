// Runs a part of the ordinary suite in a process of its own, and counts.

import { join } from "node:path";

export const projectRoot = join(import.meta.dir, "../../..");

export interface SuiteRun {
  readonly passed: number;
  readonly failed: number;
  /** Names of what failed, and of what it failed on. */
  readonly failures: readonly string[];
  /** 0 when all of it ran and passed. */
  readonly status: number;
}

export interface SuiteOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly root?: string;
  /** It is ended, and has failed, after this. */
  readonly timeoutMs?: number;
}

/** `words` are files, directories and flags of `bun test`. */
export async function bunTest(words: readonly string[], { environment = {}, root = projectRoot, timeoutMs }: SuiteOptions = {}): Promise<SuiteRun> {
  const running = Bun.spawn([process.execPath, "test", ...words], {
    cwd: root,
    env: { ...process.env, ...environment },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs, killSignal: "SIGKILL" }),
  });
  const output = await new Response(running.stderr).text();
  const count = (what: string): number => Number(new RegExp(`^ *(\\d+) ${what}$`, "m").exec(output)?.[1] ?? 0);
  const failures = [...output.matchAll(/^\(fail\) .*$|^\{ seed: .*$|^Counterexample: .*$/gm)].map(([line]) => line);
  return { passed: count("pass"), failed: count("fail"), failures, status: await running.exited };
}
