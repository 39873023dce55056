// What a program needs of the server that it connects to. Too old is found out at once, and said, instead of showing later
// as a type that is unknown or a field that is missing.

import { ActonError } from "../../errors.ts";
import type { Discovery, Release } from "./discovery.ts";

/** The least versions, as `major.minor.patch`; what is left out of one counts as 0. */
export interface Requirements {
  readonly product?: string;
  readonly application?: string;
}

/** Throws UNSUPPORTED_PROTOCOL_VERSION, naming what runs there and what is needed. */
export function checkRequirements(path: string, discovery: Discovery, requirements: Requirements): void {
  checkRelease(path, discovery.product, requirements.product);
  checkRelease(path, discovery.application, requirements.application);
}

function checkRelease(path: string, { name, version }: Release, least: string | undefined): void {
  if (least === undefined || !isOlder(version, least)) return;
  throw new ActonError("UNSUPPORTED_PROTOCOL_VERSION", `the server at ${path} runs ${name} ${version}; this program needs ${least} or later`, {
    subject: version,
  });
}

function isOlder(version: string, least: string): boolean {
  const [had, needed] = [numbersOf(version), numbersOf(least)];
  const at = had.findIndex((part, index) => part !== needed[index]);
  return at >= 0 && (had[at] as number) < (needed[at] as number);
}

function numbersOf(version: string): readonly number[] {
  const [major, minor, patch] = version.split(/[.+-]/).map((part) => (/^\d+$/.test(part) ? Number(part) : 0));
  return [major ?? 0, minor ?? 0, patch ?? 0];
}
