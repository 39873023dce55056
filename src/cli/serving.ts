// Serves an application with what configuration and flags say, for `acton serve` and for the programs that acton builds.

import type { ShutdownResult } from "../app.ts";
import { Application } from "../application.ts";
import type { ConfigLayer, MergedConfig } from "../config.ts";
import { loadConfig } from "../config-layers.ts";
import { ActonError } from "../errors.ts";
import { systemFiles } from "../files.ts";
import type { RunningApplication } from "../running-application.ts";
import { processSeams, serveApplication, type ServeSeams } from "../serve-application.ts";
import { CommandError, exitCodes } from "./exit-codes.ts";
import { cannotStart, moduleFailure, shownPath } from "./module-failure.ts";
import { type SocketOptions, socketLayer } from "./socket-path.ts";

export interface ServeOptions extends SocketOptions {
  readonly config?: string | undefined;
  readonly printConfig?: boolean | undefined;
  readonly logLevel?: string | undefined;
  /** Not in built programs. */
  readonly watch?: boolean | undefined;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Served {
  readonly application: Application;
  readonly merged: MergedConfig;
}

/** What the module exports, if it is an application. */
export function applicationIn(exported: unknown, module: string): Application {
  if (exported instanceof Application) return exported;
  const what = exported === undefined ? "has no default export" : "has a default export that is not an application";
  throw cannotStart(`${shownPath(module)} ${what}: it needs 'export default app({ … })', with app from "acton"`);
}

/** The application with its configuration; acton.toml may lie beside the file `beside`. */
export async function withConfig(application: Application, beside: string | undefined, asked: Asked): Promise<Served> {
  const { options, environment } = asked;
  const merged = await loadConfig({
    files: systemFiles,
    environment,
    application: application.config,
    modulePath: beside,
    file: options.config,
    flags: flagLayers(options, environment),
  });
  return { application, merged };
}

/** Where an application comes from. */
export interface Origin {
  /** As errors name it. */
  readonly module: string | undefined;
  /** What its threads import, when that is another file. */
  readonly bundle?: string | undefined;
}

/** Called when it is served. */
export type Serving = (running: RunningApplication, seams: ServeSeams) => void;

export interface Asked {
  readonly options: ServeOptions;
  readonly environment: Environment;
}

function flagLayers(options: ServeOptions, environment: Environment): ConfigLayer[] {
  const socket = socketLayer(options, environment);
  const level: ConfigLayer = { origin: "--log-level", spelling: "file", values: { log: { level: options.logLevel } } };
  return [...(socket === undefined ? [] : [socket]), level];
}

/** Resolves when a drain that a signal began is complete. What the module throws is told as its own. */
export async function runUntilSignal({ application, merged }: Served, { module, bundle }: Origin, serving?: Serving): Promise<void> {
  const { config } = merged;
  const seams = processSeams(config.log, (process.env["NO_COLOR"] ?? "") !== "");
  let result: ShutdownResult;
  try {
    const source = { application, module: bundle ?? module };
    result = await serveApplication(source, config, { ...seams, serving: (running) => serving?.(running, seams) });
  } catch (thrown) {
    throw thrown instanceof ActonError ? thrown : moduleFailure(module ?? "demo", thrown);
  }
  if (result.complete) return;
  const what = result.lost > 0 ? `all was answered: ${result.lost} requests and streams were cut off` : "every agent had ended its work";
  throw new CommandError(exitCodes.drainIncomplete, `stopped before ${what}`);
}
