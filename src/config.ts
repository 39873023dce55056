// Configuration as data: resolves what was given, by one layer or by several, against the key tables.
// Called by the listener and the runtime with an object, and by the command line with layers. Every refusal is an
// ActonError INVALID_CONFIG that names the key, its value, where it stands, and the nearest known key.

import {
  type KeyEntry,
  keyEntries,
  keyTables,
  type KeyTable,
  type listenerKeys,
  type logKeys,
  type runtimeKeys,
  type SectionName,
  snakeCase,
} from "./config-keys.ts";
import { expectationOf, fits, shown, unknownName } from "./config-values.ts";
import { ActonError } from "./errors.ts";
import { type PolicyConfig, type PolicyInput, type PolicyRule, readRules } from "./policy-rules.ts";
import { isRecord } from "./record.ts";

type ValueOf<Key> = Key extends { readonly choices: readonly (infer Choice)[] } ? Choice : Key extends { readonly default: number } ? number : string;
type Resolved<Table> = { readonly [Name in keyof Table]: ValueOf<Table[Name]> };
type Given<Config> = { readonly [Name in keyof Config]?: Config[Name] | undefined };

export interface RateLimit {
  readonly requestsPerSecond: number;
  readonly burstSize: number;
}

/** The listener's configuration, whole. */
export interface IpcConfig extends Resolved<typeof listenerKeys> {
  /** Null is no limit. */
  readonly rateLimit: RateLimit | null;
  /** Null allows everything. */
  readonly policy: PolicyConfig | null;
}

/** `burstSize` defaults to `requestsPerSecond`. */
export type RateLimitInput = { readonly requestsPerSecond: number; readonly burstSize?: number | undefined };
export type IpcConfigInput = Given<Omit<IpcConfig, "rateLimit" | "policy">> & {
  readonly rateLimit?: RateLimitInput | null | undefined;
  readonly policy?: PolicyInput | null | undefined;
};

export interface RuntimeConfig extends Resolved<typeof runtimeKeys> {}
export type RuntimeConfigInput = Given<RuntimeConfig>;

export interface LogConfig extends Resolved<typeof logKeys> {}
export type LogConfigInput = Given<LogConfig>;

export interface AppConfig extends IpcConfig {
  readonly runtime: RuntimeConfig;
  readonly log: LogConfig;
}

export type AppConfigInput = IpcConfigInput & { readonly runtime?: RuntimeConfigInput | undefined; readonly log?: LogConfigInput | undefined };

/** What one place says. Later layers win, key by key. */
export interface ConfigLayer {
  /** Where it comes from, as errors and `--print-config` name it: a file's path, `app({ config })`, `--socket`; empty for plain code. */
  readonly origin: string;
  /** How keys are written: `socketPath`, `socket_path`, or one flat record of `ACTON_SOCKET_PATH` with texts for values. */
  readonly spelling: "code" | "file" | "environment";
  readonly values: unknown;
  /** The line on which a key of a file stands. */
  readonly lineOf?: ((path: readonly string[]) => number | undefined) | undefined;
}

export interface MergedConfig {
  readonly config: AppConfig;
  /** The origin of each key's value, by the key's path in code; `default` when no layer has it. */
  readonly origins: ReadonlyMap<string, string>;
}

export function resolveIpcConfig(input: IpcConfigInput = {}): IpcConfig {
  return ipcConfigOf(new Merge(["", "rateLimit", "policy"], "code").add(codeLayer(input)));
}

export function resolveRuntimeConfig(input: RuntimeConfigInput = {}): RuntimeConfig {
  return new Merge(["runtime"], "code").add(codeLayer({ runtime: input })).section<RuntimeConfig>("runtime");
}

export function resolveLogConfig(input: LogConfigInput = {}): LogConfig {
  return new Merge(["log"], "code").add(codeLayer({ log: input })).section<LogConfig>("log");
}

/** The effective configuration under the given layers, the weakest first. */
export function mergeLayers(layers: readonly ConfigLayer[]): MergedConfig {
  const merge = new Merge(["", "rateLimit", "runtime", "log", "policy"], "file");
  for (const layer of layers) merge.add(layer);
  const config = { ...ipcConfigOf(merge), runtime: merge.section<RuntimeConfig>("runtime"), log: merge.section<LogConfig>("log") };
  return { config, origins: new Map(keyEntries.map((entry) => [entry.path, merge.setting(entry.path).origin])) };
}

function codeLayer(values: unknown): ConfigLayer {
  return { origin: "", spelling: "code", values };
}

function ipcConfigOf(merge: Merge): IpcConfig {
  const listener = merge.section<Omit<IpcConfig, "rateLimit" | "policy">>("");
  const { requestsPerSecond, burstSize } = merge.section<RateLimit>("rateLimit");
  merge.requireOrder("outgoingHardBytes", "outgoingSoftBytes");
  merge.requireOrder("outgoingHardBytes", "maxMessageSize");
  merge.requireOrder("unfinishedBytesMax", "maxMessageSize");
  if (requestsPerSecond === 0 && burstSize > 0)
    throw merge.refusalAt("rateLimit.burstSize", `needs ${merge.spelled("rateLimit.requestsPerSecond")} beside it`);
  const rateLimit = requestsPerSecond === 0 ? null : { requestsPerSecond, burstSize: burstSize === 0 ? requestsPerSecond : burstSize };
  return { ...listener, rateLimit, policy: policyOf(merge) };
}

// What rules leave open is never left to a default that nobody has read.
function policyOf(merge: Merge): PolicyConfig | null {
  const { rules } = merge;
  const { default: otherwise } = merge.section<Pick<PolicyConfig, "default">>("policy");
  if (rules.length > 0 && merge.setting("policy.default").origin === "default")
    throw new ActonError(
      "INVALID_CONFIG",
      `${rules[0]?.origin}: rules need policy.default beside them: "deny" or "allow" what none of them applies to`,
    );
  return rules.length === 0 && otherwise === "allow" ? null : { default: otherwise, rules };
}

interface Setting {
  readonly value: number | string;
  readonly origin: string;
  /** What stands before the key in an error: `acton.toml:7: `. */
  readonly place: string;
}

class Merge {
  readonly #sections: readonly SectionName[];
  readonly #spelling: "code" | "file";
  readonly #settings = new Map<string, Setting>();
  /** Those of the strongest layer that has any. */
  rules: readonly PolicyRule[] = [];

  /** `spelling` is how errors about several keys at once write them. */
  constructor(sections: readonly SectionName[], spelling: "code" | "file") {
    this.#sections = sections;
    this.#spelling = spelling;
    for (const { path, key } of keyEntries) this.#settings.set(path, { value: key.default, origin: "default", place: "" });
  }

  add(layer: ConfigLayer): this {
    if (layer.spelling === "environment") this.#addVariables(layer);
    else this.#addSection(layer, "", layer.values);
    return this;
  }

  setting(path: string): Setting {
    const setting = this.#settings.get(path);
    if (setting === undefined) throw new TypeError(`No configuration key ${path}`);
    return setting;
  }

  /** The values of one table. Its shape is the table's, which is what Config is derived from. */
  section<Config>(section: SectionName): Config {
    const prefix = section === "" ? "" : `${section}.`;
    return Object.fromEntries(Object.keys(keyTables[section]).map((name) => [name, this.setting(prefix + name).value])) as Config;
  }

  requireOrder(largerPath: string, smallerPath: string): void {
    const smaller = this.setting(smallerPath);
    if (this.setting(largerPath).value >= smaller.value) return;
    throw this.refusalAt(
      largerPath,
      `is ${this.setting(largerPath).value}, but must be at least ${this.spelled(smallerPath)}, which is ${smaller.value}`,
    );
  }

  refusalAt(path: string, problem: string): ActonError {
    return new ActonError("INVALID_CONFIG", `${this.setting(path).place}${this.spelled(path)} ${problem}`);
  }

  spelled(path: string): string {
    const name = path.slice(path.indexOf(".") + 1);
    return this.#spelling === "code" ? name : snakeCase(name);
  }

  #addVariables(layer: ConfigLayer): void {
    for (const [variable, text] of Object.entries(layer.values as Record<string, string>)) {
      const entry = keyEntries.find((known) => known.variable === variable);
      if (entry === undefined)
        throw unknownName(
          "unknown variable",
          variable,
          keyEntries.map((known) => known.variable),
        );
      const value = typeof entry.key.default === "number" && /^\d+$/.test(text) ? Number(text) : text;
      this.#set(entry, { value, origin: variable, place: "" }, variable);
    }
  }

  #addSection(layer: ConfigLayer, section: SectionName, values: unknown): void {
    const written = (name: string): string => (layer.spelling === "file" ? snakeCase(name) : name);
    const place = (...path: string[]): string => placeOf(layer, section === "" ? path : [written(section), ...path]);
    if (!isRecord(values))
      throw new ActonError(
        "INVALID_CONFIG",
        `${place()}${section === "" ? "the configuration" : written(section)} must be a table of keys, not ${shown(values)}`,
      );
    const table: KeyTable = keyTables[section];
    const keys = new Map(Object.keys(table).map((name) => [written(name), name]));
    const subsections = new Map(this.#sections.filter((name) => section === "" && name !== "").map((name) => [written(name), name]));
    for (const [name, value] of Object.entries(values)) {
      const subsection = subsections.get(name);
      const known = section === "" && !this.#sections.includes("") ? undefined : keys.get(name);
      const isRules = section === "policy" && name === "rules";
      if (subsection === undefined && known === undefined && !isRules) {
        throw unknownName(`${place(name)}unknown key`, name, [...keys.keys(), ...subsections.keys(), ...(section === "policy" ? ["rules"] : [])]);
      }
      if (value === undefined) continue;
      if (isRules) this.rules = readRules(value, { of: (...path) => place("rules", ...path), inCode: layer.spelling === "code" });
      else if ((subsection === "rateLimit" || subsection === "policy") && value === null) this.#clear(subsection, layer);
      else if (subsection !== undefined) this.#addSection(layer, subsection, value);
      else this.#set(entryOf(section, known as string), { value, origin: place(name).replace(/: $/, "") || "code", place: place(name) }, name);
    }
  }

  #clear(section: "rateLimit" | "policy", layer: ConfigLayer): void {
    if (section === "policy") this.rules = [];
    for (const { path, key } of keyEntries.filter((entry) => entry.section === section)) {
      this.#settings.set(path, { value: key.default, origin: layer.origin || "code", place: placeOf(layer, []) });
    }
  }

  #set(entry: KeyEntry, given: { value: unknown; origin: string; place: string }, name: string): void {
    const { value } = given;
    if (!fits(entry.key, value))
      throw new ActonError("INVALID_CONFIG", `${given.place}${name} must be ${expectationOf(entry.key)}, not ${shown(value)}`);
    this.#settings.set(entry.path, { ...given, value });
  }
}

function placeOf(layer: ConfigLayer, path: readonly string[]): string {
  const line = layer.lineOf?.(path);
  if (line !== undefined) return `${layer.origin}:${line}: `;
  return layer.origin === "" ? "" : `${layer.origin}: `;
}

function entryOf(section: SectionName, name: string): KeyEntry {
  const path = section === "" ? name : `${section}.${name}`;
  const entry = keyEntries.find((known) => known.path === path);
  if (entry === undefined) throw new TypeError(`No configuration key ${path}`);
  return entry;
}
