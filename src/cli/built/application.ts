// The application of a program that `acton build` has made, and how it is served. Its acton.toml lies beside the executable.

import { Application } from "../../application.ts";
import { moduleFailure } from "../module-failure.ts";
import { applicationIn, runUntilSignal, type ServeOptions, withConfig } from "../serving.ts";
import type { BuiltProgram } from "./built-program.ts";

/** Resolves when a drain that a signal began is complete. */
export async function serveBuilt(program: BuiltProgram, options: ServeOptions): Promise<void> {
  const served = await withConfig(await builtApplication(program), process.execPath, { options, environment: process.env });
  if (options.printConfig === true) return (await import("../print-config.ts")).printConfig(served.merged);
  await runUntilSignal(served, program);
}

/** Under the name and version that were said when it was built. */
export async function builtApplication({ name, version, module, load }: BuiltProgram): Promise<Application> {
  let exported: unknown;
  try {
    exported = await load();
  } catch (thrown) {
    throw moduleFailure(module, thrown);
  }
  const { agents, publishes, config, policy, setup } = applicationIn(exported, module);
  return new Application({ name, version, agents, publishes, config, policy, setup });
}
