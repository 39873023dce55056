// A reply or item that cannot be put on the wire is its handler's failure, and is said in the log too.

import { detailOf, type Failure } from "../../../errors.ts";
import type { RequestPacket } from "../../wire/packet.ts";
import type { ServerContext } from "../server-context.ts";

export function replyFailure(context: ServerContext, packet: RequestPacket, error: unknown): Failure {
  const detail = detailOf(error);
  context.log.error("reply cannot be encoded", { agent: packet.target, type: packet.messageType, error: detail });
  return { code: "HANDLER_FAILED", message: detail };
}
