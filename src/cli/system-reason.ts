// Why the system has refused something with a file, in words.

import { codeOf, detailOf } from "../errors.ts";

const reasons: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EROFS: "the file system is read-only",
  ENOENT: "there is no such directory",
  ENOTDIR: "what stands for its directory is none",
  ENOSPC: "no space is left",
};

export function systemReason(thrown: unknown): string {
  return reasons[String(codeOf(thrown))] ?? detailOf(thrown);
}
