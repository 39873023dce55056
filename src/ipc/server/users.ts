// What each user of the machine holds of the server, all of their connections together: one user does not take what is there
// for all. Nothing is kept of a user who has no connection.

import { Capacity } from "./capacity.ts";

export interface User {
  readonly uid: number | undefined;
  connections: number;
  /** Requests in flight; undefined when only the bound for all users holds. */
  readonly inFlight: Capacity | undefined;
}

export class Users {
  readonly #inFlightMax: number;
  readonly #byUid = new Map<number | undefined, User>();

  /** With 0 requests in flight are not counted by user. */
  constructor(inFlightMax: number) {
    this.#inFlightMax = inFlightMax;
  }

  connectionsOf(uid: number | undefined): number {
    return this.#byUid.get(uid)?.connections ?? 0;
  }

  /** One connection more. */
  enter(uid: number | undefined): User {
    const user = this.#byUid.get(uid) ?? { uid, connections: 0, inFlight: this.#inFlightMax === 0 ? undefined : new Capacity(this.#inFlightMax) };
    this.#byUid.set(uid, user);
    user.connections += 1;
    return user;
  }

  leave(user: User): void {
    user.connections -= 1;
    if (user.connections === 0) this.#byUid.delete(user.uid);
  }
}
