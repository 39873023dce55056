// All that a thread is told at its start.

import type { Receiver } from "../agent/receiver.ts";
import type { StartPacket } from "./packets.ts";

type Said = Pick<StartPacket, "module" | "validateLocal" | "marks">;

export function startPacket({ id, name, definition, life, services }: Receiver, given: Said): StartPacket {
  return {
    kind: "start",
    ...given,
    blueprint: definition.name,
    handles: [...definition.handlers.keys()],
    agent: { id, name },
    generation: life.generation,
    supervised: life.guardian !== undefined,
    limits: services.limits,
    debugOn: services.log.debugOn,
  };
}
