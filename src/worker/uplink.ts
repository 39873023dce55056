// What a thread tells the one that started it beside answers: its log and its broadcasts. Nobody waits for these, so that
// what finds too many of them on their way is lost, counted, and told of later.

import { detailOf } from "../errors.ts";
import { type Log, type LogFields, logTo } from "../log.ts";
import type { Speaker } from "./line.ts";
import type { Report } from "./packets.ts";

const noticesMax = 1024;

type Notice = Report & { readonly kind: "broadcast" | "log" };

export class Uplink {
  readonly #line: Speaker<Report>;
  #unheard = 0;
  #lost = 0;

  constructor(line: Speaker<Report>) {
    this.#line = line;
  }

  notify(notice: Notice): void {
    if (this.#unheard >= noticesMax) {
      this.#lost += 1;
      return;
    }
    this.#unheard += 1;
    this.#line.send(notice, (why) => {
      this.#unheard -= 1;
      this.#uncopied(notice, why);
    });
  }

  heard(notices: number): void {
    this.#unheard -= notices;
    if (this.#lost === 0) return;
    const lost = this.#lost;
    this.#lost = 0;
    this.#warn("broadcasts and log lines of a worker were lost: there were too many at once", { lost });
  }

  // A log line's fields may hold anything, and have a text in any case.
  #uncopied(notice: Notice, why: string): void {
    if (notice.kind === "log") this.notify({ ...notice, fields: textsOf(notice.fields) });
    else this.#warn("broadcast lost: it cannot be copied to another thread", { type: notice.type, error: why });
  }

  #warn(message: string, fields: LogFields): void {
    this.notify({ kind: "log", level: "warn", message, fields });
  }
}

/** A log whose lines another thread writes. */
export function uplinkLog(uplink: Uplink, debugOn: boolean): Log {
  return logTo(
    ({ level, message, fields }) => uplink.notify({ kind: "log", level, message, fields: Object.assign({}, ...fields) as LogFields }),
    debugOn ? "debug" : "info",
  );
}

function textsOf(fields: LogFields): LogFields {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, isPlain(value) ? value : detailOf(value)]));
}

function isPlain(value: unknown): boolean {
  return value === null || !["object", "function", "symbol"].includes(typeof value);
}
