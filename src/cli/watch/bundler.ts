// Bundles a user's module and what it imports, into a file with a name that was never imported before: the only way to
// load a whole module graph afresh. Our own modules and npm packages stay outside, so that there is one copy of them.

import { readFileSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isVirtualModule } from "../module-loader.ts";

export interface Bundle {
  readonly file: string;
  /** Without what is only for debuggers: the same code is the same text. */
  readonly code: string;
}

export class Bundler {
  /** What the last bundle was made from, or would have been made from. */
  inputs: ReadonlySet<string> = new Set();
  readonly #module: string;
  readonly #directory: string;
  #count = 0;

  /** Of the module at this absolute path; bundles lie in `directory`. */
  constructor(module: string, directory: string) {
    this.#module = module;
    this.#directory = directory;
  }

  /** Rejects with what the bundler says: an AggregateError of BuildMessages. */
  async build(): Promise<Bundle> {
    const name = `${(this.#count += 1)}.js`;
    const inputs = new Set([this.#module]);
    this.inputs = inputs;
    const { outputs } = await Bun.build({
      entrypoints: [this.#module],
      outdir: this.#directory,
      naming: { entry: name, asset: "[name]-[hash].[ext]" },
      // Assets are named by their whole path.
      publicPath: `${this.#directory}/`,
      target: "bun",
      format: "esm",
      sourcemap: "inline",
      // As without a bundler: nothing is left out, and the environment is that of the process.
      ignoreDCEAnnotations: true,
      env: "disable",
      define: { "process.env.NODE_ENV": "process.env.NODE_ENV", ...metaDefine },
      // For what the bundler itself puts into the bundle, to which the definition applies as well.
      banner: `var ${metaName} = import.meta;`,
      plugins: [asUnbundled(inputs)],
    });
    const [output] = outputs;
    if (output === undefined) throw new TypeError(`${this.#module} was bundled into nothing`);
    const text = await output.text();
    return { file: join(this.#directory, name), code: text.slice(0, text.lastIndexOf("\n//# debugId=")) };
  }

  discard({ file }: Bundle): void {
    rmSync(file, { force: true });
  }
}

const scripts = /\.[mc]?[jt]sx?$/;
const metaModule = "acton-import-meta:";
const metaName = "acton$meta";
/** The bundler knows what is code, and what is only the same text in a string. */
const metaDefine = { "import.meta": metaName };

/** Notes the inputs, leaves packages outside, and lets modules see their own place in `import.meta`, not the bundle's. */
function asUnbundled(inputs: Set<string>): Bun.BunPlugin {
  return {
    name: "acton-watch",
    setup(build) {
      build.onResolve({ filter: /^acton-import-meta:/ }, ({ path }) => ({ path: path.slice(metaModule.length), namespace: "import-meta" }));
      build.onLoad({ filter: /.*/, namespace: "import-meta" }, ({ path }) => ({ contents: metaOf(decodeURIComponent(path)), loader: "js" }));
      build.onResolve({ filter: /^[^./]/ }, ({ path, importer }) => outsideOf(path, importer));
      build.onLoad({ filter: /.*/, namespace: "file" }, ({ path, loader }) => {
        inputs.add(path);
        const text = scripts.test(path) ? readFileSync(path, "utf8") : "";
        if (!/\bmeta\b/.test(text) || !readsMeta(text, loader)) return undefined;
        // Imports count wherever they stand: at the end no line moves.
        return { contents: `${text}\nimport ${metaName} from ${JSON.stringify(metaModule + encodeURIComponent(path))};\n`, loader };
      });
    },
  };
}

/** Whether it does so outside of strings and comments: what does not may be CommonJS, where no import may be added. */
function readsMeta(text: string, loader: Bun.Loader): boolean {
  try {
    return new Bun.Transpiler({ loader: loader as Bun.JavaScriptLoader, define: metaDefine }).transformSync(text).includes(metaName);
  } catch {
    // The bundler says so itself, and where.
    return false;
  }
}

/** Its functions resolve from the module's place as well: those of the bundle would from the bundle's. */
function metaOf(path: string): string {
  const place = { dir: dirname(path), dirname: dirname(path), file: basename(path), filename: path, path, url: Bun.pathToFileURL(path).href };
  return `import { createRequire } from "node:module";
const place = ${JSON.stringify(place)};
const resolveSync = (specifier, parent = place.path) => Bun.resolveSync(specifier, parent);
function resolve(specifier) {
  if (/^[./]/.test(specifier)) return new URL(specifier, place.url).href;
  const found = resolveSync(specifier, place.dir);
  return found.startsWith("/") ? Bun.pathToFileURL(found).href : found;
}
export default { ...place, main: false, env: process.env, require: createRequire(place.path), resolve, resolveSync };`;
}

function outsideOf(specifier: string, importer: string): { path: string; external: true } | undefined {
  if (isVirtualModule(specifier) && Bun.isStandaloneExecutable) return { path: specifier, external: true };
  try {
    const path = Bun.resolveSync(specifier, dirname(importer));
    return isVirtualModule(specifier) || path.includes("/node_modules/") ? { path, external: true } : undefined;
  } catch {
    // The bundler says so itself, and where.
    return undefined;
  }
}
