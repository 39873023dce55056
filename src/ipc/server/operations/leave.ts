// A client says goodbye: its subscriptions end, and it is answered. It hangs up when it has read that.

import type { QueryPacket } from "../../wire/packet.ts";
import type { Connection } from "../connection.ts";
import { answer } from "./answer.ts";
import { delivered } from "./request.ts";

export function leave(connection: Connection, packet: QueryPacket): void {
  connection.subscriptions.clear();
  answer(connection, packet, connection.openSlot(packet), (dialect, out) => dialect.reply(out, packet, delivered));
}
