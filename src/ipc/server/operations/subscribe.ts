// Subscriptions: to registered types by name, to any by a prefix pattern. Known names are subscribed, the others are
// named in the answer; patterns apply whole or not at all.

import { ActonError, printable } from "../../../errors.ts";
import type { SubscriptionPacket } from "../../wire/packet.ts";
import type { Connection } from "../connection.ts";
import { refusalOf, type Operation } from "../policy.ts";
import type { ServerContext } from "../server-context.ts";
import type { Added } from "../subscriptions.ts";
import { answer } from "./answer.ts";
import { refuseArrival } from "./refuse-arrival.ts";

export function subscribe(context: ServerContext, connection: Connection, packet: SubscriptionPacket): void {
  const refusal = refuseArrival(context, connection, "subscription");
  if (refusal !== undefined) {
    connection.fail(packet, connection.openSlot(packet), refusal);
    return;
  }
  const types = packet.types ?? [];
  const patterns = packet.patterns ?? [];
  const { subscribesUnregistered } = connection.dialect;
  const isKnown = (name: string): boolean => subscribesUnregistered || context.types.isRegistered(name);
  const known = types.filter(isKnown);
  const rejected = types.filter((name) => !isKnown(name));
  const { subscriptions } = connection;
  let added: Added;
  try {
    authorize(context, connection, types, patterns);
    if (known.length === 0 && rejected.length > 0 && patterns.length === 0) {
      throw new ActonError("UNKNOWN_MESSAGE_TYPE", `${rejected.slice(0, 8).map(printable).join(", ")} is not registered`);
    }
    added = subscriptions.add(known, patterns, packet.format);
  } catch (error) {
    if (!(error instanceof ActonError)) throw error;
    connection.fail(packet, connection.openSlot(packet), error);
    return;
  }
  const unregistered = subscribesUnregistered ? subscriptions.state().types.filter((name) => !context.types.isRegistered(name)) : rejected;
  // What cannot be told has not happened.
  if (!tell(connection, packet, unregistered)) subscriptions.remove(added.types, added.patterns);
}

export function unsubscribe(connection: Connection, packet: SubscriptionPacket): void {
  const { subscriptions } = connection;
  const { types, patterns } = packet;
  if (types !== undefined && types.length === 0) subscriptions.clear();
  if (patterns !== undefined && patterns.length === 0) subscriptions.clearPatterns();
  subscriptions.remove(types ?? [], patterns ?? []);
  tell(connection, packet, []);
}

// Who sent no correlation expects no answer, but for a refusal.
function tell(connection: Connection, packet: SubscriptionPacket, rejected: readonly string[]): boolean {
  if (packet.correlation === null) return true;
  const state = connection.subscriptions.state(rejected);
  return answer(connection, packet, undefined, (dialect, out) => dialect.subscribed(out, packet, state));
}

function authorize(context: ServerContext, connection: Connection, types: readonly string[], patterns: readonly string[]): void {
  const operations: Operation[] = [
    ...types.map((type) => ({ kind: "subscribe", type }) as const),
    ...patterns.map((pattern) => ({ kind: "subscribePattern", pattern }) as const),
  ];
  for (const operation of operations) {
    const refusal = refusalOf(context, connection.origin, operation);
    if (refusal !== undefined) throw new ActonError("ACCESS_DENIED", refusal);
  }
}
