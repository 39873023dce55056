// Who wants to know when an agent has ended, by agent. However many they are, the server is asked once for each; when the
// connection goes all are told, because nothing more is known of any agent then.

import type { Connection } from "./connection.ts";
import type { Body, OpenCall } from "./open-call.ts";

export class Watches {
  readonly #watches = new Map<string, AgentWatch>();
  #connection: Connection | undefined;

  /** Calls back once: when the agent has stopped, when there is none of that name, or when the connection has gone. */
  add(agent: string, stopped: () => void): () => void {
    const connection = this.#connection;
    if (connection === undefined) {
      stopped();
      return () => {};
    }
    const watch = this.#watches.get(agent) ?? this.#begin(agent, connection);
    // Whoever asks twice is told twice.
    const watcher = (): void => stopped();
    watch.watchers.add(watcher);
    return () => {
      if (!watch.watchers.delete(watcher) || watch.watchers.size > 0) return;
      this.#watches.delete(agent);
      connection.cancel(watch);
    };
  }

  connected(connection: Connection): void {
    this.#connection = connection;
  }

  lost(): void {
    this.#connection = undefined;
    const watches = [...this.#watches.values()];
    this.#watches.clear();
    for (const watch of watches) watch.tell();
  }

  #begin(agent: string, connection: Connection): AgentWatch {
    const watch = new AgentWatch(() => {
      connection.forget(watch);
      this.#watches.delete(agent);
      watch.tell();
    });
    this.#watches.set(agent, watch);
    try {
      connection.query(watch, { watch: agent });
    } catch {
      // Too much waits to be sent: the loss of the connection is still noticed.
    }
    return watch;
  }
}

/** One watch on the wire. A server that refuses it, or knows no such thing, leaves the loss of the connection to be told. */
class AgentWatch implements OpenCall {
  id = 0;
  frameEnd = 0;
  readonly watchers = new Set<() => void>();
  readonly #ended: () => void;

  constructor(ended: () => void) {
    this.#ended = ended;
  }

  answer(): void {
    this.#ended();
  }

  receive(body: Body): void {
    if (body["success"] === true || body["error_code"] === "ACTOR_NOT_FOUND") this.#ended();
  }

  /** The connection is gone: told by `Watches.lost`. */
  fail(): void {}

  tell(): void {
    const watchers = [...this.watchers];
    this.watchers.clear();
    // What one throws is a rejection that nobody awaits, and keeps no other from being told.
    for (const watcher of watchers) void (async () => watcher())();
  }
}
