// Opens one socket to the server: checks who may be behind the path, before connecting where the platform can only tell from
// the file, and tries again for a moment while the server's backlog is full.

import { after, type Clock } from "../../clock.ts";
import { ActonError, codeOf, detailOf } from "../../errors.ts";
import type { Random } from "../../random.ts";
import type { SocketOwners } from "../node-transport.ts";
import type { Socket, SocketHandler } from "../transport.ts";

/** The connecting half of a Transport. */
export interface ClientTransport {
  connect(path: string, handler: SocketHandler): Promise<Socket>;
  /** For transports that cannot tell the peer's user: the users that the socket's path belongs to. */
  owners?(path: string): Promise<SocketOwners>;
}

export interface DialOptions {
  readonly transport: ClientTransport;
  /** User ids that the server may run as; undefined trusts anyone. */
  readonly serverUids: readonly number[] | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

/** Longer ones do not fit into a socket's address, or are cut short without a word. */
const pathBytesMax = 103;
/** A full backlog shows as either code, and on Bun a stale socket as the same: so not for long, 150 ms in all. */
const retryCodes: readonly unknown[] = ["ECONNREFUSED", "EAGAIN"];
const retriesMax = 4;
const retryMs = 10;

/** CONNECTION_CLOSED when no server answers there, ACCESS_DENIED when it runs as somebody else. */
export async function dial(path: string, handler: SocketHandler, options: DialOptions): Promise<Socket> {
  const pathBytes = Buffer.byteLength(path);
  if (pathBytes > pathBytesMax) throw unreachable(path, `the path has ${pathBytes} bytes, at most ${pathBytesMax} are possible`);
  await checkOwners(path, options);
  const socket = await connectPatiently(path, handler, options);
  const uid = socket.credentials?.uid;
  if (uid !== undefined && options.serverUids?.includes(uid) === false) {
    socket.terminate();
    throw distrust(path, `runs as user ${uid}`);
  }
  return socket;
}

async function checkOwners(path: string, { transport, serverUids }: DialOptions): Promise<void> {
  if (serverUids === undefined || transport.owners === undefined) return;
  const { socket, directory } = await transport.owners(path).catch((thrown: unknown) => {
    throw unreachable(path, reasonOf(thrown), thrown);
  });
  if (!serverUids.includes(socket)) throw distrust(path, `belongs to user ${socket}`);
  // Root owns the common places, such as /tmp.
  if (directory !== 0 && !serverUids.includes(directory)) throw distrust(path, `is in a directory of user ${directory}`);
}

async function connectPatiently(path: string, handler: SocketHandler, { transport, clock, random }: DialOptions): Promise<Socket> {
  for (let retry = 0; ; retry++) {
    try {
      return await transport.connect(path, handler);
    } catch (thrown) {
      if (retry === retriesMax || !retryCodes.includes(codeOf(thrown))) throw unreachable(path, reasonOf(thrown), thrown);
    }
    await new Promise<void>((resolve) => after(clock, retryMs * 2 ** retry * (0.5 + random.next() / 2), resolve));
  }
}

function distrust(path: string, what: string): ActonError {
  return new ActonError("ACCESS_DENIED", `the server at ${path} ${what}, who is not trusted: nothing was sent`);
}

function unreachable(path: string, reason: string, cause?: unknown): ActonError {
  return new ActonError("CONNECTION_CLOSED", `cannot connect to ${path}: ${reason}`, { ran: "no", cause });
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "no socket is there; is its server running?",
  ENOTDIR: "no socket is there; is its server running?",
  ECONNREFUSED: "no server listens there; is it running?",
  EAGAIN: "the server takes no more connections now",
  EACCES: "access is denied",
};

function reasonOf(thrown: unknown): string {
  return reasons[String(codeOf(thrown))] ?? detailOf(thrown);
}
