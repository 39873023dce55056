// Every defect that the simulation is tried on, in the order of the table.

import type { Defect } from "./defect.ts";
import { runtimeDefects } from "./of-the-runtime.ts";
import { serverDefects } from "./of-the-server.ts";

export const defects: readonly Defect[] = [...serverDefects, ...runtimeDefects];
