// With which mode and group the socket is made. It is open to others only where a policy tells them apart: checked before
// anything is bound.

import type { IpcConfig } from "../../config.ts";
import { ActonError } from "../../errors.ts";
import type { FileSystem } from "../../files.ts";
import type { Policy } from "./policy.ts";
import { tellsPeersApart } from "./peer-rules.ts";

export interface SocketAccess {
  readonly mode: number;
  /** Undefined leaves it the server's own. */
  readonly gid: number | undefined;
}

export const groupsFile = "/etc/group";
const othersMode = 0o077;

/** Throws INVALID_CONFIG when it would be open without a policy, or when there is no such group. */
export function socketAccess(config: IpcConfig, policy: Policy | undefined, files: FileSystem): SocketAccess {
  const { socketMode, socketGroup } = config;
  const mode = Number.parseInt(socketMode, 8);
  if ((mode & othersMode) !== 0 && !isGuarded(config, policy)) {
    throw new ActonError(
      "INVALID_CONFIG",
      `socket_mode ${socketMode} opens the socket to others, which takes a policy that tells them apart: rules for uids or gids, or admit in code`,
    );
  }
  return { mode, gid: socketGroup === "" ? undefined : groupId(socketGroup, files) };
}

/** Whether anything tells those who may connect from those who may not. */
export function isGuarded({ policy: rules }: IpcConfig, policy: Policy | undefined): boolean {
  return policy?.admit !== undefined || (rules !== null && tellsPeersApart(rules));
}

function groupId(group: string, files: FileSystem): number {
  if (/^\d+$/.test(group)) return Number(group);
  const entry = (files.readText(groupsFile) ?? "").split("\n").find((line) => line.startsWith(`${group}:`));
  const gid = /^[^:]*:[^:]*:(\d+):/.exec(entry ?? "")?.[1];
  if (gid !== undefined) return Number(gid);
  throw new ActonError("INVALID_CONFIG", `socket_group ${group} is not in ${groupsFile}: name a group that is, or give its number`);
}
