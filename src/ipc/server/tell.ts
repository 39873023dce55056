// Failures on their way to a client: counted, and cut down to what can be written.

import { type Failure, ranOf } from "../../errors.ts";
import type { ListenerCounters } from "./listener-stats.ts";

/** A text or details that do not fit into a frame, or cannot be written, are left out: the code always fits. */
export function tell(counters: ListenerCounters, failure: Failure, write: (told: Failure) => void): void {
  counters.failed(failure.code);
  try {
    write(failure);
  } catch {
    write({ code: failure.code, message: "…", ran: ranOf(failure) });
  }
}
