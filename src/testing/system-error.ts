// What the simulated system says when it refuses: an Error with a `code`, as the real one throws.

export type SystemCode =
  | "EACCES"
  | "EADDRINUSE"
  | "ECONNREFUSED"
  | "EEXIST"
  | "EINVAL"
  | "EISDIR"
  | "ELOOP"
  | "EMFILE"
  | "ENOENT"
  | "ENOSPC"
  | "ENOTDIR"
  | "EPERM"
  | "EROFS"
  | "ESRCH";

export function systemError(code: SystemCode, what: string): Error & { readonly code: SystemCode } {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}
