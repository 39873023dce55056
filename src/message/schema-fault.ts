// Says in the log that a schema has thrown: its sender hears only that the payload was refused, and the defect is here.

import { detailOf, stackOf } from "../errors.ts";
import type { Log } from "../log.ts";
import type { MessageType } from "./message-type.ts";
import type { Validation } from "./schema.ts";

export function logSchemaFault(log: Log, type: MessageType, validation: Validation): void {
  if (validation.ok || validation.fault === undefined) return;
  const { thrown } = validation.fault;
  log.error("schema failed", { type: type.name, error: detailOf(thrown), stack: stackOf(thrown) });
}
