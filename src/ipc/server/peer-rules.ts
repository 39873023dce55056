// What the configured rules of a policy say about one peer. They are sorted out once, as it connects; the first that applies to
// an operation decides it. Who may do nothing at all is not let in; so whoever is turned away loses nothing that a rule gives.

import type { Peer } from "../../message/envelope.ts";
import type { PolicyConfig, PolicyRule, RuleOperation } from "../../policy-rules.ts";
import type { Operation } from "./policy.ts";

export interface Verdict {
  readonly allowed: boolean;
  /** The rule that decided; undefined for the default. */
  readonly rule: PolicyRule | undefined;
}

export class PeerRules {
  readonly #rules: readonly PolicyRule[];
  readonly #otherwise: Verdict;
  /** Whether it may connect. */
  readonly admission: Verdict;

  constructor({ default: otherwise, rules }: PolicyConfig, peer: Pick<Peer, "uid" | "gid" | "groups">) {
    this.#otherwise = { allowed: otherwise === "allow", rule: undefined };
    this.#rules = rules.filter((rule) => isAbout(rule, peer));
    // A rule against somebody must not miss them because the platform cannot tell who they are.
    const unknown = peer.uid === undefined ? rules.find(namesPeers) : undefined;
    this.admission = unknown === undefined ? this.#admit() : { allowed: false, rule: unknown };
  }

  decide(operation: Operation): Verdict {
    for (const rule of this.#rules) if (applies(rule, operation)) return { allowed: rule.allow !== undefined, rule };
    return this.#otherwise;
  }

  #admit(): Verdict {
    for (const rule of this.#rules) {
      if (rule.allow !== undefined) return { allowed: true, rule };
      if (rule.deny?.includes("*") === true && rule.agents === undefined && rule.types === undefined) return { allowed: false, rule };
    }
    return this.#otherwise;
  }
}

/** It makes a difference who somebody is: without that a socket is not opened to others. */
export function tellsPeersApart({ default: otherwise, rules }: PolicyConfig): boolean {
  return rules.some(namesPeers) && (otherwise === "deny" || rules.some((rule) => rule.deny !== undefined));
}

function namesPeers({ uids, gids }: PolicyRule): boolean {
  return uids !== undefined || gids !== undefined;
}

function isAbout({ uids, gids }: PolicyRule, { uid, gid, groups }: Pick<Peer, "uid" | "gid" | "groups">): boolean {
  if (uids !== undefined && (uid === undefined || !uids.includes(uid))) return false;
  return gids === undefined || gids.some((one) => one === gid || groups.includes(one));
}

function applies({ allow, deny, agents, types }: PolicyRule, operation: Operation): boolean {
  if (!covers(allow ?? deny ?? [], operation.kind)) return false;
  const agent = "agent" in operation ? operation.agent : undefined;
  return (agents === undefined || fitsAny(agents, agent)) && (types === undefined || fitsAny(types, subjectOf(operation)));
}

function covers(named: readonly (RuleOperation | "*")[], kind: Operation["kind"]): boolean {
  if (named.includes("*")) return true;
  if (kind === "subscribePattern") return named.includes("pattern") || named.includes("subscribe");
  return named.includes(kind) || (kind === "push" && named.includes("subscribe"));
}

// A pattern of a subscription fits as a name would: what begins like it begins like the rule's.
function subjectOf(operation: Operation): string | undefined {
  if (operation.kind === "subscribePattern") return operation.pattern;
  return "type" in operation ? operation.type : undefined;
}

function fitsAny(patterns: readonly string[], name: string | undefined): boolean {
  return name !== undefined && patterns.some((one) => (one.endsWith("*") ? name.startsWith(one.slice(0, -1)) : name === one));
}
