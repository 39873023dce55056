// Turns an application module into an executable: one call of Bun's bundler, in which what the module imports as "acton" and
// "zod" is this executable's own library. What comes out depends on the sources alone, not on where they or the output lie.

import { dirname } from "node:path";
import type { BuiltProgram } from "../built/built-program.ts";
import { enter } from "../current-directory.ts";
import { builtModule, type Library } from "../library.ts";

export interface BundleInput {
  /** Absolute, and free of symbolic links. */
  readonly module: string;
  readonly library: Library;
  readonly facts: Omit<BuiltProgram, "load">;
  /** By default the platform of this executable. */
  readonly target?: Bun.Build.CompileTarget | undefined;
  /** An executable of Bun to make it of. */
  readonly runtime?: string | undefined;
}

/** What the bundler has against it; nothing when `outfile` is there. Other files may be beside it then. */
export async function bundle(input: BundleInput, outfile: string): Promise<readonly unknown[]> {
  const { module, target, runtime } = input;
  // Paths of sources, in the source map and in the names of chunks, are relative to it.
  using _ = enter(dirname(module));
  const result = await Bun.build({
    entrypoints: [entryModule],
    throw: false,
    // As build.ts does it for acton itself.
    format: "esm",
    splitting: true,
    // Bytecode is only known to fit where it was made.
    bytecode: runtime === undefined && (target === undefined || target === `bun-${process.platform}-${process.arch}`),
    minify: { syntax: true, whitespace: true, identifiers: false },
    sourcemap: "linked",
    define,
    plugins: [ownModules(input)],
    compile: {
      outfile,
      ...(target === undefined ? {} : { target }),
      ...(runtime === undefined ? {} : { executablePath: runtime }),
      // Nothing outside of the executable is ever run by itself.
      autoloadBunfig: false,
      autoloadDotenv: false,
      autoloadPackageJson: false,
      autoloadTsconfig: false,
      execArgv: ["--no-addons"],
    },
  });
  return result.success ? [] : result.logs;
}

const define = {
  ACTON_BUILT: "true",
  "process.env.MSGPACKR_NATIVE_ACCELERATION_DISABLED": '"true"',
  // Otherwise Bun would write in what the build's environment has, and directories of this machine.
  "process.env.NODE_ENV": '"production"',
  __dirname: '"/$bunfs/root"',
  __filename: '"/$bunfs/root/module"',
};

const entryModule = "acton:entry";
const applicationModule = "acton:application";

function entryText({ facts }: BundleInput): string {
  const load = `load: async () => (await import(${JSON.stringify(applicationModule)})).default`;
  return `import { runBuilt } from ${JSON.stringify(builtModule)};\nawait runBuilt({ ...${JSON.stringify(facts)}, ${load} });\n`;
}

/** What the bundler does not find on the disk, or is not to look for there. */
function ownModules(input: BundleInput): Bun.BunPlugin {
  const { modules, files } = input.library;
  const inside = (path: string): { path: string; namespace: string } => ({ path, namespace: "acton" });
  return {
    name: "acton",
    setup(build) {
      build.onResolve({ filter: /^(?:acton|zod)\b/ }, ({ path }) => {
        if (path === applicationModule) return { path: input.module };
        if (path === entryModule) return inside(path);
        const file = modules[path];
        return file === undefined ? undefined : inside(file);
      });
      build.onResolve({ filter: /^\.\// }, ({ path, importer }) => (Object.hasOwn(files, importer) ? inside(path.slice("./".length)) : undefined));
      build.onLoad({ filter: /.*/, namespace: "acton" }, ({ path }) => ({
        contents: path === entryModule ? entryText(input) : (files[path] ?? ""),
        loader: "js",
      }));
      // They would go in, and not be loaded by what is made. Packages that try one and do without it are content.
      build.onLoad({ filter: /\.node$/ }, () => ({ contents: refusal, loader: "js" }));
    },
  };
}

const refusal = `throw Object.assign(new Error("native addons are not loaded"), { code: "ERR_DLOPEN_DISABLED" });`;
