// A correlation names one open call of its connection, so nothing else may carry it until that has its last frame.

import { type Failure, quoted } from "../../../errors.ts";
import type { Address } from "../../wire/packet.ts";
import type { Connection } from "../connection.ts";

export function idInUse(connection: Connection, { correlation }: Address): Failure | undefined {
  if (correlation === null || !connection.calls.isInUse(correlation)) return undefined;
  return { code: "PROTOCOL_ERROR", message: `${quoted(correlation)} is still in use on this connection` };
}
