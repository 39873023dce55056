// Writes what a check has reached into its row of docs/reliability.md: the last two columns are the run's, the rest is
// the check's own. A reason for a figure that is not reached stands below the table and is written by hand.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SoakCheck, SoakResult } from "../check.ts";

export const reliabilityPage = join(import.meta.dir, "../../../docs/reliability.md");

export function rowOf(check: SoakCheck, result: SoakResult): string {
  return `| ${check.id} | ${check.title} | ${check.pass} | ${result.figure} | ${result.passed ? "yes" : "**no**"} |`;
}

/** The page with the check's row, in the place of the one before it or at the table's end. */
export function withRow(page: string, check: SoakCheck, result: SoakResult): string {
  const lines = page.split("\n");
  const isRow = (line: string): boolean => line.startsWith("| ");
  const cellsOf = (line: string): string[] => line.split("|").map((cell) => cell.trim());
  const first = lines.findIndex((line) => isRow(line) && cellsOf(line)[1] === "Id");
  if (first < 0) throw new Error("docs/reliability.md has no table of figures");
  const own = lines.findIndex((line, at) => at > first && isRow(line) && cellsOf(line)[1] === check.id);
  let end = first + 2;
  while (isRow(lines[end] ?? "") && (own >= 0 || (cellsOf(lines[end] ?? "")[1] ?? "") < check.id)) end += 1;
  lines.splice(own >= 0 ? own : end, own >= 0 ? 1 : 0, rowOf(check, result));
  return lines.join("\n");
}

export function writeFigures(check: SoakCheck, result: SoakResult): void {
  writeFileSync(reliabilityPage, withRow(readFileSync(reliabilityPage, "utf8"), check, result));
  Bun.spawnSync([process.execPath, "x", "oxfmt", reliabilityPage], { stdio: ["ignore", "ignore", "inherit"] });
}
