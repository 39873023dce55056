// Where configuration comes from: the application, one file, the environment, flags. Finds and reads them, and hands
// them to mergeLayers, which decides. Never looks into the current directory.

import { dirname, isAbsolute, join, resolve } from "node:path";
import { type AppConfigInput, type ConfigLayer, mergeLayers, type MergedConfig } from "./config.ts";
import { ActonError, codeOf, detailOf } from "./errors.ts";
import type { FileSystem } from "./files.ts";

export interface ConfigSources {
  readonly files: FileSystem;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The application module's own configuration. */
  readonly application?: AppConfigInput | undefined;
  /** Absolute path of the application module: acton.toml may lie beside it. */
  readonly modulePath?: string | undefined;
  /** `--config FILE`. */
  readonly file?: string | undefined;
  readonly flags?: readonly ConfigLayer[];
}

/** The effective configuration. INVALID_CONFIG says what is wrong and where it stands. */
export async function loadConfig(sources: ConfigSources): Promise<MergedConfig> {
  const path = findConfigFile(sources);
  const layers: ConfigLayer[] = [
    { origin: "app({ config })", spelling: "code", values: sources.application ?? {} },
    ...(path === undefined ? [] : [await readConfigFile(path, sources.files)]),
    environmentLayer(sources.environment),
    ...(sources.flags ?? []),
  ];
  return mergeLayers(layers);
}

const fileName = "acton.toml";

/** `--config`, else acton.toml beside the module, else the user's, else the machine's. */
export function findConfigFile(sources: ConfigSources): string | undefined {
  const { file, files, modulePath, environment } = sources;
  if (file !== undefined) return resolve(file);
  const home = environment["HOME"];
  const configured = environment["XDG_CONFIG_HOME"];
  const userDirectory =
    configured !== undefined && isAbsolute(configured) ? configured : home === undefined || home === "" ? undefined : join(home, ".config");
  const places = [
    ...(modulePath === undefined ? [] : [join(dirname(modulePath), fileName)]),
    ...(userDirectory === undefined ? [] : [join(userDirectory, "acton", fileName)]),
    join("/etc/acton", fileName),
  ];
  return places.find((place) => isThere(place, files));
}

// A home that we may not enter (HOME may be another user's) holds nothing of ours. A file that is there and cannot be
// read is an error, as reading it will say.
function isThere(path: string, files: FileSystem): boolean {
  try {
    return files.lstat(path) !== undefined;
  } catch {
    return false;
  }
}

export async function readConfigFile(path: string, files: FileSystem): Promise<ConfigLayer> {
  let text: string | undefined;
  try {
    text = files.readText(path);
  } catch (thrown) {
    throw new ActonError("INVALID_CONFIG", `cannot read ${path}: ${reasonOf(thrown)}`, { cause: thrown });
  }
  if (text === undefined) throw new ActonError("INVALID_CONFIG", `cannot read ${path}: there is no such file`);
  try {
    return { origin: path, spelling: "file", values: Bun.TOML.parse(text), lineOf: (key) => lineOf(text, key) };
  } catch (thrown) {
    throw await syntaxError(path, thrown);
  }
}

function reasonOf(thrown: unknown): string {
  return codeOf(thrown) === "EACCES" ? "permission denied" : detailOf(thrown);
}

// The parser knows no lines, but importing the file does: as data, nothing of it runs.
async function syntaxError(path: string, thrown: unknown): Promise<ActonError> {
  let problem = thrown;
  try {
    await import(path, { with: { type: "toml" } });
  } catch (located) {
    problem = located;
  }
  const position = typeof problem === "object" && problem !== null && "position" in problem ? problem.position : undefined;
  const line = typeof position === "object" && position !== null && "line" in position ? `:${String(position.line)}` : "";
  return new ActonError("INVALID_CONFIG", `${path}${line}: ${detailOf(problem).replace(/^TOML Parse error: /, "")}`, { cause: thrown });
}

/** The line (from 1) on which a key stands: under its [section], dotted, or in an inline table. */
export function lineOf(text: string, path: readonly string[]): number | undefined {
  const [first = "", second, place, third] = path;
  if (place !== undefined) return lineOfElement(text, [`${first}.${second}`, Number(place), third]);
  let section = "";
  let fallback: number | undefined;
  for (const [index, line] of text.split("\n").entries()) {
    const header = /^\s*\[\s*([^\]]+?)\s*\]/.exec(line)?.[1];
    if (header !== undefined) section = unquoted(header);
    const key = header === undefined ? /^\s*("[^"]*"|'[^']*'|[\w-]+)((?:\s*\.\s*[\w-]+)?)\s*=/.exec(line) : null;
    const name = unquoted(key?.[1] ?? "");
    const rest = (key?.[2] ?? "").replace(/[\s.]/g, "");
    const found =
      second === undefined
        ? section === "" && name === first
        : section === first
          ? name === second
          : section === "" && name === first && rest === second;
    if (found) return index + 1;
    if (fallback === undefined && (section === "" ? name : header === undefined ? "" : section) === first) fallback = index + 1;
  }
  return fallback;
}

// An element of a list of tables: `[[policy.rules]]`, or in a list that stands in one piece, one `{` each.
function lineOfElement(text: string, [list, place, key]: readonly [string, number, string | undefined]): number | undefined {
  const lines = text.split("\n");
  const isHeader = (line: string): boolean => /^\s*\[/.test(line);
  const starts = lines.flatMap((line, index) => (/^\s*\[\[\s*([^\]]+?)\s*\]\]/.exec(line)?.[1] === list ? [index] : []));
  const start = starts[place];
  if (start === undefined) return lineOfBrace(lines, list, place);
  const length = lines.slice(start + 1).findIndex(isHeader);
  const body = lines.slice(start + 1, length < 0 ? undefined : start + 1 + length);
  const at = body.findIndex((line) => key !== undefined && unquoted(/^\s*("[^"]*"|'[^']*'|[\w-]+)\s*=/.exec(line)?.[1] ?? "") === key);
  return start + 1 + (at + 1);
}

function lineOfBrace(lines: readonly string[], list: string, place: number): number | undefined {
  const [section = "", name = ""] = list.split(".");
  const opened = lineOf(lines.join("\n"), [section, name]);
  if (opened === undefined) return undefined;
  const rest = lines.slice(opened - 1).map((line) => line.replace(/"[^"]*"|'[^']*'|#.*$/g, ""));
  const at = rest.flatMap((line, index) => Array.from(line.matchAll(/\{/g), () => index))[place];
  return at === undefined ? opened : opened + at;
}

function unquoted(name: string): string {
  return name.replace(/^(["'])(.*)\1$/, "$2");
}

const prefix = "ACTON_";

export function environmentLayer(environment: Readonly<Record<string, string | undefined>>): ConfigLayer {
  const values = Object.fromEntries(Object.entries(environment).filter(([name]) => name.startsWith(prefix)));
  return { origin: "environment", spelling: "environment", values };
}
