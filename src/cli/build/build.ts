// `acton build`: makes an executable of an application module, with nothing but this executable. The module is loaded first, so
// that whatever `acton serve` would have against it is said now.

import { readFileSync, realpathSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import { detailOf } from "../../errors.ts";
import { type CommandError, usageError } from "../exit-codes.ts";
import { library } from "../library.ts";
import { cannotStart, moduleFailure } from "../module-failure.ts";
import { loadApplication } from "../serve.ts";
import { printError } from "../terminal.ts";
import { waiting } from "../waiting.ts";
import { bundle, type BundleInput } from "./bundle.ts";
import { checkedOutput, intoPlace } from "./output.ts";
import { type BuildTarget, bunTarget, machineOf } from "./targets.ts";

export interface BuildOptions {
  readonly output: string;
  readonly name?: string | undefined;
  readonly version?: string | undefined;
  readonly target?: BuildTarget | undefined;
  readonly runtime?: string | undefined;
}

export async function build(module: string, options: BuildOptions): Promise<void> {
  const texts = library();
  if (texts === undefined) throw usageError("only the compiled executable builds others: npm run build makes it");
  const application = await loadApplication(module);
  const output = checkedOutput(options.output, module);
  const { name = application.name, version = application.version, target, runtime } = options;
  if (name === "" || version === "") throw usageError(`${name === "" ? "--name" : "--version"} needs a text`);
  if (runtime !== undefined) checkRuntime(runtime, target);
  const input: BundleInput = {
    module: realpathSync(module),
    library: texts,
    facts: { name, version, module: basename(module), saysSocketPath: application.config.socketPath !== undefined },
    target: target === undefined ? undefined : bunTarget(target),
    runtime: runtime === undefined ? undefined : resolve(runtime),
  };
  const problems = await waiting(
    `building ${basename(output)}`,
    intoPlace(output, (path) => bundle(input, path)),
  );
  if (problems.length > 0) throw failureOf(problems, input.module, target);
  printError(`${options.output}: ${name} ${version}, ${(statSync(output).size / 2 ** 20).toFixed(1)} MiB\n`);
}

// Another version of Bun might not run what this one's bundler has written.
function checkRuntime(file: string, target: BuildTarget | undefined): void {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (thrown) {
    throw usageError(`cannot read the runtime ${file}: ${detailOf(thrown)}`);
  }
  if (!bytes.includes(Bun.revision)) throw usageError(`${file} is not an executable of Bun ${Bun.version}, which is needed for --runtime`);
  const machine = elfMachines[bytes.readUInt16LE(elfMachineAt)] ?? "no Linux that is known";
  const wanted = target === undefined ? process.arch : machineOf(target);
  if (machine !== wanted) throw usageError(`the runtime ${file} is for ${machine}, and not for ${wanted}: see --target`);
}

const elfMachineAt = 18;
const elfMachines: Readonly<Record<number, string>> = { 62: "x64", 183: "arm64" };

function failureOf([problem]: readonly unknown[], module: string, target: BuildTarget | undefined): CommandError {
  const isInModule = problem instanceof ResolveMessage || (problem instanceof BuildMessage && problem.position !== null);
  if (isInModule) return moduleFailure(module, problem);
  if (target === undefined) return cannotStart(`cannot build: ${detailOf(problem)}`, problem);
  const advice = "build once where the npm registry can be reached, or name that platform's Bun with --runtime";
  return cannotStart(`cannot get the runtime for ${target}: ${detailOf(problem)}; ${advice}`, problem);
}
