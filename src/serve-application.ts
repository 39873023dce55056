// Runs an application in front of a socket until a signal ends it. Used by `acton serve`, and by a module that is
// itself the program.

import { ActonApp, type ShutdownResult } from "./app.ts";
import { type Clock, SystemClock } from "./clock.ts";
import type { AppConfig } from "./config.ts";
import { type Host, processHost } from "./host.ts";
import { createLog, type RootLog } from "./log.ts";
import { RunningApplication, type Source } from "./running-application.ts";
import { serviceManager } from "./service-manager.ts";

export interface ServeSeams {
  readonly clock: Clock;
  readonly host: Host;
  readonly log: RootLog;
}

export interface ServeOptions extends ServeSeams {
  /** Called when it is served. */
  readonly serving?: (running: RunningApplication) => void;
}

export function processSeams(config: AppConfig["log"], noColour: boolean): ServeSeams {
  const clock = new SystemClock();
  const host = processHost(clock);
  const terminal = host.stderrIsTerminal;
  const format = config.format === "auto" ? (terminal ? "pretty" : "json") : config.format;
  const log = createLog({ output: host.stderr, clock, level: config.level, queueSize: config.queueSize, colour: terminal && !noColour, format });
  return { clock, host, log };
}

/** Resolves when the drain that a signal began is over. Rejects when the application or its listener does not start. */
export async function serveApplication(source: Source, config: AppConfig, { serving, ...seams }: ServeOptions): Promise<ShutdownResult> {
  const { application, module } = source;
  const { log } = seams;
  using manager = serviceManager(seams);
  const { inheritedSocket } = manager;
  const { runtime: limits, log: _, policy: policyRules, ...ipcConfig } = config;
  await using runtime = ActonApp.launch({ limits, ...seams, application, module });
  const signal = runtime.untilSignal();
  const listening = { ...ipcConfig, policyRules, policy: application.policy, inheritedSocket };
  const started = RunningApplication.start(application, runtime, log).then(async (running) => {
    const { path } = await runtime.startIpcListener(listening);
    manager.ready(`serving ${application.name} at ${path}`);
    serving?.(running);
  });
  // A start that hangs ends with a signal too.
  await Promise.race([started, signal]);
  log.info("draining", { signal: await signal });
  manager.stopping("draining");
  const result = await runtime.shutdownAll();
  if (result.complete) log.info("stopped");
  await log.flush();
  return result;
}
