// A client says goodbye: its subscriptions end, and it is answered. It hangs up when it has read that.

import type { QueryPacket } from "../../wire/packet.ts";
import type { Connection } from "../connection.ts";
import { delivered } from "./request.ts";

export function leave(connection: Connection, packet: QueryPacket): void {
  connection.subscriptions.clear();
  const slot = connection.openSlot(packet);
  connection.dialect.reply(connection.answers.writerFor(slot), packet, delivered);
  connection.answered(slot);
}
