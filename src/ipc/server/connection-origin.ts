// Where the messages of one connection come from, as their handlers and the policy see it.

import type { Origin, Peer } from "../../message/envelope.ts";
import type { Trace } from "../wire/packet.ts";
import type { Guest } from "./door.ts";
import type { PeerRules } from "./peer-rules.ts";
import type { User } from "./users.ts";

export class ConnectionOrigin {
  readonly peer: Peer;
  /** What the policy's `admit` established. */
  identity: unknown;
  /** The connection was ended by the application: what it sent and nobody has begun is dropped. */
  revoked = false;
  /** What is configured for this peer. */
  readonly rules: PeerRules | undefined;
  readonly user: User;
  #plain: Origin | undefined;

  constructor({ peer, rules, user }: Guest) {
    this.peer = peer;
    this.rules = rules;
    this.user = user;
  }

  /** One for all messages that have neither a trace nor somebody who waits for them elsewhere. */
  of(trace: Trace | undefined, askChain: readonly string[] | undefined): Origin {
    this.#plain ??= { peer: this.peer, identity: this.identity, trace: undefined, connection: this, askChain: undefined };
    return trace === undefined && askChain === undefined ? this.#plain : { ...this.#plain, trace, askChain };
  }
}
