// The rules of a policy as configuration: `[[policy.rules]]` in a file, `policy: { rules }` in code. Read and checked here,
// and nothing more; src/ipc/server/peer-rules.ts decides by them. Every refusal is INVALID_CONFIG and names place and key.

import { shown, unknownName } from "./config-values.ts";
import { ActonError, quoted } from "./errors.ts";
import { isRecord } from "./record.ts";

/** What a rule is about. `subscribe` stands for `pattern` and `push` too. */
export const ruleOperations = ["request", "subscribe", "pattern", "push", "watch", "discover", "stats"] as const;
export type RuleOperation = (typeof ruleOperations)[number];

type OneOrMore<T> = T | readonly T[];

/** Applies to what fits everything that it names. It has either `allow` or `deny`. */
export interface PolicyRuleInput {
  /** What it allows, or with `deny` refuses: operations, `*` for all. */
  readonly allow?: OneOrMore<RuleOperation | "*"> | undefined;
  readonly deny?: OneOrMore<RuleOperation | "*"> | undefined;
  /** For these users, and for members of these groups. */
  readonly uids?: OneOrMore<number> | undefined;
  readonly gids?: OneOrMore<number> | undefined;
  /** Names, or with a final `*` all that begin so. A rule that names agents is about requests and watches only. */
  readonly agents?: OneOrMore<string> | undefined;
  /** The same; a rule that names types is about requests, subscriptions, patterns and pushes only. */
  readonly types?: OneOrMore<string> | undefined;
  /** Where it is written, for those who ask which rule decides. Default: its place in the list. */
  readonly origin?: string | undefined;
}

export interface PolicyInput {
  /** What holds where no rule applies. Needed when there are rules. */
  readonly default?: "allow" | "deny" | undefined;
  /** The first that applies decides. */
  readonly rules?: readonly PolicyRuleInput[] | undefined;
}

export interface PolicyRule {
  readonly allow?: readonly (RuleOperation | "*")[] | undefined;
  readonly deny?: readonly (RuleOperation | "*")[] | undefined;
  readonly uids?: readonly number[] | undefined;
  readonly gids?: readonly number[] | undefined;
  readonly agents?: readonly string[] | undefined;
  readonly types?: readonly string[] | undefined;
  readonly origin: string;
}

export interface PolicyConfig {
  readonly default: "allow" | "deny";
  readonly rules: readonly PolicyRule[];
}

/** Where rules are written: what stands before a key in an error, such as `acton.toml:7: `; and whether in code. */
export interface RulesPlace {
  readonly of: (...path: readonly string[]) => string;
  readonly inCode: boolean;
}

export function readRules(given: unknown, place: RulesPlace): readonly PolicyRule[] {
  if (!Array.isArray(given)) throw refusal(place.of(), `rules must be a list of tables, not ${shown(given)}`);
  return given.map((rule: unknown, at) => readRule(rule, { inCode: place.inCode, of: (...path) => numbered(place.of(String(at), ...path), at) }));
}

// Where no line says which of them it is, its number does.
function numbered(place: string, at: number): string {
  return /:\d+: $/.test(place) ? place : `${place}rule ${at + 1}: `;
}

/** Which operations have an agent, and which have a type: the others are not what a rule that names one is about. */
const withAgent: readonly RuleOperation[] = ["request", "watch"];
const withType: readonly RuleOperation[] = ["request", "subscribe", "pattern", "push"];
const idMax = 2 ** 32 - 2;
const nameBytesMax = 256;

function readRule(given: unknown, place: RulesPlace): PolicyRule {
  if (!isRecord(given)) throw refusal(place.of(), `each of the rules must be a table of keys, not ${shown(given)}`);
  const fields = ["allow", "deny", "uids", "gids", "agents", "types"];
  const known = place.inCode ? [...fields, "origin"] : fields;
  for (const name of Object.keys(given)) if (!known.includes(name)) throw unknownName(`${place.of(name)}unknown key`, name, known);
  const read = <T>(name: string, reader: Reader<T>): readonly T[] | undefined => listOf(given[name], name, { reader, place });
  const allow = read("allow", operationReader);
  const deny = read("deny", operationReader);
  if ((allow === undefined) === (deny === undefined)) throw refusal(place.of(), "a rule needs either allow or deny, with what it allows or denies");
  const [agents, types] = [read("agents", nameReader), read("types", nameReader)];
  const named = allow ?? deny ?? [];
  const about = named.includes("*") ? ruleOperations : ruleOperations.filter((operation) => named.includes(operation));
  const fitting = about.filter((it) => (agents === undefined || withAgent.includes(it)) && (types === undefined || withType.includes(it)));
  if (fitting.length === 0) {
    const names = agents === undefined ? "types" : types === undefined ? "agents" : "agents and types";
    throw refusal(place.of(agents === undefined ? "types" : "agents"), `a rule about ${about.join(", ")} cannot name ${names}: it would never apply`);
  }
  const origin = typeof given["origin"] === "string" ? given["origin"] : place.of().replace(/: $/, "");
  return { allow, deny, uids: read("uids", idReader), gids: read("gids", idReader), agents, types, origin };
}

interface Reader<T> {
  readonly is: (value: unknown) => value is T;
  readonly says: string;
}

const operationReader: Reader<RuleOperation | "*"> = {
  is: (value): value is RuleOperation | "*" => value === "*" || ruleOperations.some((operation) => operation === value),
  says: `of ${ruleOperations.join(", ")}, or "*" for all of them`,
};

const idReader: Reader<number> = {
  is: (value): value is number => typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= idMax,
  says: `whole numbers from 0 to ${idMax}`,
};

const nameReader: Reader<string> = {
  is: (value): value is string => typeof value === "string" && value !== "" && Buffer.byteLength(value) <= nameBytesMax && !/\*./s.test(value),
  says: "names, with a '*' at the end only",
};

function listOf<T>(
  given: unknown,
  name: string,
  { reader, place }: { readonly reader: Reader<T>; readonly place: RulesPlace },
): readonly T[] | undefined {
  if (given === undefined) return undefined;
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (list.length === 0) throw refusal(place.of(name), `${name} is empty, so the rule would never apply: leave it out to mean all`);
  return list.map((value) => {
    if (reader.is(value)) return value;
    throw refusal(place.of(name), `${name} must be ${reader.says}, not ${isRecord(value) || Array.isArray(value) ? shown(value) : quoted(value)}`);
  });
}

function refusal(place: string, problem: string): ActonError {
  return new ActonError("INVALID_CONFIG", `${place}${problem}`);
}
