// Carries bytes over local stream sockets. The listener, the connections and the client see sockets only
// through this seam, so that a simulation can put its own in their place.

/** The process at the other end, as the kernel knows it. `pid` is a hint only: it may have been handed on. */
export interface PeerCredentials {
  readonly uid: number;
  readonly gid: number;
  /** The other groups that it is a member of; not known when left out. */
  readonly groups?: readonly number[];
  readonly pid: number;
}

export interface Socket {
  /** Credentials of the peer; undefined where the platform cannot tell. */
  readonly credentials: PeerCredentials | undefined;
  /** The peer has closed, as far as the kernel can be asked: the way to learn it while paused. */
  readonly peerIsGone: boolean;
  /** Returns how many bytes were taken (0 … length), or −1 once closed. Nothing is buffered: the rest is the caller's until `drain`. */
  write(bytes: Uint8Array): number;
  /** While paused no data arrives, and neither does word that the peer went away: look at `peerIsGone` now and then. */
  pause(): void;
  resume(): void;
  /** Bytes that have come and were not given to `data` yet, for who closes at once. Absent where they cannot be had. */
  takeArrived?(): Uint8Array;
  /** Shuts the write side after what was written. Reading goes on. */
  shutdown(): void;
  /** Closes both sides at once. */
  terminate(): void;
}

export interface SocketHandler {
  /** The bytes are the handler's to keep. */
  data(bytes: Uint8Array): void;
  /** A short write may be continued. */
  drain(): void;
  /** The peer shut its write side; it may still read. */
  end(): void;
  /** Called exactly once, last. */
  close(): void;
}

export interface ServerSocket {
  /** Stops accepting. Connections that were accepted live on. */
  stop(): void;
}

export interface AdoptedSocket extends ServerSocket {
  /** Where it is in the file system; empty when it is not. */
  readonly path: string;
}

export interface Transport {
  /** Binds a fresh path; fails when anything is there. The mode of the new socket is 0600. */
  listen(path: string, accept: (socket: Socket) => SocketHandler): ServerSocket;
  /** Serves a socket that listens already, and leaves its path alone. Throws when `fd` is no such Unix socket. Not all transports can. */
  adopt?(fd: number, accept: (socket: Socket) => SocketHandler): AdoptedSocket;
  connect(path: string, handler: SocketHandler): Promise<Socket>;
}
