// `acton serve`: runs an application module, or the demo services, on a socket until a signal ends it.

import { resolve } from "node:path";
import type { Application } from "../application.ts";
import { loadDefaultExport } from "./module-loader.ts";
import { applicationIn, type Environment, runUntilSignal, type Served, type ServeOptions, withConfig } from "./serving.ts";

/** Resolves when a drain that a signal began is complete. */
export async function serve(module: string | undefined, options: ServeOptions): Promise<void> {
  const served = await configured(module, options);
  if (options.printConfig === true) return (await import("./print-config.ts")).printConfig(served.merged);
  await runUntilSignal(served, module && resolve(module));
}

/** The application, and the configuration with which it is served. */
export async function configured(module: string | undefined, options: ServeOptions, environment: Environment = process.env): Promise<Served> {
  const application = module === undefined ? (await import("./demo.ts")).demo : await loadApplication(module);
  return withConfig(application, module === undefined ? undefined : resolve(module), { options, environment });
}

export async function loadApplication(module: string): Promise<Application> {
  return applicationIn(await loadDefaultExport(module), resolve(module));
}
