// Which socket a command means: --socket PATH, --app NAME, or what is configured.

import { isAbsolute, join, resolve } from "node:path";
import type { ConfigLayer } from "../config.ts";
import { usageError } from "./exit-codes.ts";

export interface SocketOptions {
  readonly socket?: string | undefined;
  readonly app?: string | undefined;
}

/** What the flags say of the path, as a layer of configuration; undefined when they say nothing. */
export function socketLayer(options: SocketOptions, environment: Readonly<Record<string, string | undefined>>): ConfigLayer | undefined {
  const path = socketPathOf(options, environment);
  return path === undefined
    ? undefined
    : { origin: options.socket === undefined ? "--app" : "--socket", spelling: "file", values: { socket_path: path } };
}

/** The absolute path that the flags name; undefined when they name none. */
export function socketPathOf(options: SocketOptions, environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const { socket, app } = options;
  if (socket !== undefined && app !== undefined) throw usageError("--socket and --app name two sockets: give one of them");
  if (socket === "") throw usageError("--socket needs a path");
  if (socket !== undefined) return resolve(socket);
  return app === undefined ? undefined : applicationPath(app, environment);
}

function applicationPath(app: string, environment: Readonly<Record<string, string | undefined>>): string {
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/.test(app)) {
    throw usageError(`--app ${JSON.stringify(app)} is not a name: up to 64 letters, digits, '.', '_' and '-', not beginning with '.' or '-'`);
  }
  const runtimeDirectory = environment["XDG_RUNTIME_DIR"];
  return join(runtimeDirectory !== undefined && isAbsolute(runtimeDirectory) ? runtimeDirectory : "/tmp", "acton", app, "ipc.sock");
}
