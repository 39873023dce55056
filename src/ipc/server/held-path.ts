// Where a listener serves: at a path that it takes over, or on a socket that a service manager has handed over.

import type { FileSystem } from "../../files.ts";
import type { Socket, SocketHandler, Transport } from "../transport.ts";
import { adopt } from "./adoption.ts";
import type { Policy } from "./policy.ts";
import { type HeldPath, takeOver } from "./takeover.ts";

export type { HeldPath } from "./takeover.ts";

export interface PathParts {
  readonly config: { readonly socketPath: string };
  readonly files: FileSystem;
  readonly transport: Transport;
  readonly host: { readonly pid: number; readonly uid: number };
  readonly policy: Policy | undefined;
  readonly inheritedSocket: number | undefined;
}

/** Throws ADDRESS_IN_USE or PATH_REFUSED. */
export function holdPath(parts: PathParts, accept: (socket: Socket) => SocketHandler): HeldPath {
  const { config, files, transport, host, policy, inheritedSocket } = parts;
  if (inheritedSocket === undefined) return takeOver(config.socketPath, { files, transport, pid: host.pid, uid: host.uid }, accept);
  return adopt(inheritedSocket, { files, transport, uid: host.uid, guarded: policy?.admit !== undefined }, accept);
}
