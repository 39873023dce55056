// `acton test`: runs bun:test files with nothing installed. The executable starts itself as Bun, with a preload that makes
// "acton" and "zod" importable; the build puts the text of that preload in.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CommandError, exitCodes, usageError } from "./exit-codes.ts";
import { interruption } from "./interrupt.ts";

declare const ACTON_TEST_PRELOAD: string | undefined;

export interface TestOptions {
  readonly testNamePattern?: string | undefined;
  /** Milliseconds for each test. */
  readonly timeout?: number | undefined;
}

export async function test(files: readonly string[], options: TestOptions): Promise<void> {
  if (typeof ACTON_TEST_PRELOAD !== "string") throw usageError("only the compiled executable runs tests; use bun test here");
  // Files that others may not write: they are run.
  const directory = mkdtempSync(join(process.env["TMPDIR"] ?? "/tmp", "acton-test-"));
  try {
    const preload = join(directory, "preload.js");
    writeFileSync(preload, ACTON_TEST_PRELOAD, { mode: 0o600 });
    const status = await run([process.execPath, "test", "--preload", preload, ...flags(options), ...files]);
    if (status !== 0) throw new CommandError(exitCodes.agentError, "not all tests passed");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function flags({ testNamePattern, timeout }: TestOptions): readonly string[] {
  return [
    ...(testNamePattern === undefined ? [] : ["--test-name-pattern", testNamePattern]),
    ...(timeout === undefined ? [] : ["--timeout", String(timeout)]),
  ];
}

async function run(words: readonly string[]): Promise<number> {
  // Ctrl-C reaches the child too, whose end is ours.
  interruption();
  const child = Bun.spawn([...words], { env: { ...process.env, BUN_BE_BUN: "1" }, stdio: ["inherit", "inherit", "inherit"] });
  return child.exited;
}
