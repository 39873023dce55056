// Who comes in: the configured rules, the bounds on connections, of all users and of each. Whoever does not is told why, and
// takes no connection's place meanwhile.

import type { Failure } from "../../errors.ts";
import type { Peer } from "../../message/envelope.ts";
import type { Socket, SocketHandler } from "../transport.ts";
import { PeerRules } from "./peer-rules.ts";
import { RefusedConnection } from "./refused-connection.ts";
import type { ServerContext } from "./server-context.ts";
import { type User, Users } from "./users.ts";

/** One who has come in. */
export interface Guest {
  readonly peer: Peer;
  readonly rules: PeerRules | undefined;
  readonly user: User;
}

export class Door {
  readonly #context: ServerContext;
  readonly #users: Users;
  readonly #refused = new Set<RefusedConnection>();
  readonly #refusedMax: number;
  #inside = 0;
  #lastNumber = 0;

  /** At most `refusedMax` at once are told why they are refused. */
  constructor(context: ServerContext, refusedMax: number) {
    this.#context = context;
    this.#refusedMax = refusedMax;
    this.#users = new Users(context.config.inFlightPerUidMax);
  }

  /** What becomes of the socket: what `welcome` makes of its guest, or one that is refused. */
  open(socket: Socket, welcome: (guest: Guest) => SocketHandler): SocketHandler {
    const { uid, gid, pid, groups = [] } = socket.credentials ?? {};
    const peer: Peer = { connection: this.#lastNumber + 1, uid, gid, groups, pid };
    const { policy } = this.#context.config;
    const rules = policy === null ? undefined : new PeerRules(policy, peer);
    const refusal = this.#refusalOf(peer, rules);
    if (refusal !== undefined) return this.refuse(socket, refusal);
    this.#lastNumber += 1;
    this.#inside += 1;
    return welcome({ peer, rules, user: this.#users.enter(uid) });
  }

  left(user: User): void {
    this.#inside -= 1;
    this.#users.leave(user);
  }

  refuse(socket: Socket, failure: Failure): SocketHandler {
    const { counters, clock } = this.#context;
    counters.connectionsRefused += 1;
    counters.failed(failure.code);
    const refused = new RefusedConnection(socket, clock, failure, (gone) => this.#refused.delete(gone));
    this.#refused.add(refused);
    const [oldest] = this.#refused;
    if (this.#refused.size > this.#refusedMax) oldest?.evict();
    return refused;
  }

  #refusalOf({ uid, gid, pid }: Peer, rules: PeerRules | undefined): Failure | undefined {
    const { config, counters, log } = this.#context;
    if (rules?.admission.allowed === false) {
      log.debug("connection denied", { uid, gid, pid, rule: rules.admission.rule?.origin ?? "default" });
      counters.connectionsDenied += 1;
      return { code: "ACCESS_DENIED", message: uid === undefined ? "who you are cannot be told" : `user ${uid} is not allowed to connect` };
    }
    if (this.#inside >= config.maxConnections) return tooMany(config.maxConnections, "too many connections");
    const most = config.connectionsPerUidMax;
    if (most === 0 || this.#users.connectionsOf(uid) < most) return undefined;
    counters.connectionsOverUserLimit += 1;
    return tooMany(most, `too many connections of user ${uid ?? "unknown"}`);
  }
}

function tooMany(limit: number, what: string): Failure {
  return { code: "CONNECTION_LIMIT_REACHED", message: `${what} (${limit})`, subject: String(limit), details: { limit } };
}
