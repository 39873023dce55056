// `version`: what is installed, for people and for bug reports.

import { jsonText, printOut } from "./terminal.ts";

export interface Versions {
  readonly name: string;
  readonly version: string;
  /** Of the acton that has built the program. */
  readonly acton?: string;
}

export async function version(versions: Versions, options: { readonly json?: boolean | undefined }): Promise<void> {
  const details = { ...versions, bun: Bun.version, platform: `${process.platform}-${process.arch}` };
  const { name, acton, bun, platform } = details;
  const parts = [...(acton === undefined ? [] : [`acton ${acton}`]), `Bun ${bun}`, platform];
  await printOut(options.json === true ? `${jsonText(details, false)}\n` : `${name} ${details.version} (${parts.join(", ")})\n`);
}
