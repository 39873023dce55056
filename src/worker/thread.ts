// The seam to threads. Whatever is posted is copied, but for the buffers that are named, which move.

import type { Order, Report } from "./packets.ts";

/** One end of the way between two threads. */
export interface ThreadPort<Sent, Received> {
  /** Throws when something in it cannot be copied; then nothing has been sent. */
  post(packets: readonly Sent[], moved: readonly ArrayBuffer[]): void;
  /** One listener, called with what was posted together. */
  listen(received: (packets: readonly Received[]) => void): void;
}

/** A thread, as the one who started it sees it. */
export interface Thread extends ThreadPort<Order, Report> {
  /** Called once, when it has ended, by itself or by an error that nobody caught. */
  onEnd(ended: (error: string | undefined) => void): void;
  /** Whether it keeps the process alive; not at first. */
  keepAlive(alive: boolean): void;
  /** Ends it now, whatever it does. */
  terminate(): void;
}

export interface Threads {
  start(name: string): Thread;
}
