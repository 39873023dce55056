// Serves on a socket that a service manager has bound and handed over. Its path is the manager's: nothing is locked,
// bound, renamed or removed, and whoever connects while we are going waits there for the next one.

import { ActonError, detailOf } from "../../errors.ts";
import type { FileSystem } from "../../files.ts";
import type { Socket, SocketHandler, Transport } from "../transport.ts";
import type { HeldPath } from "./takeover.ts";

export interface AdoptionSeams {
  readonly files: FileSystem;
  readonly transport: Transport;
  readonly uid: number;
  /** Somebody decides who may connect. Without that the socket must be its owner's alone. */
  readonly guarded: boolean;
}

// Connecting takes the right to write, and that alone.
const othersMayConnect = 0o022;

/** Throws PATH_REFUSED when the descriptor is no listening Unix socket, or others than its owner can connect to it. */
export function adopt(fd: number, seams: AdoptionSeams, accept: (socket: Socket) => SocketHandler): HeldPath {
  try {
    const server = seams.transport.adopt?.(fd, accept);
    if (server === undefined) throw refused("the transport takes none");
    let accepting = true;
    const stop = (): void => {
      if (accepting) server.stop();
      accepting = false;
    };
    try {
      check(server.path, seams);
    } catch (error) {
      stop();
      throw error;
    }
    return { path: server.path, drain: stop, release: stop };
  } catch (error) {
    throw error instanceof ActonError ? error : refused(detailOf(error));
  }
}

function check(path: string, { files, uid, guarded }: AdoptionSeams): void {
  if (!path.startsWith("/")) throw refused("it has no absolute path, by which its owner and its mode are known: give ListenStream= one");
  const status = files.lstat(path);
  if (status?.kind === "socket" && status.uid !== uid && status.uid !== 0) {
    throw refused(`${path} belongs to uid ${status.uid}, neither to us (uid ${uid}) nor to root`);
  }
  if (guarded) return;
  if (status?.kind !== "socket")
    throw refused(`nothing shows who can connect to it: ${path} is not a socket from here. A policy that tells users apart would decide`);
  if ((status.mode & othersMayConnect) === 0) return;
  const mode = status.mode.toString(8).padStart(4, "0");
  throw refused(
    `others can connect to ${path} (mode ${mode}), and no policy tells them apart: set SocketMode=0600, or give the application such a policy`,
  );
}

function refused(why: string): ActonError {
  return new ActonError("PATH_REFUSED", `cannot serve on the socket that was handed over: ${why}`);
}
