// Subscriptions: to registered types by name, to any by a prefix pattern. Known names are subscribed, the others are
// named in the answer; patterns apply whole or not at all.

import { ActonError, printable } from "../../../errors.ts";
import type { SubscriptionPacket } from "../../wire/packet.ts";
import type { Connection } from "../connection.ts";
import { refusalOf, type Operation } from "../policy.ts";
import type { ServerContext } from "../server-context.ts";
import { refuseArrival } from "./refuse-arrival.ts";

export function subscribe(context: ServerContext, connection: Connection, packet: SubscriptionPacket): void {
  const refusal = refuseArrival(context, connection, "subscription");
  if (refusal !== undefined) {
    connection.fail(packet, connection.openSlot(packet), refusal);
    return;
  }
  const patterns = packet.patterns ?? [];
  const known: string[] = [];
  const rejected: string[] = [];
  const { subscribesUnregistered } = connection.dialect;
  for (const name of packet.types ?? []) (subscribesUnregistered || context.types.isRegistered(name) ? known : rejected).push(name);
  try {
    authorize(context, connection, packet.types ?? [], patterns);
    if (known.length === 0 && rejected.length > 0 && patterns.length === 0) {
      throw new ActonError("UNKNOWN_MESSAGE_TYPE", `${rejected.slice(0, 8).map(printable).join(", ")} is not registered`);
    }
    connection.subscriptions.add(known, patterns, packet.format);
  } catch (error) {
    if (!(error instanceof ActonError)) throw error;
    connection.fail(packet, connection.openSlot(packet), error);
    return;
  }
  const held = connection.subscriptions.state().types;
  answer(connection, packet, subscribesUnregistered ? held.filter((name) => !context.types.isRegistered(name)) : rejected);
}

export function unsubscribe(connection: Connection, packet: SubscriptionPacket): void {
  const { subscriptions } = connection;
  const { types, patterns } = packet;
  if (types !== undefined && types.length === 0) subscriptions.clear();
  if (patterns !== undefined && patterns.length === 0) subscriptions.clearPatterns();
  subscriptions.remove(types ?? [], patterns ?? []);
  answer(connection, packet, []);
}

// Who sent no correlation expects no answer, but for a refusal.
function answer(connection: Connection, packet: SubscriptionPacket, rejected: readonly string[]): void {
  if (packet.correlation === null) return;
  connection.dialect.subscribed(connection.answers.out, packet, connection.subscriptions.state(rejected));
  connection.answered(undefined);
}

function authorize(context: ServerContext, connection: Connection, types: readonly string[], patterns: readonly string[]): void {
  const operations: Operation[] = [
    ...types.map((type) => ({ kind: "subscribe", type }) as const),
    ...patterns.map((pattern) => ({ kind: "subscribePattern", pattern }) as const),
  ];
  for (const operation of operations) {
    const refusal = refusalOf(context.policy, connection.identity, operation);
    if (refusal !== undefined) throw new ActonError("ACCESS_DENIED", refusal);
  }
}
