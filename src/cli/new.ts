// `acton new DIR`: a directory with an application that runs at once, and that an editor understands.

import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { detailOf } from "../errors.ts";
import { declarations, declarationsDirectory } from "./declarations.ts";
import { usageError } from "./exit-codes.ts";
import { scaffold } from "./scaffold.ts";
import { printError, printOut } from "./terminal.ts";
import { shellWord } from "./typed-payload.ts";

export interface NewOptions {
  /** Write the declarations only, into an application that there is. */
  readonly types?: boolean | undefined;
}

export async function newProject(directory: string, { types = false }: NewOptions): Promise<void> {
  const path = resolve(directory);
  const name = basename(path);
  if (!types && !/^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/.test(name)) {
    throw usageError(`${JSON.stringify(name)} cannot be an application's name: up to 64 letters, digits, '.', '_' and '-'`);
  }
  const files = types ? [] : Object.entries(scaffold(name));
  const declared = Object.entries(declarations() ?? {});
  try {
    mkdirSync(path, { recursive: true });
    if (!types && readdirSync(path).length > 0) {
      throw usageError(`${directory} is not empty, and is left alone: name a directory that is not there yet`);
    }
    for (const [file, text] of files) writeFileSync(join(path, file), text, { flag: "wx" });
    for (const [file, text] of declared) writeWithin(join(path, declarationsDirectory), file, text);
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown) throw usageError(`cannot write ${directory}: ${detailOf(thrown)}`);
    throw thrown;
  }
  await printOut([...files.map(([file]) => file), `${declarationsDirectory}/`].map((file) => `${join(directory, file)}\n`).join(""));
  if (declared.length === 0) printError("acton: no declarations were written: only the compiled executable has them\n");
  if (types) return;
  const lines = ["acton test", `acton serve app.ts --app ${name}`, `acton call greeter Greet name=Ada --app ${name}`];
  printError(`\nTry it:\n  cd ${shellWord(directory)}\n${lines.map((line) => `  ${line}\n`).join("")}`);
}

function writeWithin(directory: string, file: string, text: string): void {
  const path = join(directory, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
