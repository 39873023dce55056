// `acton test`: runs bun:test files with nothing installed. The executable starts itself as Bun, with a preload that makes
// "acton" and "zod" importable.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CommandError, exitCodes, usageError } from "./exit-codes.ts";
import { interruption } from "./interrupt.ts";
import { builtModule, type Library, library } from "./library.ts";
import { openTemporaryDirectory } from "./own-directory.ts";

export interface TestOptions {
  readonly testNamePattern?: string | undefined;
  /** Milliseconds for each test. */
  readonly timeout?: number | undefined;
}

export async function test(files: readonly string[], options: TestOptions): Promise<void> {
  const texts = library();
  if (texts === undefined) throw usageError("only the compiled executable runs tests; use bun test here");
  // Files that others may not write: they are run.
  using directory = openTemporaryDirectory("acton-test-");
  const written = { ...texts.files, [preloadFile]: preloadOf(texts) };
  for (const [file, text] of Object.entries(written)) writeFileSync(join(directory.path, file), text, { mode: 0o600 });
  const preload = join(directory.path, preloadFile);
  const status = await run([process.execPath, "test", "--preload", preload, ...flags(options), ...files]);
  if (status !== 0) throw new CommandError(exitCodes.agentError, "not all tests passed");
}

const preloadFile = "preload.js";

function preloadOf({ modules }: Library): string {
  const importable = Object.entries(modules).filter(([name]) => name !== builtModule);
  const imports = importable.map(([, file], index) => `import * as m${index} from "./${file}";\n`);
  const entries = importable.map(([name], index) => `build.module("${name}", () => ({ exports: m${index}, loader: "object" }));\n`);
  return `${imports.join("")}Bun.plugin({ name: "acton", setup(build) {\n${entries.join("")}} });\n`;
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
