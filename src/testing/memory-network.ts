// The Unix sockets of a simulated machine: who listens at which inode, and the links between those who connected. A
// socket's inode outlives its listener, as the kernel has it: then nobody answers there.

import { after, type Clock } from "../clock.ts";
import { codeOf } from "../errors.ts";
import type { PeerCredentials, ServerSocket, Socket, SocketHandler, Transport } from "../ipc/transport.ts";
import { check, existing, type MemoryDisk, mayWrite } from "./memory-disk.ts";
import type { FileUser } from "./memory-files.ts";
import { MemorySocket, type SocketEvent, type Traffic, type Wire } from "./memory-socket.ts";
import { systemError } from "./system-error.ts";

/** A process, as the network sees it. */
export interface NetworkUser extends FileUser {
  readonly isDead: boolean;
  /** What the kernel does when it dies. */
  readonly onDeath: Set<() => void>;
  /** Its ends of the links that there are. */
  readonly sockets: Set<MemorySocket>;
}

export type End = "client" | "server";
const ends: readonly End[] = ["client", "server"];

export interface NetworkOptions {
  readonly disk: MemoryDisk;
  readonly traffic: Traffic;
  readonly clock: Clock;
  /** What one end may hold unread. */
  readonly bufferBytes: number;
}

/** Connections that nobody has accepted yet; one more is refused. */
const backlogMax = 512;
const acceptRetryMs = 1;

/** One connection, for whoever disturbs it. */
export class Link implements Wire {
  readonly path: string;
  readonly bufferBytes: number;
  readonly traffic: Traffic;
  readonly #clock: Clock;
  readonly #closed: () => void;
  readonly #ends: Record<End, MemorySocket>;
  #delayMs = 0;
  #lastArrival = 0;
  #disturbed = false;

  constructor(path: string, { traffic, clock, bufferBytes }: NetworkOptions, users: Record<End, NetworkUser>, closed: () => void) {
    this.path = path;
    this.traffic = traffic;
    this.bufferBytes = bufferBytes;
    this.#clock = clock;
    this.#closed = closed;
    const client = new MemorySocket(this, { pid: users.client.pid, name: "client" }, credentialsOf(users.server));
    const server = new MemorySocket(this, { pid: users.server.pid, name: "server" }, credentialsOf(users.client));
    client.peer = server;
    server.peer = client;
    this.#ends = { client, server };
  }

  socket(end: End): MemorySocket {
    return this.#ends[end];
  }

  /** Neither end is stalled, and nothing is on its way. */
  get isCalm(): boolean {
    return !this.#ends.client.isStalled && !this.#ends.server.isStalled && this.#lastArrival <= this.#clock.monotonic();
  }

  /** When the last of what was slow arrived, or will. */
  get settledAt(): number {
    return this.#lastArrival;
  }

  /** How long everything takes from one end to the other. */
  get delayMs(): number {
    return this.#delayMs;
  }

  set delayMs(ms: number) {
    if (ms > 0) this.#disturbed = true;
    this.#delayMs = ms;
  }

  /** It was slow, or cut, or an end of it was stalled, at some time. */
  get wasDisturbed(): boolean {
    return this.#disturbed;
  }

  /** The process at that end neither reads nor writes until `resume`. */
  stall(end: End): void {
    this.#disturbed = true;
    this.#ends[end].stall();
  }

  resume(end: End): void {
    this.#ends[end].unstall();
  }

  /** Cuts the connection at both ends; what was on the way is lost. */
  reset(): void {
    this.#disturbed = true;
    this.#ends.client.reset();
    this.#ends.server.reset();
  }

  carry(arrive: () => void): void {
    const now = this.#clock.monotonic();
    const due = Math.max(this.#lastArrival, now + this.delayMs);
    if (due <= now) return arrive();
    this.#lastArrival = due;
    after(this.#clock, due - now, arrive);
  }

  closed(): void {
    this.#closed();
  }
}

interface Listener {
  readonly user: NetworkUser;
  readonly path: string;
  readonly accept: (socket: Socket) => SocketHandler;
  readonly backlog: Link[];
  stopped: boolean;
}

export class MemoryNetwork {
  /** Connections that at least one end holds open, in the order in which they were made. */
  readonly links = new Set<Link>();
  readonly #options: NetworkOptions;
  readonly #listeners = new Map<bigint, Listener>();

  constructor(options: NetworkOptions) {
    this.#options = options;
  }

  transport(user: NetworkUser): Transport {
    return {
      listen: (path, accept) => this.#listen(user, path, accept),
      connect: (path, handler) => this.#connect(user, path, handler),
    };
  }

  #listen(user: NetworkUser, path: string, accept: (socket: Socket) => SocketHandler): ServerSocket {
    user.enter("bind", path);
    const { disk } = this.#options;
    const inode = disk.create(path, user, { kind: "socket", mode: 0o777 & ~user.umask });
    const listener: Listener = { user, path, accept, backlog: [], stopped: false };
    this.#listeners.set(inode.ino, listener);
    const die = (): void => {
      listener.stopped = true;
      this.#listeners.delete(inode.ino);
      for (const link of listener.backlog.splice(0)) {
        link.socket("server").vanish();
        link.socket("client").reset();
      }
    };
    user.onDeath.add(die);
    return {
      // Bun removes what is at the name under which it bound, whatever it is by now.
      stop() {
        if (user.isDead || listener.stopped) return;
        user.onDeath.delete(die);
        die();
        try {
          disk.remove(path, user);
        } catch (thrown) {
          if (codeOf(thrown) !== "ENOENT") throw thrown;
        }
      },
    };
  }

  #connect(user: NetworkUser, path: string, handler: SocketHandler): Promise<Socket> {
    const { promise, resolve, reject } = Promise.withResolvers<Socket>();
    const event = (run: () => void): SocketEvent => ({ pid: user.pid, what: `connect ${path}`, run });
    try {
      const socket = this.#open(user, path).socket("client");
      this.#options.traffic.later(
        event(() => {
          socket.attach(handler);
          resolve(socket);
        }),
      );
    } catch (thrown) {
      this.#options.traffic.later(event(() => reject(thrown)));
    }
    return promise;
  }

  #open(user: NetworkUser, path: string): Link {
    user.enter("connect", path);
    const { disk, traffic } = this.#options;
    const inode = existing(disk.find(path, user, "links"), path);
    check(inode, user, mayWrite, path);
    const listener = this.#listeners.get(inode.ino);
    if (listener === undefined || listener.backlog.length >= backlogMax) throw systemError("ECONNREFUSED", path);
    const link = this.#link(path, { client: user, server: listener.user });
    listener.backlog.push(link);
    traffic.later({ pid: listener.user.pid, what: "accept", run: () => this.#accept(listener) });
    return link;
  }

  #link(path: string, users: Record<End, NetworkUser>): Link {
    const link: Link = new Link(path, this.#options, users, () => {
      this.links.delete(link);
      for (const end of ends) users[end].sockets.delete(link.socket(end));
    });
    this.links.add(link);
    for (const end of ends) users[end].sockets.add(link.socket(end));
    return link;
  }

  #accept(listener: Listener): void {
    const { user, path, backlog } = listener;
    if (listener.stopped || backlog.length === 0) return;
    try {
      user.enter("accept", path);
    } catch {
      // No descriptor is left, say: the connection stays where it is.
      after(this.#options.clock, acceptRetryMs, () => this.#accept(listener));
      return;
    }
    const socket = backlog.shift()?.socket("server");
    if (socket === undefined) return;
    const handler = listener.accept(socket);
    socket.attach(handler);
  }
}

function credentialsOf({ pid, uid, gid }: NetworkUser): PeerCredentials {
  return { pid, uid, gid };
}
