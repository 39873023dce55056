// What a listener may take of the process, from its configuration: descriptors and memory.

import type { IpcConfig } from "../../config.ts";
import { ActonError } from "../../errors.ts";

const kernelBytesPerConnection = 256 * 1024;

/** A full set of connections must leave descriptors for everything else: accepting without any spins. */
export function checkOpenFiles(config: IpcConfig, openFiles: number): void {
  const most = Math.floor(openFiles * 0.75);
  if (config.maxConnections <= most) return;
  throw new ActonError(
    "INVALID_CONFIG",
    `max_connections ${config.maxConnections} is too many for an open-file limit of ${openFiles}: set it to ${most} at most, or raise the limit`,
  );
}

/** What connections can make the server hold, in bytes, when all of them do their worst. */
export function memoryBound(config: IpcConfig): number {
  const perConnection = 2 * config.outgoingHardBytes + config.waitingBytesMax + config.maxMessageSize + kernelBytesPerConnection;
  return config.maxConnections * perConnection + config.unfinishedBytesMax;
}
