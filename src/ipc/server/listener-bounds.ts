// What a listener may take of the process, from its configuration: descriptors and memory.

import type { IpcConfig } from "../../config.ts";
import { ActonError } from "../../errors.ts";

const kernelBytesPerConnection = 256 * 1024;

/** So many refused connections at once may take their time to hang up: of more, the oldest is closed as soon as it is told why. */
export function refusedMax(openFiles: number): number {
  return Math.max(1, Math.min(64, Math.floor(openFiles / 16)));
}

/** A full set of connections must leave descriptors for everything else: accepting without any spins. */
export function checkOpenFiles(config: IpcConfig, openFiles: number): void {
  const most = Math.floor(openFiles * 0.75);
  if (config.maxConnections <= most) return;
  throw new ActonError(
    "INVALID_CONFIG",
    `max_connections ${config.maxConnections} is too many for an open-file limit of ${openFiles}: set it to ${most} at most, or raise the limit`,
  );
}

/** What clients can make the server hold, in bytes of their frames, when all of them do their worst. */
export function memoryBound(config: IpcConfig): number {
  // What goes out, what waits for an earlier answer, pushes; and one message more than may wait, and one that a connection may
  // have in flight whatever the others hold.
  const perConnection = 3 * config.outgoingHardBytes + config.waitingBytesMax + 2 * config.maxMessageSize + kernelBytesPerConnection;
  return config.maxConnections * perConnection + config.inFlightBytesMax + config.unfinishedBytesMax;
}
