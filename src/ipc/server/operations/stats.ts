// The listener's figures, for whoever may discover.

import type { QueryPacket } from "../../wire/packet.ts";
import type { Connection } from "../connection.ts";
import { wireStats } from "../listener-stats.ts";
import { refusalOf } from "../policy.ts";
import type { ServerContext } from "../server-context.ts";
import { answer } from "./answer.ts";

export function stats(context: ServerContext, connection: Connection, packet: QueryPacket): void {
  const slot = connection.openSlot(packet);
  const refusal = refusalOf(context, connection.origin, { kind: "stats" });
  if (refusal !== undefined) {
    connection.fail(packet, slot, { code: "ACCESS_DENIED", message: refusal });
    return;
  }
  answer(connection, packet, slot, (dialect, out) => dialect.reply(out, packet, wireStats(context.stats())));
}
