// What the simulation found of the planted defects, as a page: written by a command, read by a test.

import type { Defect } from "./defect.ts";
import type { Finding } from "./find.ts";

const wordsMax = 130;

export interface Found {
  readonly defect: Defect;
  readonly finding: Finding;
}

export function tableOf(findings: readonly Found[], baseline: Finding, seedsMax: number): string {
  const { seeds, events, seconds, found } = baseline;
  const notFound = findings.filter(({ finding }) => finding.found === undefined).length;
  const rate = `${Math.round(seeds / seconds)} seeds/s, ${Math.round(events / seconds)} events/s`;
  const rows = findings.map(({ defect, finding }) => row(defect, finding));
  return `# Planted defects

Written by \`bun run simulate:defects\`, which puts one defect after the other into a copy of the project and runs the simulation until it fails, under the
seeds from 1 to ${number(seedsMax)}. ${findings.length} defects, ${findings.length - notFound} found.

Without a defect: ${number(seeds)} seeds, ${number(events)} events, ${found === undefined ? 0 : 1} failures; ${rate} in one process.

| Defect | Kind | What it does | Seed | The simulation said | Seconds |
| --- | --- | --- | --: | --- | --: |
${rows.join("\n")}
`;
}

function row({ name, kind, does, file }: Defect, { found, seconds }: Finding): string {
  const cells = [name, kind, `${does} (\`${file}\`)`, found?.seed ?? "not found", found === undefined ? "" : words(found.what), seconds.toFixed(1)];
  return `| ${cells.join(" | ")} |`;
}

function words(what: string): string {
  const line = what.replaceAll(/\s+/g, " ").replaceAll("|", "/");
  return line.length > wordsMax ? `${line.slice(0, wordsMax)} …` : line;
}

function number(value: number): string {
  return value.toLocaleString("en-US");
}
