// What this program is called and which one it is. The build puts the version of package.json in.

declare const ACTON_VERSION: string | undefined;

export const product = { name: "acton", version: typeof ACTON_VERSION === "string" ? ACTON_VERSION : "0.0.0-dev" };
