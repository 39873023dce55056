// One result as JSON: laid out and coloured for people, one line for a pipe.

import { jsonText, printOut, stdoutIsTerminal } from "./terminal.ts";

/** `compact` asks for one line on a terminal too. */
export async function printReply(value: unknown, compact: boolean): Promise<void> {
  if (compact || !stdoutIsTerminal()) return printOut(`${jsonText(value, false)}\n`);
  const { paintedJson, paletteFor } = await import("./palette.ts");
  await printOut(`${paintedJson(jsonText(value, true), paletteFor(true))}\n`);
}
