// Where a program that `acton build` has made looks for its own server.

import type { AppConfigInput, MergedConfig } from "../../config.ts";
import { loadConfig } from "../../config-layers.ts";
import { systemFiles } from "../../files.ts";
import type { SocketPath } from "../socket-path.ts";
import type { BuiltProgram } from "./built-program.ts";

/** Where its `serve` listens when no flag says otherwise. Running the module for that is the last resort: it takes longer than a call. */
export async function builtSocketPath(program: BuiltProgram): Promise<SocketPath> {
  const sources = { files: systemFiles, environment: process.env, modulePath: process.execPath };
  const told = pathOf(await loadConfig(sources));
  if (told.origin !== "default" || !program.saysSocketPath) return told;
  return pathOf(await loadConfig({ ...sources, application: await configOf(program) }));
}

function pathOf({ config, origins }: MergedConfig): SocketPath {
  return { path: config.socketPath, origin: origins.get("socketPath") ?? "default" };
}

async function configOf(program: BuiltProgram): Promise<AppConfigInput> {
  const { builtApplication } = await import("./application.ts");
  return (await builtApplication(program)).config;
}
