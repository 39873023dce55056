// What can be asked of this server: agents, the types they handle, and for each type its schema and an example.

import { exampleOf } from "../../../message/json-schema.ts";
import type { MessageType } from "../../../message/message-type.ts";
import type { Discovery, DiscoverPacket } from "../../wire/packet.ts";
import type { Connection } from "../connection.ts";
import { type Operation, refusalOf } from "../policy.ts";
import type { ServerContext } from "../server-context.ts";
import type { TypeRegistry } from "../type-registry.ts";
import { answer } from "./answer.ts";

export function discover(context: ServerContext, connection: Connection, packet: DiscoverPacket): void {
  const slot = connection.openSlot(packet);
  const refusal = refusalOf(context, connection.origin, { kind: "discover" });
  if (refusal !== undefined) {
    connection.fail(packet, slot, { code: "ACCESS_DENIED", message: refusal });
    return;
  }
  const discovery = discoveryOf(context, connection, packet);
  // The policy was asked, and may have ended the connection itself.
  if (connection.closed) return;
  answer(connection, packet, slot, (dialect, out) => dialect.discovery(out, packet, discovery));
}

function discoveryOf(context: ServerContext, { origin }: Connection, wanted: DiscoverPacket): Discovery {
  const { names, types, product, application } = context;
  const isShown = (operation: Operation): boolean => refusalOf(context, origin, operation) === undefined;
  const isDecided = origin.rules !== undefined || context.policy?.authorize !== undefined;
  const agents = [...names.entries()].map(([name, handle]) => ({
    name,
    ern: `ern:acton:system:framework:agent:${handle.id}`,
    handles: handle.recipient.handles.map((type) => type.name).sort(),
  }));
  const actors = isDecided ? agents.map((agent) => usable(agent, isShown)).filter(({ handles }) => handles.length > 0) : agents;
  const messageTypes = isDecided ? usableTypes(types, new Set(actors.flatMap(({ handles }) => handles)), isShown) : types.registeredTypes();
  const schemas = Object.fromEntries(messageTypes.map((name) => [name, describe(types.find(name) as MessageType)]));
  return {
    product,
    application,
    actors: wanted.actors ? actors : undefined,
    messageTypes: wanted.messageTypes ? messageTypes : undefined,
    schemas,
  };
}

type Agent = NonNullable<Discovery["actors"]>[number];

function usable(agent: Agent, isShown: (operation: Operation) => boolean): Agent {
  return { ...agent, handles: agent.handles.filter((type) => isShown({ kind: "request", agent: agent.name, type })) };
}

/** What may be asked, what is answered to it, and what may be subscribed to. */
function usableTypes(types: TypeRegistry, handled: ReadonlySet<string>, isShown: (operation: Operation) => boolean): string[] {
  const answers = new Set([...handled].map((name) => types.find(name)?.answer?.name));
  return types.registeredTypes().filter((type) => handled.has(type) || answers.has(type) || isShown({ kind: "subscribe", type }));
}

const described = new WeakMap<MessageType, Record<string, unknown>>();

// Types never change, and making a schema is dear: once for each is enough.
function describe(type: MessageType): Record<string, unknown> {
  const known = described.get(type);
  if (known !== undefined) return known;
  const description = makeDescription(type);
  described.set(type, description);
  return description;
}

// A type that expects no answer is known by what is sent of it: to an agent, or as a push to whoever subscribed.
function makeDescription(type: MessageType): Record<string, unknown> {
  const kind = type.kind === "event" ? "push" : type.kind;
  const replies = type.answer === undefined ? {} : { replies: type.answer.name };
  try {
    const schema = type.jsonSchema();
    return { kind, schema, ...replies, example: exampleOf(schema) };
  } catch {
    return { kind, schema: {}, ...replies, example: null };
  }
}
