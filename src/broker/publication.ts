// One broadcast on its way to its subscribers: the envelope that every subscribed agent's mailbox shares.

import { Envelope } from "../message/envelope.ts";
import type { MessageType } from "../message/message-type.ts";

export class Publication extends Envelope {
  /** Unix milliseconds at which it was broadcast. */
  readonly timestamp: number;
  /** The agent that broadcast it; undefined when it came from elsewhere. */
  readonly source: string | undefined;

  constructor(type: MessageType, payload: unknown, timestamp: number, source: string | undefined) {
    super(type, payload, null, undefined, undefined);
    this.timestamp = timestamp;
    this.source = source;
  }
}

/** Whatever takes broadcasts: an agent, a function, a connection. The broker knows no more of it. */
export interface Subscriber {
  /** Takes or loses the publication at once; neither waits nor throws. */
  publish(publication: Publication): void;
  /** Resolves when all that was published so far has arrived; undefined when it has. */
  flushed(): Promise<void> | undefined;
}
