// The library and zod as texts, for programs that get them from this executable: tests that it runs, and applications that it
// builds. The build puts them in.

declare const ACTON_LIBRARY: string | undefined;

/** Under this name a program that `acton build` makes finds its command line. */
export const builtModule = "acton:built";

export interface Library {
  /** By the name that a program imports, its file. */
  readonly modules: Readonly<Record<string, string>>;
  /** By name, the text. They import each other as `./NAME`. */
  readonly files: Readonly<Record<string, string>>;
}

/** Undefined when this is not the compiled executable. */
export function library(): Library | undefined {
  if (typeof ACTON_LIBRARY !== "string") return undefined;
  return JSON.parse(Buffer.from(Bun.gunzipSync(Buffer.from(ACTON_LIBRARY, "base64"))).toString());
}
