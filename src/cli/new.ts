// `acton new DIR`: a directory with an application that runs at once.

import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { detailOf } from "../errors.ts";
import { usageError } from "./exit-codes.ts";
import { scaffold } from "./scaffold.ts";
import { printError, printOut } from "./terminal.ts";
import { shellWord } from "./typed-payload.ts";

export async function newProject(directory: string): Promise<void> {
  const path = resolve(directory);
  const name = basename(path);
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/.test(name)) {
    throw usageError(`${JSON.stringify(name)} cannot be an application's name: up to 64 letters, digits, '.', '_' and '-'`);
  }
  const files = Object.entries(scaffold(name));
  try {
    mkdirSync(path, { recursive: true });
    if (readdirSync(path).length > 0) throw usageError(`${directory} is not empty, and is left alone: name a directory that is not there yet`);
    for (const [file, text] of files) writeFileSync(join(path, file), text, { flag: "wx" });
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown) throw usageError(`cannot write ${directory}: ${detailOf(thrown)}`);
    throw thrown;
  }
  await printOut(files.map(([file]) => `${join(directory, file)}\n`).join(""));
  printError(`\nTry it:\n  cd ${shellWord(directory)}\n  acton serve app.ts --app ${name}\n  acton call greeter Greet name=Ada --app ${name}\n`);
}
