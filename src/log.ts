// The structured log: what the runtime says about itself. Callers hold a Log; where its lines go is a sink's matter.

export const logLevels = ["debug", "info", "warn", "error", "off"] as const;
export type LogLevel = (typeof logLevels)[number];
export type LogFields = Readonly<Record<string, unknown>>;

/** Never blocks and never throws, whatever the fields hold. */
export interface Log {
  /** True when debug lines are written: lets a hot path skip making their fields. */
  readonly debugOn: boolean;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log whose every line carries these fields too. */
  with(fields: LogFields): Log;
}
