// `acton version`: what is installed, for people and for bug reports.

import { product } from "../product.ts";
import { jsonText, printOut } from "./terminal.ts";

export async function version(options: { readonly json?: boolean | undefined }): Promise<void> {
  const details = { ...product, bun: Bun.version, platform: `${process.platform}-${process.arch}` };
  await printOut(
    options.json === true ? `${jsonText(details, false)}\n` : `${details.name} ${details.version} (Bun ${details.bun}, ${details.platform})\n`,
  );
}
