// A heartbeat is sent back as it came. The server never starts one.

import type { HeartbeatPacket } from "../../wire/packet.ts";
import type { Connection } from "../connection.ts";

export function heartbeat(connection: Connection, packet: HeartbeatPacket): void {
  connection.dialect.heartbeat(connection.answers.out, packet, packet.body);
  connection.answered(undefined);
}
