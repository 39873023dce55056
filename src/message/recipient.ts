// The narrow interface behind every ref: what a mailbox in this process, in a worker thread or behind a socket offers.

import type { Failure } from "../errors.ts";
import type { Envelope } from "./envelope.ts";
import type { MessageType } from "./message-type.ts";

export interface Recipient {
  readonly name: string;
  /** Unique among all agents of this process: the name, a slash and a number. */
  readonly id: string;
  /** Puts the envelope into the mailbox now; otherwise says what kept it out. */
  offer(envelope: Envelope): Failure | undefined;
  /** Puts the envelope into the mailbox as soon as there is room; then `settled` is told, with a failure if it never came in. */
  post(envelope: Envelope, settled: (failure: Failure | undefined) => void): void;
  /** The types that it has handlers for. */
  readonly handles: readonly MessageType[];
  /** Whether the type is handled alone (`mutateOn`). */
  handlesExclusively(type: MessageType): boolean;
  /** Why this ask would wait for itself, or undefined. Asked before every ask. */
  askCycle(type: MessageType): Failure | undefined;
  watch(stopped: () => void): () => void;
  /** Closes the mailbox, works off what is queued, stops the children. Resolves when all is done or the time for it is over. */
  stop(): Promise<void>;
}
