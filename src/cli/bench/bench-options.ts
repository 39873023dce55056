// What `acton bench` is told by its flags.

import type { ClientOptions } from "../open-client.ts";
import type { DialectName } from "./frames.ts";

export interface BenchOptions extends ClientOptions {
  readonly connections: number;
  readonly inFlight: number;
  /** Milliseconds. */
  readonly duration: number;
  readonly rate?: number | undefined;
  readonly stream?: boolean | undefined;
  readonly push?: string | undefined;
  readonly dialect: DialectName;
  readonly json?: boolean | undefined;
}
