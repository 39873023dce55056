// The broker as whoever publishes sees it.

import type { MessageType, PayloadOf } from "./message-type.ts";

export interface Publisher {
  /** Hands the message to everyone who subscribed to its type, in this turn, and waits for nobody. */
  broadcast<T extends MessageType>(type: T, payload: PayloadOf<T>): void;
}
