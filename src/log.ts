// The structured log: what the runtime says about itself. Callers hold a Log; where its lines go is a sink's matter.
// Lines wait in a bounded queue while the output is blocked; what finds it full is dropped, counted, and told of later.

import { after, type Clock } from "./clock.ts";
import { type LogFields, type LogLevel, logLevels, logText, type Severity } from "./log-line.ts";
import { type GivenLine, LogRepeats } from "./log-repeats.ts";

export { logLevels, type LogFields, type LogLevel, type Severity } from "./log-line.ts";

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

/** Where lines go. Neither call blocks nor throws. */
export interface LogOutput {
  /** Takes the text in any case; false asks to wait for a drain before the next. */
  write(text: string): boolean;
  /** One callback: the latest replaces the one before. */
  onDrain(callback: () => void): void;
}

export interface LogOptions {
  readonly output: LogOutput;
  readonly clock: Clock;
  /** Default `info`. */
  readonly level?: LogLevel;
  /** `json`: one object a line. `pretty`: for people. Default `json`. */
  readonly format?: "json" | "pretty";
  /** Colours a pretty line. Default false. */
  readonly colour?: boolean;
  /** Lines that wait while the output is blocked. Default 1024. */
  readonly queueSize?: number;
}

/** The log that owns an output. */
export interface RootLog extends Log {
  /** Lines lost to a full queue since the start. */
  readonly dropped: number;
  /** Resolves when everything has been written, or after `timeoutMs` (default 1000). Never rejects. */
  flush(timeoutMs?: number): Promise<void>;
}

export function createLog(options: LogOptions): RootLog {
  return new OutputLog(new LogSink(options), options.level ?? "info");
}

const nothing = (): void => {};

/** Says nothing, for tests and for libraries that were given no log. */
export const silentLog: Log = { debugOn: false, debug: nothing, info: nothing, warn: nothing, error: nothing, with: () => silentLog };

/** A log whose lines somebody else writes, from this severity on. */
export function logTo(write: (line: GivenLine) => void, level: LogLevel): Log {
  return new LevelLog(write, level, {});
}

class LevelLog implements Log {
  readonly debugOn: boolean;
  readonly #line: (line: GivenLine) => void;
  readonly #level: LogLevel;
  readonly #severity: number;
  readonly #fields: LogFields;

  constructor(line: (line: GivenLine) => void, level: LogLevel, fields: LogFields) {
    this.#line = line;
    this.#level = level;
    this.#severity = logLevels.indexOf(level);
    this.#fields = fields;
    this.debugOn = level === "debug";
  }

  debug(message: string, fields?: LogFields): void {
    this.#write("debug", message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#write("info", message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#write("warn", message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#write("error", message, fields);
  }

  with(fields: LogFields): Log {
    return new LevelLog(this.#line, this.#level, { ...this.#fields, ...fields });
  }

  #write(level: Severity, message: string, fields: LogFields = {}): void {
    if (logLevels.indexOf(level) >= this.#severity) this.#line({ level, message, fields: [this.#fields, fields] });
  }
}

class OutputLog extends LevelLog implements RootLog {
  readonly #sink: LogSink;

  constructor(sink: LogSink, level: LogLevel) {
    super((line) => sink.line(line), level, {});
    this.#sink = sink;
  }

  get dropped(): number {
    return this.#sink.dropped;
  }

  flush(timeoutMs = 1000): Promise<void> {
    return this.#sink.flush(timeoutMs);
  }
}

const batchLines = 64;

class LogSink {
  dropped = 0;
  readonly #options: LogOptions;
  readonly #queueSize: number;
  readonly #repeats: LogRepeats;
  #queue: string[] = [];
  #blocked = false;
  #untold = 0;
  #flushed: (() => void)[] = [];

  constructor(options: LogOptions) {
    this.#options = options;
    this.#queueSize = options.queueSize ?? 1024;
    this.#repeats = new LogRepeats(options.clock, (line, repeated) => this.#write({ ...line, fields: [...line.fields, { repeated }] }));
    options.output.onDrain(() => this.#drain());
  }

  line(line: GivenLine): void {
    if (!this.#repeats.swallows(line)) this.#write(line);
  }

  #write(line: GivenLine): void {
    if (!this.#blocked) this.#blocked = !this.#options.output.write(this.#text(line));
    else if (this.#queue.length < this.#queueSize) this.#queue.push(this.#text(line));
    else {
      this.dropped += 1;
      this.#untold += 1;
    }
  }

  flush(timeoutMs: number): Promise<void> {
    this.#repeats.tellAll();
    if (!this.#blocked) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = after(this.#options.clock, timeoutMs, resolve);
      this.#flushed.push(() => {
        this.#options.clock.disarm(timer);
        resolve();
      });
    });
  }

  #text(line: GivenLine): string {
    const { format = "json", colour = false, clock } = this.#options;
    return logText({ time: clock.now(), ...line }, { format, colour });
  }

  #drain(): void {
    this.#blocked = false;
    while (!this.#blocked && this.#queue.length > 0) {
      this.#blocked = !this.#options.output.write(this.#queue.splice(0, batchLines).join(""));
    }
    if (this.#blocked) return;
    if (this.#untold > 0) {
      const dropped = this.#untold;
      this.#untold = 0;
      this.#write({ level: "warn", message: "log lines were dropped: the output did not take them", fields: [{ dropped }] });
    }
    if (!this.#blocked) for (const done of this.#flushed.splice(0)) done();
  }
}
