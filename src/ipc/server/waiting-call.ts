// A request that waits for a place among those in flight: its own timer, which ends the waiting.

import type { Timer } from "../../clock.ts";

/** A request that waits for its place, for no longer than it would for its reply. */
export class WaitingCall<Arrival> implements Timer {
  due = 0;
  order = 0;
  place = -1;
  readonly arrival: Arrival;
  readonly expire: () => void;

  constructor(arrival: Arrival, expire: () => void) {
    this.arrival = arrival;
    this.expire = expire;
  }
}
