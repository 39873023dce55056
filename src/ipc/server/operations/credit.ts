// Lets a stream that was opened with a window send so many more frames. Credit for anything else means nothing.

import type { CreditPacket } from "../../wire/packet.ts";
import type { Connection } from "../connection.ts";

export function credit(connection: Connection, packet: CreditPacket): void {
  connection.calls.find(packet.correlation)?.grant(packet.credit);
}
