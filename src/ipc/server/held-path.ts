// Where a listener serves: at a path that it takes over, or on a socket that a service manager has handed over.

import type { IpcConfig } from "../../config.ts";
import type { FileSystem } from "../../files.ts";
import type { Socket, SocketHandler, Transport } from "../transport.ts";
import { adopt } from "./adoption.ts";
import type { Policy } from "./policy.ts";
import { isGuarded, socketAccess } from "./socket-access.ts";
import { type HeldPath, takeOver } from "./takeover.ts";

export type { HeldPath } from "./takeover.ts";

export interface PathParts {
  readonly config: IpcConfig;
  readonly files: FileSystem;
  readonly transport: Transport;
  readonly host: { readonly pid: number; readonly uid: number };
  readonly policy: Policy | undefined;
  readonly inheritedSocket: number | undefined;
}

/** Throws ADDRESS_IN_USE, PATH_REFUSED or INVALID_CONFIG. */
export function holdPath(parts: PathParts, accept: (socket: Socket) => SocketHandler): HeldPath {
  const { config, files, transport, host, policy, inheritedSocket } = parts;
  const { pid, uid } = host;
  if (inheritedSocket !== undefined) return adopt(inheritedSocket, { files, transport, uid, guarded: isGuarded(config, policy) }, accept);
  return takeOver(config.socketPath, { files, transport, pid, uid, access: socketAccess(config, policy, files) }, accept);
}
