// Runs the simulation on a copy of the project, with a defect in it or without, in a process of its own.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Defect, planted } from "./defect.ts";
import type { Finding } from "./find.ts";

const root = join(import.meta.dir, "../../..");
const copied = ["src", "test/simulation", "test/support", "package.json", "tsconfig.json"];
/** A defect may make a run go round in circles. */
const trialMsMax = 900_000;

export interface TrialOptions {
  readonly seeds: number;
  readonly events: number;
}

/** Rejects when the process ends without having found out. */
export async function trial(defect: Defect | undefined, { seeds, events }: TrialOptions): Promise<Finding> {
  using copy = new Copy();
  if (defect !== undefined) copy.plant(defect);
  const command = [process.execPath, join(copy.path, "test/simulation/defects/find.ts"), String(seeds), String(events)];
  const running = Bun.spawn(command, { cwd: copy.path, stdout: "pipe", stderr: "pipe", timeout: trialMsMax });
  const [output, errors] = await Promise.all([new Response(running.stdout).text(), new Response(running.stderr).text()]);
  if ((await running.exited) !== 0) throw new Error(`${defect?.name ?? "without a defect"}: the simulation broke off: ${errors.slice(-500)}`);
  return JSON.parse(output) as Finding;
}

class Copy implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "acton-defects-"));

  constructor() {
    for (const each of copied) {
      mkdirSync(join(this.path, each, ".."), { recursive: true });
      cpSync(join(root, each), join(this.path, each), { recursive: true });
    }
    symlinkSync(join(root, "node_modules"), join(this.path, "node_modules"));
  }

  plant(defect: Defect): void {
    const path = join(this.path, "src", defect.file);
    writeFileSync(path, planted(defect, readFileSync(path, "utf8")));
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
