// What comes of a run: for people the groups with their counts and what failed in detail, else one JSON object.

import { paletteFor, type Palette } from "../palette.ts";
import { jsonText, printOut } from "../terminal.ts";
import type { Case } from "./case.ts";
import type { Findings } from "./findings.ts";
import type { Failed, Verdict } from "./trials.ts";

export interface Outcome {
  readonly path: string;
  readonly findings: Findings;
  readonly cases: readonly Case[];
  readonly verdicts: readonly Verdict[];
}

export async function printOutcome(outcome: Outcome, forPeople: boolean): Promise<void> {
  await printOut(forPeople ? reportText(outcome, paletteFor(true)) : `${jsonText(reportRecord(outcome), false)}\n`);
}

/** A line for each case, or an object. */
export async function printList(cases: readonly Case[], forPeople: boolean): Promise<void> {
  const { bold, dim } = paletteFor(forPeople);
  const lines = forPeople
    ? groupsOf(cases).flatMap((group) => [
        bold(group),
        ...cases.filter((one) => one.group === group).map(({ name, section }) => `  ${name} ${dim(`(${section})`)}`),
      ])
    : cases.map(({ group, name, section, needs }) => jsonText({ group, name, section, needs }, false));
  await printOut(`${lines.join("\n")}\n`);
}

export function countOf(verdicts: readonly Verdict[]): Readonly<Record<Verdict["verdict"], number>> {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { verdict } of verdicts) counts[verdict] += 1;
  return counts;
}

function reportRecord({ path, findings, cases, verdicts }: Outcome): Record<string, unknown> {
  return {
    socket: path,
    server: findings.server,
    has: [...findings.has],
    ...countOf(verdicts),
    cases: cases.map(({ group, name, section }, index) => ({ group, name, section, ...verdicts[index] })),
  };
}

/** For people. */
export function reportText({ path, findings, cases, verdicts }: Outcome, palette: Palette): string {
  const { bold, dim, green, red, yellow } = palette;
  const lines = [`${bold(findings.server ?? "a server")} ${dim(`on ${path}, with ${[...findings.has].join(", ")}`)}`, ""];
  for (const group of groupsOf(cases)) {
    const { passed, failed, skipped } = countOf(verdicts.filter((_, index) => cases[index]?.group === group));
    const counts = [green(`${passed} passed`), failed === 0 ? "" : red(`${failed} failed`), skipped === 0 ? "" : yellow(`${skipped} skipped`)];
    lines.push(
      `${(failed === 0 ? green : red)(failed === 0 ? "ok  " : "BAD ")}  ${group.padEnd(groupWidth)}  ${counts.filter((text) => text !== "").join(", ")}`,
    );
  }
  const skips = new Map<string, number>();
  for (const [index, verdict] of verdicts.entries()) {
    const { group, name, section } = cases[index] as Case;
    if (verdict.verdict === "skipped") skips.set(verdict.reason, (skips.get(verdict.reason) ?? 0) + 1);
    if (verdict.verdict === "failed")
      lines.push("", `${red("BAD")}  ${bold(name)} ${dim(`(${group}; "${section}" in the protocol)`)}`, ...detailOf(verdict.failure, palette));
  }
  if (skips.size > 0) lines.push("", ...[...skips].map(([reason, count]) => `${yellow("skipped")} ${count}: the server has ${reason}`));
  const { passed, failed, skipped } = countOf(verdicts);
  return `${lines.join("\n")}\n\n${passed} passed, ${failed} failed, ${skipped} skipped\n`;
}

const groupWidth = 16;

function detailOf({ expected, came, sent, received }: Failed, { dim }: Palette): string[] {
  const rows = { sent: sent ?? "nothing", expected, came, ...(received === null ? {} : { "last came": received }) };
  return Object.entries(rows).map(([what, text]) => `     ${dim(what.padEnd(9))}  ${text}`);
}

function groupsOf(cases: readonly Case[]): string[] {
  return [...new Set(cases.map(({ group }) => group))];
}
