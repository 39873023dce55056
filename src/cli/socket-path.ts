// Which socket a command means: --socket PATH, --app NAME, or what is configured.

import { isAbsolute, join, resolve } from "node:path";
import type { ConfigLayer } from "../config.ts";
import { systemFiles } from "../files.ts";
import { usageError } from "./exit-codes.ts";

export interface SocketOptions {
  readonly socket?: string | undefined;
  readonly app?: string | undefined;
  /** A user whose servers are trusted beside one's own and root's. */
  readonly serverUid?: number | undefined;
  /** The path without a flag, for programs that know better than acton's configuration. */
  readonly otherwise?: (() => Promise<SocketPath>) | undefined;
}

export interface SocketPath {
  readonly path: string;
  /** Where it was said: a flag, a variable, a file with its line, or `default`. */
  readonly origin: string;
}

/** The users whose servers are talked to. */
export function trustedUids({ serverUid }: SocketOptions): readonly number[] {
  return [process.geteuid?.() ?? 0, 0, ...(serverUid === undefined ? [] : [serverUid])];
}

/** What the flags say of the path, as a layer of configuration; undefined when they say nothing. */
export function socketLayer(options: SocketOptions, environment: Readonly<Record<string, string | undefined>>): ConfigLayer | undefined {
  const named = namedPath(options, environment);
  return named === undefined ? undefined : { origin: named.origin, spelling: "file", values: { socket_path: named.path } };
}

/** The absolute path that a command means. Configuration is read only when the flags leave it open. */
export async function socketPath(options: SocketOptions): Promise<SocketPath> {
  const named = namedPath(options, process.env);
  if (named !== undefined) return named;
  if (options.otherwise !== undefined) return options.otherwise();
  const { loadConfig } = await import("../config-layers.ts");
  const { config, origins } = await loadConfig({ files: systemFiles, environment: process.env });
  return { path: config.socketPath, origin: origins.get("socketPath") ?? "default" };
}

function namedPath(options: SocketOptions, environment: Readonly<Record<string, string | undefined>>): SocketPath | undefined {
  const { socket, app } = options;
  if (socket !== undefined && app !== undefined) throw usageError("--socket and --app name two sockets: give one of them");
  if (socket === "") throw usageError("--socket needs a path");
  if (socket !== undefined) return { path: resolve(socket), origin: "--socket" };
  return app === undefined ? undefined : { path: applicationPath(app, environment), origin: "--app" };
}

function applicationPath(app: string, environment: Readonly<Record<string, string | undefined>>): string {
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/.test(app)) {
    throw usageError(`--app ${JSON.stringify(app)} is not a name: up to 64 letters, digits, '.', '_' and '-', not beginning with '.' or '-'`);
  }
  const runtimeDirectory = environment["XDG_RUNTIME_DIR"];
  return join(runtimeDirectory !== undefined && isAbsolute(runtimeDirectory) ? runtimeDirectory : "/tmp", "acton", app, "ipc.sock");
}
