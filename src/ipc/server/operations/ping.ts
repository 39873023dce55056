// Proof of life: answered at once, draining or not, and free of charge.

import type { QueryPacket } from "../../wire/packet.ts";
import type { Connection } from "../connection.ts";

export function ping(connection: Connection, packet: QueryPacket): void {
  const slot = connection.openSlot(packet);
  connection.dialect.reply(connection.answers.writerFor(slot), packet, null);
  connection.answered(slot);
}
