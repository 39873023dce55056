// `acton serve --print-config`: every effective value and where it comes from. For people as a file that could be
// read back; in a pipe as one JSON object, `{"socket_path": {"value": …, "origin": …, "unit": …}, …}`.

import { type KeyEntry, keyEntries, snakeCase } from "../config-keys.ts";
import type { MergedConfig } from "../config.ts";
import { jsonText, printOut, stdoutIsTerminal } from "./terminal.ts";

export async function printConfig(merged: MergedConfig): Promise<void> {
  await printOut(stdoutIsTerminal() ? configToml(merged) : configJson(merged));
}

export function configJson(merged: MergedConfig): string {
  const keys = keyEntries.map((entry) => [entry.fileName, { value: valueOf(merged, entry), origin: originOf(merged, entry), unit: entry.key.unit }]);
  const rules = (merged.config.policy?.rules ?? []).map(({ origin, ...rule }) => ({ value: rule, origin }));
  return `${jsonText({ ...Object.fromEntries(keys), ...(rules.length === 0 ? {} : { "policy.rules": rules }) }, false)}\n`;
}

export function configToml(merged: MergedConfig): string {
  const rows = keyEntries.map((entry) => {
    const name = entry.fileName.slice(entry.fileName.indexOf(".") + 1);
    return { entry, line: `${name} = ${JSON.stringify(valueOf(merged, entry))}` };
  });
  const width = Math.max(...rows.map(({ line }) => line.length));
  let section = "";
  let text = "";
  for (const { entry, line } of rows) {
    if (entry.section !== section) text += `\n[${snakeCase(entry.section)}]\n`;
    section = entry.section;
    const unit = typeof entry.key.default === "number" ? `${entry.key.unit}, ` : "";
    text += `${line.padEnd(width)}  # ${unit}${originOf(merged, entry)}\n`;
  }
  for (const { origin, ...rule } of merged.config.policy?.rules ?? []) {
    const keys = Object.entries(rule).filter(([, value]) => value !== undefined);
    text += `\n[[policy.rules]]  # ${origin}\n${keys.map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`).join("")}`;
  }
  return text;
}

function originOf(merged: MergedConfig, entry: KeyEntry): string {
  return merged.origins.get(entry.path) ?? "default";
}

function valueOf({ config }: MergedConfig, entry: KeyEntry): number | string {
  const name = entry.path.slice(entry.path.indexOf(".") + 1);
  const section = { "": config, rateLimit: config.rateLimit ?? {}, runtime: config.runtime, log: config.log, policy: config.policy ?? {} }[
    entry.section
  ];
  const value: unknown = Object.entries(section).find(([key]) => key === name)?.[1];
  return typeof value === "number" || typeof value === "string" ? value : entry.key.default;
}
