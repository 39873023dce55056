// Standard output for results, standard error for everything else. `process.stdout` is left alone: its getter alone
// costs a third of a command's time.

import { writeSync } from "node:fs";
import { codeOf } from "../errors.ts";
import { openLibc } from "../libc.ts";

/** Whether people read standard output: they get layout and colour, a pipe gets JSON. */
export function stdoutIsTerminal(): boolean {
  return openLibc().libc?.isTerminal(1) ?? false;
}

/** Whether people see what is said beside the result, such as progress. */
export function stderrIsTerminal(): boolean {
  return openLibc().libc?.isTerminal(2) ?? false;
}

/** Writes a result. A reader that has left (`| head`) is no error. */
export async function printOut(text: string): Promise<void> {
  try {
    await Bun.write(Bun.stdout, text);
  } catch (thrown) {
    if (!isReaderGone(thrown)) throw thrown;
  }
}

/** Results that come one after the other, each of them out at once; a slow reader holds the writer back. */
export class LineOutput {
  readonly #sink = Bun.stdout.writer();

  /** False when the reader has left (`| head`), and more need not be made. */
  async write(line: string): Promise<boolean> {
    try {
      // Flushing would hand what the pipe has no room for to a promise; only then is there something to wait for.
      void this.#sink.write(`${line}\n`);
      const flushed = this.#sink.flush();
      if (flushed instanceof Promise) await flushed;
      return true;
    } catch (thrown) {
      if (isReaderGone(thrown)) return false;
      throw thrown;
    }
  }
}

/** Writes what is not a result. Losing it is better than failing for it. */
export function printError(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    // Nobody can be told.
  }
}

/** JSON as this command line prints it: whole numbers of any size exact, bytes as base64; with `indent` for people. */
export function jsonText(value: unknown, indent: boolean): string {
  const replacer = function (this: unknown, key: string, item: unknown): unknown {
    if (typeof item === "bigint") return JSON.rawJSON(String(item));
    const original = typeof this === "object" && this !== null ? (this as Record<string, unknown>)[key] : undefined;
    return original instanceof Uint8Array ? Buffer.from(original).toString("base64") : item;
  };
  return JSON.stringify(value, replacer, indent ? 2 : undefined);
}

function isReaderGone(thrown: unknown): boolean {
  return codeOf(thrown) === "EPIPE";
}
