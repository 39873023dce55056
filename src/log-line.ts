// The text of one log line, as JSON or for people. Safe whatever the fields hold: cycles, getters that throw, and
// control characters, which could otherwise drive the reader's terminal.

import { isRecord } from "./record.ts";

export const logLevels = ["debug", "info", "warn", "error", "off"] as const;
export type LogLevel = (typeof logLevels)[number];
/** What a line may be. */
export type Severity = Exclude<LogLevel, "off">;
export type LogFields = Readonly<Record<string, unknown>>;

export interface LogLine {
  /** Unix milliseconds. */
  readonly time: number;
  readonly level: Severity;
  readonly message: string;
  /** Later ones win. */
  readonly fields: readonly LogFields[];
}

export interface LogTextOptions {
  readonly format: "json" | "pretty";
  readonly colour: boolean;
}

export function logText(line: LogLine, options: LogTextOptions): string {
  try {
    const fields = plainFields(line.fields);
    return options.format === "json" ? jsonText(line, fields) : prettyText(line, fields, options.colour);
  } catch {
    return `{"level":"error","message":"a log line could not be written"}\n`;
  }
}

function jsonText(line: LogLine, fields: ReadonlyMap<string, unknown>): string {
  const record: [string, unknown][] = [
    ["time", new Date(line.time).toISOString()],
    ["level", line.level],
    ["message", clipped(line.message)],
  ];
  // A field never overwrites what makes a line a line.
  for (const [name, value] of fields) record.push([record.slice(0, 3).some(([taken]) => taken === name) ? `${name}_` : name, value]);
  return `{${record.map(([name, value]) => `${quotedText(name)}:${printable(JSON.stringify(value) ?? "null")}`).join(",")}}\n`;
}

const levelColours: Record<LogLevel, string> = { debug: "\x1b[2m", info: "\x1b[32m", warn: "\x1b[33m", error: "\x1b[31m", off: "" };

function prettyText(line: LogLine, fields: ReadonlyMap<string, unknown>, colour: boolean): string {
  const paint = (code: string, text: string): string => (colour ? `${code}${text}\x1b[0m` : text);
  const time = new Date(line.time);
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
  let text = `${paint("\x1b[2m", `${clock}.${String(time.getMilliseconds()).padStart(3, "0")}`)} ${paint(levelColours[line.level], line.level.padEnd(5))} ${printable(clipped(line.message))}`;
  let trace = "";
  for (const [name, value] of fields) {
    if (isRecord(value) && isTrace(value["stack"])) trace += value["stack"].map((frame) => `\n    ${paint("\x1b[2m", printable(frame))}`).join("");
    text += ` ${paint("\x1b[36m", `${printable(name)}=`)}${valueText(value)}`;
  }
  return `${text}${trace}\n`;
}

function valueText(value: unknown): string {
  if (typeof value === "string") return /^[\w./:@+-]+$/.test(value) ? value : quotedText(value);
  if (isRecord(value) && "stack" in value) return quotedText(`${String(value["name"])}: ${String(value["message"])}`);
  return printable(JSON.stringify(value) ?? "null");
}

function quotedText(text: string): string {
  return printable(JSON.stringify(text));
}

// Control characters of both ranges, line separators, and marks that turn the direction of writing.
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

function printable(text: string): string {
  return text.replace(unprintable, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

const textLengthMax = 2048;
const entriesMax = 32;
const depthMax = 4;
const stackFramesMax = 16;
/** Characters and values of one line's fields together. */
const roomMax = 16 * 1024;

function clipped(text: string): string {
  return text.length > textLengthMax ? `${text.slice(0, textLengthMax - 1)}…` : text;
}

function plainFields(layers: readonly LogFields[]): Map<string, unknown> {
  const copy = new PlainCopy();
  const fields = new Map<string, unknown>();
  for (const layer of layers) {
    for (const name of Object.keys(layer).slice(0, entriesMax)) {
      const value = copy.of(() => layer[name], depthMax, []);
      if (value !== undefined) fields.set(clipped(name), value);
    }
  }
  return fields;
}

/** Copies values into what JSON can always write, bounded in depth, width, length and all together. */
class PlainCopy {
  #room = roomMax;

  /** `get` may throw. `above` is the way here, to see a cycle. */
  of(get: () => unknown, depth: number, above: readonly object[]): unknown {
    if (this.#room <= 0) return "[cut]";
    this.#room -= 1;
    try {
      const value = get();
      switch (typeof value) {
        case "number":
          return Number.isFinite(value) ? value : String(value);
        case "boolean":
        case "undefined":
          return value;
        case "object":
          return value === null ? null : this.#object(value, depth, above);
        case "function":
          return this.#text(`[function ${value.name}]`);
        default:
          return this.#text(String(value));
      }
    } catch {
      return "[threw]";
    }
  }

  #text(text: string): string {
    this.#room -= Math.min(text.length, textLengthMax);
    return clipped(text);
  }

  #object(value: object, depth: number, above: readonly object[]): unknown {
    if (above.includes(value)) return "[cycle]";
    if (value instanceof Error) return this.#error(value);
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? "[invalid date]" : value.toISOString();
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
    if (depth === 0) return Array.isArray(value) ? "[list]" : "[object]";
    const path = [...above, value];
    if (Array.isArray(value)) {
      const items = value.slice(0, entriesMax).map((_, i) => this.of(() => value[i], depth - 1, path) ?? null);
      return value.length > entriesMax ? [...items, `[${value.length - entriesMax} more]`] : items;
    }
    const copy: Record<string, unknown> = Object.create(null);
    for (const name of Object.keys(value).slice(0, entriesMax)) {
      copy[this.#text(name)] = this.of(() => (value as Record<string, unknown>)[name], depth - 1, path);
    }
    return copy;
  }

  #error(error: Error): unknown {
    const part = (get: () => unknown): string | undefined => {
      const value = this.of(get, 0, []);
      return value === undefined || typeof value === "string" ? value : JSON.stringify(value);
    };
    const frames = (part(() => error.stack?.slice(0, textLengthMax)) ?? "").split("\n").map((frame) => frame.trim());
    return {
      name: part(() => error.name),
      message: part(() => error.message),
      code: part(() => ("code" in error ? error.code : undefined)),
      stack: frames.filter((frame) => frame.startsWith("at ")).slice(0, stackFramesMax),
    };
  }
}

function isTrace(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((frame) => typeof frame === "string");
}
