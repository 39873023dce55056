// The platforms that `acton build` makes executables for: those that acton itself runs on.

/** By the name that --target takes, Bun's name. */
const bunTargets = {
  "linux-x64": "bun-linux-x64",
  "linux-x64-baseline": "bun-linux-x64-baseline",
  "linux-x64-musl": "bun-linux-x64-musl",
  "linux-arm64": "bun-linux-arm64",
  "linux-arm64-musl": "bun-linux-arm64-musl",
} as const satisfies Readonly<Record<string, Bun.Build.CompileTarget>>;

export type BuildTarget = keyof typeof bunTargets;

export const buildTargets = Object.keys(bunTargets);

export function bunTarget(target: BuildTarget): Bun.Build.CompileTarget {
  return bunTargets[target];
}

export function machineOf(target: BuildTarget): string {
  return target.split("-")[1] ?? "";
}
