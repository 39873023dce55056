// Lets an application module be the program: run by `bun run` itself, it serves. The executable has its own entry,
// and an imported module is only described.

import { Application, type ApplicationDefinition } from "./application.ts";
import { loadConfig } from "./config-layers.ts";
import { SystemClock } from "./clock.ts";
import { detailOf } from "./errors.ts";
import { systemFiles } from "./files.ts";
import { type Host, processHost } from "./host.ts";
import { processSeams, serveApplication } from "./serve-application.ts";

const cannotStart = 8;
const drainIncomplete = 9;

/** Describes an application; the default export of its module. */
export function app(definition: ApplicationDefinition): Application {
  const application = new Application(definition);
  void serveIfMain(application, processHost(new SystemClock()));
  return application;
}

async function serveIfMain(application: Application, host: Host): Promise<void> {
  // A program that imports this module runs on whatever its own main module exports.
  const main = await host.mainModule();
  if (main?.defaultExport !== application) return;
  try {
    const { environment } = host;
    const { config } = await loadConfig({ files: systemFiles, environment, application: application.config, modulePath: main.path });
    const { complete } = await serveApplication(application, config, processSeams(config.log, (environment["NO_COLOR"] ?? "") !== ""));
    if (!complete) host.exitWith(drainIncomplete);
  } catch (error) {
    host.stderr.write(`${main.path}: ${detailOf(error)}\n`);
    host.exitWith(cannotStart);
  }
}
