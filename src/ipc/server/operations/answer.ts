// The one way to answer a frame with a single frame: whatever cannot be written is a refusal, and the connection lives.

import { detailOf } from "../../../errors.ts";
import type { Dialect } from "../../wire/dialect.ts";
import type { FrameWriter } from "../../wire/frame-writer.ts";
import type { Address } from "../../wire/packet.ts";
import type { Connection } from "../connection.ts";
import type { ReplySlot } from "../reply-order.ts";

/** False when it was a refusal. */
export function answer(
  connection: Connection,
  packet: Address,
  slot: ReplySlot | undefined,
  write: (dialect: Dialect, out: FrameWriter) => void,
): boolean {
  try {
    write(connection.dialect, connection.answers.writerFor(slot));
  } catch (error) {
    connection.fail(packet, slot, { code: "HANDLER_FAILED", message: detailOf(error) });
    return false;
  }
  connection.answered(slot);
  return true;
}
