// `acton policy test`: what a policy would say to somebody who wants something, and which rule says it. Nothing is served and
// nobody is asked but the configuration and, with a module, its policy.

import { resolve } from "node:path";
import type { Application } from "../application.ts";
import { loadConfig } from "../config-layers.ts";
import type { MergedConfig } from "../config.ts";
import { detailOf } from "../errors.ts";
import { type FileSystem, systemFiles } from "../files.ts";
import { PeerRules, type Verdict } from "../ipc/server/peer-rules.ts";
import { admissionOf, type Operation, type Policy, refusalOf } from "../ipc/server/policy.ts";
import { groupsFile } from "../ipc/server/socket-access.ts";
import { silentLog } from "../log.ts";
import type { Peer } from "../message/envelope.ts";
import type { RuleOperation } from "../policy-rules.ts";
import { CommandError, exitCodes, usageError } from "./exit-codes.ts";
import { loadApplication } from "./serve.ts";
import { jsonText, printOut, stdoutIsTerminal } from "./terminal.ts";

export interface PolicyTestOptions {
  readonly uid: number;
  readonly gid?: readonly number[] | undefined;
  readonly config?: string | undefined;
  readonly json?: boolean | undefined;
}

export interface Decision {
  readonly allowed: boolean;
  /** A rule by where it is written, the default by where that is, or the application's policy. */
  readonly decided_by: string;
  /** What the one who asked would be told. */
  readonly reason?: string;
}

/** How many names each kind of operation has; a word more is a module. */
const operations: Readonly<Record<RuleOperation, readonly [count: number, make: (first: string, second: string) => Operation]>> = {
  request: [2, (agent, type) => ({ kind: "request", agent, type })],
  subscribe: [1, (type) => ({ kind: "subscribe", type })],
  pattern: [1, (pattern) => ({ kind: "subscribePattern", pattern })],
  push: [1, (type) => ({ kind: "push", type })],
  watch: [1, (agent) => ({ kind: "watch", agent })],
  discover: [0, () => ({ kind: "discover" })],
  stats: [0, () => ({ kind: "stats" })],
};

/** The status is 1 when it is denied. */
export async function policyTest(operation: RuleOperation, words: readonly string[], options: PolicyTestOptions): Promise<void> {
  const [count, make] = operations[operation];
  const [first = "", second = ""] = words;
  if (words.length < count) throw usageError(`policy test ${operation} needs ${count === 2 ? "an agent and a type" : "a name"}`);
  if (words.length > count + 1)
    throw usageError(
      `policy test ${operation} takes ${["no names", "one name", "two names"][count]} and perhaps a module, not ${words.length} words`,
    );
  const module = words[count];
  const application = module === undefined ? undefined : await loadApplication(module);
  const merged = await loadConfig({
    files: systemFiles,
    environment: process.env,
    application: application?.config,
    modulePath: module === undefined ? undefined : resolve(module),
    file: options.config,
  });
  const decision = await decide(make(first, second), peerOf(options, systemFiles), { merged, application });
  const said = `${decision.allowed ? "allow" : "deny"}: ${decision.decided_by}${decision.reason === undefined ? "" : ` (${decision.reason})`}`;
  await printOut(options.json === true || !stdoutIsTerminal() ? `${jsonText(decision, false)}\n` : `${said}\n`);
  if (!decision.allowed) throw new CommandError(exitCodes.agentError, `denied by ${decision.decided_by}`);
}

interface Sources {
  readonly merged: MergedConfig;
  readonly application: Application | undefined;
}

// As the server does: to let it in and then to let it do this, the rules first, then the application's policy.
async function decide(operation: Operation, peer: Peer, { merged, application }: Sources): Promise<Decision> {
  const { config, origins } = merged;
  const named = ({ rule }: Verdict): string => rule?.origin ?? `policy.default = "${config.policy?.default}" (${origins.get("policy.default")})`;
  const rules = config.policy === null ? undefined : new PeerRules(config.policy, peer);
  if (rules?.admission.allowed === false) return { allowed: false, decided_by: named(rules.admission), reason: "may not connect" };
  const verdict = rules?.decide(operation);
  if (verdict?.allowed === false) return { allowed: false, decided_by: named(verdict) };
  const refusal = application?.policy === undefined ? undefined : await refusalInCode(application.policy, peer, operation);
  if (refusal !== undefined) return refusal;
  if (verdict !== undefined) return { allowed: true, decided_by: named(verdict) };
  return { allowed: true, decided_by: application?.policy === undefined ? "no policy" : "the application's policy" };
}

async function refusalInCode(policy: Policy, peer: Peer, operation: Operation): Promise<Decision | undefined> {
  let identity: unknown;
  try {
    const admission = policy.admit === undefined ? { identity } : admissionOf(await policy.admit(peer));
    if (admission.refused !== undefined) return { allowed: false, decided_by: "admit of the application's policy", reason: admission.refused };
    identity = admission.identity;
  } catch (thrown) {
    return { allowed: false, decided_by: "admit of the application's policy", reason: `it threw: ${detailOf(thrown)}` };
  }
  const reason = refusalOf({ policy, log: silentLog }, { identity, rules: undefined }, operation);
  return reason === undefined ? undefined : { allowed: false, decided_by: "authorize of the application's policy", reason };
}

// Groups that are not given are those that the machine's files say the user has.
function peerOf({ uid, gid }: PolicyTestOptions, files: FileSystem): Peer {
  const [first, ...groups] = gid ?? groupsOf(uid, files);
  return { connection: 0, uid, gid: first, groups, pid: undefined };
}

function groupsOf(uid: number, files: FileSystem): readonly number[] {
  const entries = (path: string): string[][] => (files.readText(path) ?? "").split("\n").map((line) => line.split(":"));
  const [name, , , own] = entries("/etc/passwd").find((entry) => entry[2] === String(uid)) ?? [];
  if (name === undefined) return [];
  const others = entries(groupsFile).filter(([, , , members = ""]) => members.split(",").includes(name));
  return [own, ...others.map(([, , gid]) => gid)].map(Number);
}
