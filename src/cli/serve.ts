// `acton serve`: runs an application module, or the demo services, on a socket until a signal ends it.

import { resolve } from "node:path";
import type { Application } from "../application.ts";
import { usageError } from "./exit-codes.ts";
import { loadDefaultExport } from "./module-loader.ts";
import { applicationIn, type Environment, runUntilSignal, type Served, type ServeOptions, withConfig } from "./serving.ts";
import type { WatchedModule } from "./watch/watched-module.ts";

/** Resolves when a drain that a signal began is complete. */
export async function serve(module: string | undefined, options: ServeOptions): Promise<void> {
  if (options.watch === true && module === undefined) throw usageError("--watch is for a module, and none is given. See 'acton serve --help'");
  await using watched = options.watch === true && module !== undefined ? await watchedModule(module) : undefined;
  const served = await configured(module, options, process.env, watched && (() => watched.load()));
  if (options.printConfig === true) return (await import("./print-config.ts")).printConfig(served.merged);
  const origin = { module: module && resolve(module), bundle: watched?.file };
  await runUntilSignal(served, origin, (running, seams) => watched?.follow(running, seams));
}

async function watchedModule(module: string): Promise<WatchedModule> {
  return new (await import("./watch/watched-module.ts")).WatchedModule(module);
}

/** The application, and the configuration with which it is served. */
export async function configured(
  module: string | undefined,
  options: ServeOptions,
  environment: Environment = process.env,
  load = loadApplication,
): Promise<Served> {
  const application = module === undefined ? (await import("./demo.ts")).demo : await load(module);
  return withConfig(application, module === undefined ? undefined : resolve(module), { options, environment });
}

export async function loadApplication(module: string): Promise<Application> {
  return applicationIn(await loadDefaultExport(module), resolve(module));
}
