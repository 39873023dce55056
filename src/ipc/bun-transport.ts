// Bun's Unix sockets behind the transport seam. Bun neither buffers a write nor closes gracefully by `end`:
// both are left to whoever holds the socket, as the seam says.

import { isHungUp, openServiceCalls, peerCredentials, takeReceived } from "../libc.ts";
import type { AdoptedSocket, PeerCredentials, ServerSocket, Socket, SocketHandler, Transport } from "./transport.ts";

interface Wiring {
  socket: BunSocket;
  handler: SocketHandler;
}

type RawSocket = Bun.Socket<Wiring | undefined>;

class BunSocket implements Socket {
  readonly #raw: RawSocket;
  readonly credentials: PeerCredentials | undefined;

  constructor(raw: RawSocket) {
    this.#raw = raw;
    this.credentials = peerCredentials(fileDescriptorOf(raw));
  }

  get peerIsGone(): boolean {
    return isHungUp(fileDescriptorOf(this.#raw));
  }

  write(bytes: Uint8Array): number {
    return this.#raw.write(bytes);
  }

  pause(): void {
    this.#raw.pause();
  }

  resume(): void {
    this.#raw.resume();
  }

  takeArrived(): Uint8Array {
    return takeReceived(fileDescriptorOf(this.#raw));
  }

  shutdown(): void {
    this.#raw.shutdown();
  }

  terminate(): void {
    this.#raw.terminate();
  }
}

// An error is always followed by `close`, which is all that anyone here needs to know.
const events = {
  data: (raw: RawSocket, bytes: Uint8Array) => raw.data?.handler.data(bytes),
  drain: (raw: RawSocket) => raw.data?.handler.drain(),
  end: (raw: RawSocket) => raw.data?.handler.end(),
  close: (raw: RawSocket) => raw.data?.handler.close(),
  error: () => {},
  binaryType: "uint8array" as const,
};

function accepting(accept: (socket: Socket) => SocketHandler) {
  return {
    ...events,
    open(raw: RawSocket): void {
      const socket = new BunSocket(raw);
      raw.data = { socket, handler: accept(socket) };
    },
  };
}

export const bunTransport: Transport = {
  listen(path, accept): ServerSocket {
    const server = Bun.listen<Wiring | undefined>({ unix: path, allowHalfOpen: true, socket: accepting(accept) });
    return { stop: () => server.stop(false) };
  },

  adopt(fd, accept): AdoptedSocket {
    const { libc, reason } = openServiceCalls();
    if (libc === undefined) throw new TypeError(`a socket that is handed over cannot be looked at here: ${reason}`);
    const path = libc.listeningPath(fd);
    if (path === undefined) throw new TypeError(`descriptor ${fd} is not a Unix stream socket that listens`);
    libc.closeOnExec(fd);
    // Bun takes a descriptor and does not type it.
    const options: object = { fd, allowHalfOpen: true, socket: accepting(accept) };
    const server = Bun.listen(options as Bun.UnixSocketOptions<Wiring | undefined>);
    return { path, stop: () => server.stop(false) };
  },

  async connect(path, handler): Promise<Socket> {
    const raw = await Bun.connect<Wiring | undefined>({ unix: path, allowHalfOpen: true, data: undefined, socket: events });
    const socket = new BunSocket(raw);
    raw.data = { socket, handler };
    return socket;
  },
};

// Bun has it and does not type it.
function fileDescriptorOf(raw: object): number {
  return "fd" in raw && typeof raw.fd === "number" ? raw.fd : -1;
}
