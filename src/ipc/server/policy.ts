// Who may do what: the hooks that an application's policy fills, and the rules that are configured. Both must allow; where
// there are neither, everything is allowed.

import { detailOf, stackOf } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { Peer } from "../../message/envelope.ts";

export type Operation =
  | { readonly kind: "request"; readonly agent: string; readonly type: string }
  | { readonly kind: "subscribe"; readonly type: string }
  | { readonly kind: "subscribePattern"; readonly pattern: string }
  /** The delivery of one push to one connection. */
  | { readonly kind: "push"; readonly type: string }
  /** To be told when the agent has stopped, or at once that there is none. */
  | { readonly kind: "watch"; readonly agent: string }
  | { readonly kind: "discover" }
  | { readonly kind: "stats" };

export type Admission = { readonly identity: unknown; readonly refused?: undefined } | { readonly refused: string };

/** Where a policy is asked, and where it is said that it failed. */
export interface Guarded {
  readonly policy: Policy | undefined;
  readonly log: Log;
}

/** Who asks. */
export interface Asker {
  readonly identity: unknown;
  /** What is configured for it; undefined when nothing is. */
  readonly rules: { decide(operation: Operation): { readonly allowed: boolean } } | undefined;
}

export interface Policy {
  /** Admits a connection, giving it an identity, or refuses it with a text for its user. Refused too when it throws or is late. */
  readonly admit?: ((peer: Peer) => Admission | Promise<Admission>) | undefined;
  /** Allows an operation by returning true or undefined; refuses it by false or a text. A policy that throws refuses. */
  readonly authorize?: ((identity: unknown, operation: Operation) => boolean | string | undefined) | undefined;
}

/** What `admit` gave, read once and for all. Throws when it cannot be read. */
export function admissionOf(given: Admission | null | undefined): Admission {
  if (typeof given !== "object" || given === null) throw new TypeError("admit gave neither an identity nor a refusal");
  const { refused } = given;
  return refused === undefined ? { identity: given.identity } : { refused };
}

/** The text of the refusal, or undefined when the operation is allowed. */
export function refusalOf({ policy, log }: Guarded, asker: Asker, operation: Operation): string | undefined {
  if (asker.rules !== undefined && !asker.rules.decide(operation).allowed) return `${operation.kind} is not allowed`;
  if (policy?.authorize === undefined) return undefined;
  try {
    const verdict = policy.authorize(asker.identity, operation);
    if (verdict === undefined || verdict === true) return undefined;
    return typeof verdict === "string" ? verdict : `${operation.kind} is not allowed`;
  } catch (error) {
    log.error("policy failed to authorize", { ...operation, error: detailOf(error), stack: stackOf(error) });
    return "the policy failed";
  }
}
