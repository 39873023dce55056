// From a packet to its operation. Whoever looks for what a frame does finds the file here.

import { assertNever } from "../../errors.ts";
import type { MalformedPacket, Packet } from "../wire/packet.ts";
import type { Connection } from "./connection.ts";
import { cancel } from "./operations/cancel.ts";
import { credit } from "./operations/credit.ts";
import { discover } from "./operations/discover.ts";
import { heartbeat } from "./operations/heartbeat.ts";
import { leave } from "./operations/leave.ts";
import { idInUse } from "./operations/id-in-use.ts";
import { arriveRequest, nameStream } from "./operations/request.ts";
import { ping } from "./operations/ping.ts";
import { refuseArrival } from "./operations/refuse-arrival.ts";
import { stats } from "./operations/stats.ts";
import { subscribe, unsubscribe } from "./operations/subscribe.ts";
import { watch } from "./operations/watch.ts";
import type { ServerContext } from "./server-context.ts";

export function route(context: ServerContext, connection: Connection, packet: Packet, bytes: number): void {
  const inUse = "shape" in packet && packet.kind !== "request" ? idInUse(connection, packet) : undefined;
  if (inUse !== undefined && "shape" in packet) return connection.fail(packet, connection.openSlot(packet), inUse);
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
    case "watch":
      return watch(context, connection, packet);
    case "cancel":
      return cancel(connection, packet);
    case "credit":
      return credit(connection, packet);
    case "silent":
      context.counters.framesIgnored += 1;
      return;
    case "malformed":
      if (packet.closes) return connection.unreadable(packet.failure);
      return malformed(context, connection, packet);
    default:
      return assertNever(packet);
  }
}

// What would have been free of charge and answered whatever happens is so in its wrong form, too.
function malformed(context: ServerContext, connection: Connection, packet: MalformedPacket): void {
  nameStream(connection, packet);
  const refusal = packet.free ? undefined : refuseArrival(context, connection, packet.shape);
  connection.fail(packet, connection.openSlot(packet), refusal ?? packet.failure);
}
