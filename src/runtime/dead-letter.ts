// What no handler will see, as a topic that anyone may subscribe to.

import { z } from "zod";
import { message } from "../message/message-type.ts";

/** Broadcast for each message that its agent has no handler for, or that was left over when its agent stopped. */
export const DeadLetter = message("DeadLetter", {
  agent: z.string(),
  type: z.string(),
  payload: z.unknown(),
  reason: z.string(),
});
