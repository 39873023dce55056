// Proof of life: answered at once, draining or not, and free of charge.

import type { QueryPacket } from "../../wire/packet.ts";
import type { Connection } from "../connection.ts";
import { answer } from "./answer.ts";

export function ping(connection: Connection, packet: QueryPacket): void {
  answer(connection, packet, connection.openSlot(packet), (dialect, out) => dialect.reply(out, packet, null));
}
