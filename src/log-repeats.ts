// Warnings and errors that say the same over and over: the first of each second is written in full, the others are
// counted, so that a handler that always fails, asked a hundred thousand times a second, does not fill the disk.

import type { Clock, Timer } from "./clock.ts";
import type { LogLine } from "./log-line.ts";

/** A line as its writer gave it. */
export type GivenLine = Omit<LogLine, "time">;

const windowMs = 1000;
// Texts may hold what a client sent; beyond so many different ones a second, a message counts as one whatever it tells.
const distinctMax = 64;
const tellingFields = ["agent", "type", "connection", "hook", "error"];

export class LogRepeats implements Timer {
  due = 0;
  order = 0;
  place = -1;
  readonly #clock: Clock;
  readonly #tell: (line: GivenLine, repeated: number) => void;
  readonly #seen = new Map<string, { readonly line: GivenLine; repeated: number }>();

  /** `tell` is given the line that was written, and how often the like came after it. */
  constructor(clock: Clock, tell: (line: GivenLine, repeated: number) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** True when the like was written within this second: it is counted, and told of when the second is over. */
  swallows(line: GivenLine): boolean {
    if (line.level !== "warn" && line.level !== "error") return false;
    const exact = keyOf(line);
    const key = this.#seen.has(exact) || this.#seen.size < distinctMax ? exact : line.message;
    const seen = this.#seen.get(key);
    if (seen !== undefined) {
      seen.repeated += 1;
      return true;
    }
    if (this.#seen.size === 0) this.#clock.arm(this, windowMs);
    this.#seen.set(key, { line, repeated: 0 });
    return false;
  }

  /** The second is over. */
  expire(): void {
    this.tellAll();
  }

  tellAll(): void {
    this.#clock.disarm(this);
    const seen = [...this.#seen.values()];
    this.#seen.clear();
    for (const { line, repeated } of seen) if (repeated > 0) this.#tell(line, repeated);
  }
}

function keyOf({ message, fields }: GivenLine): string {
  try {
    const told = fields.map((layer) => tellingFields.map((name) => (isPlain(layer[name]) ? String(layer[name]) : "")).join("\0"));
    return `${message}\0${told.join("\0")}`;
  } catch {
    return message;
  }
}

function isPlain(value: unknown): value is string | number {
  return typeof value === "string" || typeof value === "number";
}
