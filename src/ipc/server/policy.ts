// Who may do what: the hooks that an application's policy fills. Without a policy everything is allowed.

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

export interface Policy {
  /** Admits a connection, giving it an identity, or refuses it with a text for its user. Refused too when it throws or is late. */
  readonly admit?: ((peer: Peer) => Admission | Promise<Admission>) | undefined;
  /** Allows an operation by returning true or undefined; refuses it by false or a text. A policy that throws refuses. */
  readonly authorize?: ((identity: unknown, operation: Operation) => boolean | string | undefined) | undefined;
}

/** The text of the refusal, or undefined when the operation is allowed. */
export function refusalOf(policy: Policy | undefined, identity: unknown, operation: Operation): string | undefined {
  if (policy?.authorize === undefined) return undefined;
  try {
    const verdict = policy.authorize(identity, operation);
    if (verdict === undefined || verdict === true) return undefined;
    return typeof verdict === "string" ? verdict : `${operation.kind} is not allowed`;
  } catch {
    return "the policy failed";
  }
}
