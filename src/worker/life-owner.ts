// Whose life on a thread it is: the agent as that life, which knows the thread, tells it what happens there.

import type { Receiver } from "../agent/receiver.ts";
import type { Report } from "./packets.ts";

export interface LifeOwner extends Receiver {
  /** A handler threw; the thread runs no other until it hears what becomes of that. */
  crashedThere(crash: Report & { readonly kind: "crashed" }): void;
  /** It is down, and nothing begins any more: it lacks a child. */
  gaveUpThere(error: string): void;
  /** There is nothing that runs any more, and nobody had wanted that. */
  lost(why: string): void;
  /** Nothing is queued or running there, as was to be waited for. */
  drainedThere(): void;
  /** Some of its messages have begun, or been answered. */
  progressed(): void;
}
