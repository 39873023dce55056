// What this program is called in its own texts. `acton build` defines ACTON_BUILT in what it makes, which is called as its file is.

import { basename } from "node:path";

declare const ACTON_BUILT: true | undefined;

export const isBuilt = typeof ACTON_BUILT !== "undefined";

export const programName = isBuilt ? basename(process.execPath) : "acton";
