// A client for one command: on the socket that its flags mean, in the format that they ask for.

import { bunTransport } from "../ipc/bun-transport.ts";
import { type Client, connect } from "../ipc/client/client.ts";
import { type SocketOptions, socketPath, trustedUids } from "./socket-path.ts";

export interface ClientOptions extends SocketOptions {
  readonly msgpack?: boolean | undefined;
}

/** `keepAlive` is for commands that may be silent for longer than the server bears. */
export async function openClient(options: ClientOptions, { keepAlive = false }: { readonly keepAlive?: boolean } = {}): Promise<Client> {
  const { path } = await socketPath(options);
  return connect(path, {
    transport: bunTransport,
    serverUids: trustedUids(options),
    format: options.msgpack === true ? "msgpack" : "json",
    ...(keepAlive ? {} : { keepAliveMs: 0 }),
  });
}
