// From a packet to its operation. Whoever looks for what a frame does finds the file here.

import { assertNever } from "../../errors.ts";
import type { Packet } from "../wire/packet.ts";
import type { Connection } from "./connection.ts";
import { cancel } from "./operations/cancel.ts";
import { credit } from "./operations/credit.ts";
import { discover } from "./operations/discover.ts";
import { heartbeat } from "./operations/heartbeat.ts";
import { leave } from "./operations/leave.ts";
import { arriveRequest } from "./operations/request.ts";
import { ping } from "./operations/ping.ts";
import { refuseArrival } from "./operations/refuse-arrival.ts";
import { stats } from "./operations/stats.ts";
import { subscribe, unsubscribe } from "./operations/subscribe.ts";
import type { ServerContext } from "./server-context.ts";

export function route(context: ServerContext, connection: Connection, packet: Packet, bytes: number): void {
  switch (packet.kind) {
    case "request":
      return arriveRequest(context, connection, packet, bytes);
    case "subscribe":
      return subscribe(context, connection, packet);
    case "unsubscribe":
      return unsubscribe(connection, packet);
    case "discover":
      return discover(context, connection, packet);
    case "stats":
      return stats(context, connection, packet);
    case "ping":
      return ping(connection, packet);
    case "heartbeat":
      return heartbeat(connection, packet);
    case "leave":
      return leave(connection, packet);
    case "cancel":
      return cancel(connection, packet);
    case "credit":
      return credit(connection, packet);
    case "silent":
      return;
    case "malformed":
      if (packet.closes) return connection.unreadable(packet.failure);
      return connection.fail(packet, connection.openSlot(packet), refuseArrival(context, connection, packet.shape) ?? packet.failure);
    default:
      return assertNever(packet);
  }
}
