// What differs between the two platforms that a client runs on, Bun and Node. Chosen by what is there; only the half that is
// needed is ever loaded.

import type { ClientTransport } from "./dial.ts";

export async function platformTransport(): Promise<ClientTransport> {
  if (typeof Bun === "undefined") return (await import("../node-transport.ts")).nodeTransport;
  return (await import("../bun-transport.ts")).bunTransport;
}

/** The user that this process acts as; undefined where there are no users. */
export function ownUid(): number | undefined {
  return process.geteuid?.();
}
