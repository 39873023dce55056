// What can be asked of this server: agents, the types they handle, and for each type its schema and an example.

import { exampleOf } from "../../../message/json-schema.ts";
import type { MessageType } from "../../../message/message-type.ts";
import type { Discovery, DiscoverPacket } from "../../wire/packet.ts";
import type { Connection } from "../connection.ts";
import { refusalOf } from "../policy.ts";
import type { ServerContext } from "../server-context.ts";
import { answer } from "./answer.ts";

export function discover(context: ServerContext, connection: Connection, packet: DiscoverPacket): void {
  const slot = connection.openSlot(packet);
  const refusal = refusalOf(context, connection.origin.identity, { kind: "discover" });
  if (refusal !== undefined) {
    connection.fail(packet, slot, { code: "ACCESS_DENIED", message: refusal });
    return;
  }
  answer(connection, packet, slot, (dialect, out) => dialect.discovery(out, packet, discoveryOf(context, packet)));
}

function discoveryOf(context: ServerContext, wanted: DiscoverPacket): Discovery {
  const { names, types, product, application } = context;
  const messageTypes = types.registeredTypes();
  const actors = [...names.entries()].map(([name, handle]) => ({
    name,
    ern: `ern:acton:system:framework:agent:${handle.id}`,
    handles: handle.recipient.handles.map((type) => type.name).sort(),
  }));
  const schemas = Object.fromEntries(messageTypes.map((name) => [name, describe(types.find(name) as MessageType)]));
  return {
    product,
    application,
    actors: wanted.actors ? actors : undefined,
    messageTypes: wanted.messageTypes ? messageTypes : undefined,
    schemas,
  };
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
