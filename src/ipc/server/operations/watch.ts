// Death watch: one answer, when the agent has stopped for good. A name that is hidden meanwhile is not the agent's end.
// It is open like a stream, and counts as one; when the server drains it ends at once.

import type { Failure } from "../../../errors.ts";
import type { Recipient } from "../../../message/recipient.ts";
import type { WatchPacket } from "../../wire/packet.ts";
import type { OpenCall } from "../calls.ts";
import type { Connection } from "../connection.ts";
import { refusalOf } from "../policy.ts";
import type { ServerContext } from "../server-context.ts";
import { answer } from "./answer.ts";
import { refuseArrival } from "./refuse-arrival.ts";
import { agentNotFound } from "./request.ts";
import { tooManyStreams } from "./stream.ts";

export function watch(context: ServerContext, connection: Connection, packet: WatchPacket): void {
  const found = resolve(context, connection, packet);
  // The policy was asked, and may have ended the connection itself.
  if (connection.closed) return;
  if ("code" in found) connection.fail(packet, undefined, found);
  else new WatchCall(connection, packet).begin(found);
}

function resolve(context: ServerContext, connection: Connection, packet: WatchPacket): Recipient | Failure {
  const refusal = refuseArrival(context, connection, packet.shape);
  if (refusal !== undefined) return refusal;
  const { agent } = packet;
  const denial = refusalOf(context, connection.origin, { kind: "watch", agent });
  if (denial !== undefined) return { code: "ACCESS_DENIED", message: denial };
  return tooManyStreams(context, connection) ?? context.names.find(agent)?.recipient ?? agentNotFound(agent);
}

class WatchCall implements OpenCall {
  readonly kind = "watch";
  readonly held = undefined;
  readonly packet: WatchPacket;
  readonly #connection: Connection;
  #unwatch: (() => void) | undefined;
  #ended = false;

  constructor(connection: Connection, packet: WatchPacket) {
    this.#connection = connection;
    this.packet = packet;
  }

  /** Answers at once when the agent has stopped already. */
  begin(recipient: Recipient): void {
    this.#connection.calls.open(this);
    this.#unwatch = recipient.watch(() => this.#stopped());
  }

  cancel(failure: Failure): void {
    if (this.#end()) this.#connection.fail(this.packet, undefined, failure);
  }

  grant(): void {}

  abandon(): void {
    this.#end();
  }

  #stopped(): void {
    if (!this.#end()) return;
    const payload = { agent: this.packet.agent, reason: "stopped" };
    answer(this.#connection, this.packet, undefined, (dialect, out) => dialect.reply(out, this.packet, payload));
  }

  /** False when it had ended before. */
  #end(): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.#unwatch?.();
    this.#connection.calls.close(this);
    return true;
  }
}
