// `acton serve`: runs an application module, or the demo services, on a socket until a signal ends it.

import { resolve } from "node:path";
import type { ShutdownResult } from "../app.ts";
import { Application } from "../application.ts";
import type { AppConfig, ConfigLayer, MergedConfig } from "../config.ts";
import { ActonError } from "../errors.ts";
import { systemFiles } from "../files.ts";
import { processSeams, serveApplication } from "../serve-application.ts";
import { loadConfig } from "../config-layers.ts";
import { CommandError, exitCodes } from "./exit-codes.ts";
import { loadDefaultExport, moduleFailure, shownPath } from "./module-loader.ts";
import { type SocketOptions, socketLayer } from "./socket-path.ts";

export interface ServeOptions extends SocketOptions {
  readonly config?: string | undefined;
  readonly printConfig?: boolean | undefined;
  readonly logLevel?: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Resolves when a drain that a signal began is complete. */
export async function serve(module: string | undefined, options: ServeOptions): Promise<void> {
  const { application, merged } = await configured(module, options);
  if (options.printConfig === true) return (await import("./print-config.ts")).printConfig(merged);
  await runUntilSignal(application, merged.config, module && resolve(module));
}

/** The application, and the configuration with which it is served. */
export async function configured(
  module: string | undefined,
  options: ServeOptions,
  environment: Environment = process.env,
): Promise<{ readonly application: Application; readonly merged: MergedConfig }> {
  const application = module === undefined ? (await import("./demo.ts")).demo : await loadApplication(module);
  const merged = await loadConfig({
    files: systemFiles,
    environment,
    application: application.config,
    modulePath: module === undefined ? undefined : resolve(module),
    file: options.config,
    flags: flagLayers(options, environment),
  });
  return { application, merged };
}

export async function loadApplication(module: string): Promise<Application> {
  const exported = await loadDefaultExport(module);
  if (exported instanceof Application) return exported;
  const what = exported === undefined ? "has no default export" : "has a default export that is not an application";
  throw new CommandError(exitCodes.cannotStart, `${shownPath(resolve(module))} ${what}: it needs 'export default app({ … })', with app from "acton"`);
}

function flagLayers(options: ServeOptions, environment: Environment): ConfigLayer[] {
  const socket = socketLayer(options, environment);
  const level: ConfigLayer = { origin: "--log-level", spelling: "file", values: { log: { level: options.logLevel } } };
  return [...(socket === undefined ? [] : [socket]), level];
}

async function runUntilSignal(application: Application, config: AppConfig, module: string | undefined): Promise<void> {
  const seams = processSeams(config.log, (process.env["NO_COLOR"] ?? "") !== "");
  let result: ShutdownResult;
  try {
    result = await serveApplication(application, module, config, seams);
  } catch (thrown) {
    throw thrown instanceof ActonError ? thrown : moduleFailure(module ?? "demo", thrown);
  }
  if (result.complete) return;
  const what = result.lost > 0 ? `all was answered: ${result.lost} requests and streams were cut off` : "every agent had ended its work";
  throw new CommandError(exitCodes.drainIncomplete, `stopped before ${what}`);
}
