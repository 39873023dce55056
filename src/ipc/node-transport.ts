// Node's Unix sockets behind the transport seam, for clients: node:net, in Node 20 and later.

import { realpath, stat } from "node:fs/promises";
import { connect, type Socket as NetSocket } from "node:net";
import { dirname } from "node:path";
import type { Socket, SocketHandler, Transport } from "./transport.ts";

/** User ids. Node cannot ask the kernel who is at the other end; the files say who can have put the socket there. */
export interface SocketOwners {
  readonly socket: number;
  readonly directory: number;
}

class NodeSocket implements Socket {
  readonly credentials = undefined;
  readonly peerIsGone = false;
  readonly #net: NetSocket;

  constructor(net: NetSocket) {
    this.#net = net;
  }

  // Node takes everything and holds on to it: so a copy, and no more while it has enough.
  write(bytes: Uint8Array): number {
    if (this.#net.destroyed || this.#net.writableEnded) return -1;
    if (this.#net.writableNeedDrain) return 0;
    this.#net.write(Uint8Array.from(bytes));
    return bytes.length;
  }

  pause(): void {
    this.#net.pause();
  }

  resume(): void {
    this.#net.resume();
  }

  shutdown(): void {
    this.#net.end();
  }

  terminate(): void {
    this.#net.destroy();
  }
}

export const nodeTransport = {
  listen(): never {
    throw new TypeError("Listening is not offered on Node: the runtime needs Bun");
  },

  connect(path: string, handler: SocketHandler): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const net = connect({ path, allowHalfOpen: true });
      net.once("error", reject);
      net.once("connect", () => {
        net.off("error", reject);
        // An error is always followed by `close`, which is all that anyone here needs to know.
        net.on("error", () => {});
        net.on("drain", () => handler.drain());
        net.on("end", () => handler.end());
        net.on("close", () => handler.close());
        net.on("data", (bytes: Buffer) => handler.data(bytes));
        resolve(new NodeSocket(net));
      });
    });
  },

  async owners(path: string): Promise<SocketOwners> {
    const real = await realpath(path);
    const [socket, directory] = await Promise.all([stat(real), stat(dirname(real))]);
    return { socket: socket.uid, directory: directory.uid };
  },
} satisfies Transport & { owners(path: string): Promise<SocketOwners> };
