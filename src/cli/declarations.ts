// The type declarations of "acton", "zod" and "bun:test" for an application that has nothing installed. The build puts them in.

declare const ACTON_DECLARATIONS: string | undefined;

/** Where an application has them. */
export const declarationsDirectory = ".acton";

/** Which file declares which module, below that directory. */
export const declaredModules: Readonly<Record<string, string>> = {
  acton: "acton/index.d.ts",
  "acton/client": "acton/client.d.ts",
  "acton/testing": "acton/testing.d.ts",
  zod: "zod/index.d.ts",
  "zod/v4": "zod/v4/index.d.ts",
  "zod/mini": "zod/mini/index.d.ts",
  "bun:test": "bun/test.d.ts",
};

/** Paths below that directory, and texts. Undefined when this is not the compiled executable. */
export function declarations(): Readonly<Record<string, string>> | undefined {
  if (typeof ACTON_DECLARATIONS !== "string") return undefined;
  return JSON.parse(Buffer.from(Bun.gunzipSync(Buffer.from(ACTON_DECLARATIONS, "base64"))).toString());
}
