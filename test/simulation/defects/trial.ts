// Runs the simulation on a copy of the project, with a defect in it or without, in a process of its own.

import { join } from "node:path";
import { ProjectCopy } from "../../support/project-copy.ts";
import { type Defect, planted } from "./defect.ts";
import type { Finding } from "./find.ts";

const copied = ["src", "test/simulation", "test/support", "package.json", "tsconfig.json"];
/** A defect may make a run go round in circles. */
const trialMsMax = 900_000;

export interface TrialOptions {
  readonly seeds: number;
  readonly events: number;
}

/** Rejects when the process ends without having found out. */
export async function trial(defect: Defect | undefined, { seeds, events }: TrialOptions): Promise<Finding> {
  using copy = new ProjectCopy(copied);
  if (defect !== undefined) copy.change(`src/${defect.file}`, (source) => planted(defect, source));
  const command = [process.execPath, join(copy.path, "test/simulation/defects/find.ts"), String(seeds), String(events)];
  const running = Bun.spawn(command, { cwd: copy.path, stdout: "pipe", stderr: "pipe", timeout: trialMsMax });
  const [output, errors] = await Promise.all([new Response(running.stdout).text(), new Response(running.stderr).text()]);
  if ((await running.exited) !== 0) throw new Error(`${defect?.name ?? "without a defect"}: the simulation broke off: ${errors.slice(-500)}`);
  return JSON.parse(output) as Finding;
}
