// Lets an application module be the program: run by `bun run` itself, it serves. The executable has its own entry,
// and an imported module is only described.

import { ActonApp } from "./app.ts";
import { Application, type ApplicationDefinition } from "./application.ts";
import { loadConfig } from "./config-layers.ts";
import { after, type Clock, SystemClock } from "./clock.ts";
import { detailOf } from "./errors.ts";
import { systemFiles } from "./files.ts";
import { type Host, processHost } from "./host.ts";
import { processSeams, serveApplication } from "./serve-application.ts";

const cannotStart = 8;
const drainIncomplete = 9;
/** How long the last line may take to leave. */
const flushMs = 1000;

/** Describes an application; the default export of its module. */
export function app(definition: ApplicationDefinition): Application {
  const application = new Application(definition);
  const clock = new SystemClock();
  void serveIfMain(application, processHost(clock), clock);
  return application;
}

async function serveIfMain(application: Application, host: Host, clock: Clock): Promise<void> {
  // A program that imports this module runs on whatever its own main module exports.
  const main = await host.mainModule();
  // One that launches a runtime itself is its own program.
  if (main?.defaultExport !== application || ActonApp.launched) return;
  try {
    const { environment } = host;
    const { config } = await loadConfig({ files: systemFiles, environment, application: application.config, modulePath: main.path });
    const { complete } = await serveApplication(
      { application, module: main.path },
      config,
      processSeams(config.log, (environment["NO_COLOR"] ?? "") !== ""),
    );
    // Not left to the event loop: a timer or a handler that hangs would keep the process.
    host.exit(complete ? 0 : drainIncomplete);
  } catch (error) {
    const exit = (): void => host.exit(cannotStart);
    if (host.stderr.write(`${main.path}: ${detailOf(error)}\n`)) return exit();
    host.stderr.onDrain(exit);
    after(clock, flushMs, exit);
  }
}
