// What discovery says of a server, in the shape that programs read.

import type { Body } from "./open-call.ts";

export interface Discovery {
  readonly protocolVersion: number;
  /** What the server can do beyond requests, by name: `cancel`, `credit`, `patterns`, … */
  readonly capabilities: Readonly<Record<string, boolean>>;
  readonly product: Release;
  readonly application: Release;
  readonly agents: readonly DiscoveredAgent[];
  /** Names of the registered message types. */
  readonly messageTypes: readonly string[];
  /** By message type. */
  readonly schemas: Readonly<Record<string, DiscoveredType>>;
}

export interface Release {
  readonly name: string;
  readonly version: string;
}

export interface DiscoveredAgent {
  readonly name: string;
  readonly ern: string;
  /** Names of the message types that it has handlers for. */
  readonly handles: readonly string[];
}

export interface DiscoveredType {
  readonly kind: "request" | "stream" | "push";
  /** JSON Schema of the payload. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** The type of the reply, or of the stream's items. */
  readonly replies?: string;
  readonly example: unknown;
}

const unknownRelease: Release = { name: "unknown", version: "0.0.0" };

/** The server is trusted to send what the protocol says; what it leaves out is empty. */
export function discoveryFrom(body: Body): Discovery {
  const { protocol_version, capabilities, product, application, actors, message_types, schemas } = body as Partial<DiscoveryBody>;
  return {
    protocolVersion: protocol_version ?? 1,
    capabilities: capabilities ?? {},
    product: product ?? unknownRelease,
    application: application ?? unknownRelease,
    agents: actors ?? [],
    messageTypes: message_types ?? [],
    schemas: schemas ?? {},
  };
}

interface DiscoveryBody {
  readonly protocol_version: number;
  readonly capabilities: Readonly<Record<string, boolean>>;
  readonly product: Release;
  readonly application: Release;
  readonly actors: readonly DiscoveredAgent[];
  readonly message_types: readonly string[];
  readonly schemas: Readonly<Record<string, DiscoveredType>>;
}
