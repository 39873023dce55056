// Stops a request or stream of this connection: it ends with CANCELLED, and its handler's signal aborts. What is not
// open any more was answered already, so there is nothing to say.

import type { CancelPacket } from "../../wire/packet.ts";
import type { Connection } from "../connection.ts";

export function cancel(connection: Connection, packet: CancelPacket): void {
  connection.calls.cancel(packet.correlation, { code: "CANCELLED", message: "the client cancelled" });
}
