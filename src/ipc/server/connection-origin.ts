// Where the messages of one connection come from, as their handlers and the policy see it.

import type { Origin, Peer } from "../../message/envelope.ts";
import type { Trace } from "../wire/packet.ts";

export class ConnectionOrigin {
  readonly peer: Peer;
  /** What the policy's `admit` established. */
  identity: unknown;
  /** The connection was ended by the application: what it sent and nobody has begun is dropped. */
  revoked = false;
  #untraced: Origin | undefined;

  constructor(peer: Peer) {
    this.peer = peer;
  }

  /** One for all messages without a trace. */
  of(trace: Trace | undefined): Origin {
    this.#untraced ??= { peer: this.peer, identity: this.identity, trace: undefined, connection: this };
    return trace === undefined ? this.#untraced : { ...this.#untraced, trace };
  }
}
