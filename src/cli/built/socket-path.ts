// Where a program that `acton build` has made looks for its own server.

import type { AppConfigInput } from "../../config.ts";
import { loadConfig } from "../../config-layers.ts";
import { systemFiles } from "../../files.ts";
import type { SocketPath } from "../socket-path.ts";
import type { BuiltProgram } from "./built-program.ts";

/** Where its `serve` listens when no flag says otherwise. The application is asked only when nothing above it says a path. */
export async function builtSocketPath(program: BuiltProgram): Promise<SocketPath> {
  const sources = { files: systemFiles, environment: process.env, modulePath: process.execPath };
  const told = await loadConfig(sources);
  const { config, origins } = told.origins.has("socketPath") ? told : await loadConfig({ ...sources, application: await configOf(program) });
  return { path: config.socketPath, origin: origins.get("socketPath") ?? "default" };
}

async function configOf(program: BuiltProgram): Promise<AppConfigInput> {
  const { builtApplication } = await import("./application.ts");
  return (await builtApplication(program)).config;
}
