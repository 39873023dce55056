// `acton stats`: the listener's figures, once or each second.

import { SystemClock } from "../clock.ts";
import type { Client } from "../ipc/client/client.ts";
import { isRecord } from "../record.ts";
import { interruption } from "./interrupt.ts";
import { type ClientOptions, openClient } from "./open-client.ts";
import { type Palette, paletteFor } from "./palette.ts";
import { pause, unlessAborted } from "./pause.ts";
import { tableText } from "./table.ts";
import { jsonText, LineOutput, printOut, stdoutIsTerminal } from "./terminal.ts";
import { waiting } from "./waiting.ts";

export interface StatsOptions extends ClientOptions {
  readonly watch?: boolean | undefined;
  /** Milliseconds between two looks. */
  readonly interval: number;
  /** Looks after which to leave. */
  readonly count?: number | undefined;
  readonly timeout: number;
  readonly json?: boolean | undefined;
}

type Figures = Readonly<Record<string, unknown>>;

export async function stats(options: StatsOptions): Promise<void> {
  const forPeople = options.json !== true && stdoutIsTerminal();
  const client = await openClient(options, { keepAlive: true });
  if (options.watch === true) {
    await watch(client, options, forPeople);
  } else {
    const figures = await waiting("waiting for the server", client.stats({ timeoutMs: options.timeout }));
    await printOut(forPeople ? figuresTable(figures, undefined, paletteFor(true)) : `${jsonText(figures, false)}\n`);
  }
  client.close();
}

const home = "\x1b[H";
const clearScreen = "\x1b[2J";
const clearBelow = "\x1b[J";
const clearRest = "\x1b[K";

async function watch(client: Client, options: StatsOptions, forPeople: boolean): Promise<void> {
  const signal = interruption();
  const clock = new SystemClock();
  const output = new LineOutput();
  let before: { readonly figures: Figures; readonly at: number } | undefined;
  for (let looks = 1; !signal.aborted; looks++) {
    const figures = await unlessAborted(signal, client.stats({ timeoutMs: options.timeout, signal }));
    if (figures === undefined) return;
    const at = clock.monotonic();
    if (forPeople) {
      const rates = before === undefined ? new Map<string, number>() : ratesOf(before.figures, figures, (at - before.at) / 1000);
      const text = figuresTable(figures, rates, paletteFor(true)).replaceAll("\n", `${clearRest}\n`);
      await printOut(`${before === undefined ? clearScreen : ""}${home}${text}${clearBelow}`);
    } else if (!(await output.write(jsonText(figures, false)))) return;
    before = { figures, at };
    if (looks >= (options.count ?? Infinity)) return;
    await pause(clock, options.interval, signal);
  }
}

/** What went up since the last look, by the second. */
function ratesOf(before: Figures, now: Figures, seconds: number): ReadonlyMap<string, number> {
  const counters = Object.entries(now).flatMap(([name, value]) => {
    const earlier = before[name];
    return isCounter(name) && typeof value === "number" && typeof earlier === "number" ? [[name, (value - earlier) / seconds] as const] : [];
  });
  return new Map(counters);
}

function isCounter(name: string): boolean {
  return /_(?:accepted|refused|idle|slow|received|sent|processed|dropped|withheld|denied|limit|paused|unfinished)$|^errors$|^lags$/.test(name);
}

/** `rates` adds a column, which is empty until there is something to compare with. */
function figuresTable(figures: Figures, rates: ReadonlyMap<string, number> | undefined, { dim, yellow }: Palette): string {
  const rows = Object.entries(figures).flatMap(([name, value]) => {
    const rate = rates?.get(name);
    const paint = /dropped|errors|refused|denied|limit|slow|lag/.test(name) && value !== 0 ? yellow : (text: string): string => text;
    if (isRecord(value)) return Object.entries(value).map(([key, count]) => [dim(`  ${key}`), yellow(shown(count)), ""]);
    return [[name.replaceAll("_", " "), paint(shown(value)), rate === undefined ? "" : dim(`${shown(Math.round(rate))}/s`)]];
  });
  return tableText(rows, { numbers: [1, 2] });
}

function shown(value: unknown): string {
  return typeof value === "number" ? value.toLocaleString("en-US") : typeof value === "boolean" ? (value ? "yes" : "no") : String(value);
}
