// What a load test says: a line while it runs, and at the end a table for people or one JSON object.

import { paletteFor } from "../palette.ts";
import type { RequestWords } from "../request.ts";
import { tableText } from "../table.ts";
import { jsonText, printError, printOut, stdoutIsTerminal } from "../terminal.ts";
import type { BenchOptions } from "./bench-options.ts";
import type { Tally } from "./tally.ts";

export interface Run {
  readonly tally: Tally;
  readonly elapsedMs: number;
  /** What had come when the time was over; latencies are also those of what came after it. */
  readonly counted: { readonly answered: number; readonly items: number };
  /** Requests that never came back. */
  readonly unanswered: number;
  /** Of an open loop: requests sent, and those that were due and could not be. */
  readonly sent: number;
  readonly behind: number;
}

/** Redraws the line on standard error; without a tally, clears it. */
export function progressLine(tally: Tally | undefined, elapsedMs: number, durationMs: number): void {
  if (tally === undefined) return printError("\r\x1b[K");
  const latency = tally.percentiles;
  const times = latency === undefined ? "" : `  p50 ${inTime(latency.p50)}  p99 ${inTime(latency.p99)}`;
  const errors = tally.errorCount === 0 ? "" : `  ${grouped(tally.errorCount)} errors`;
  printError(
    `\r\x1b[K${(elapsedMs / 1000).toFixed(1)} of ${durationMs / 1000} s  ${grouped(perSecond(tally.answered, elapsedMs))}/s${times}${errors}`,
  );
}

export async function printReport(run: Run, words: RequestWords, options: BenchOptions): Promise<void> {
  const forPeople = options.json !== true && stdoutIsTerminal();
  await printOut(forPeople ? reportText(run, words, options) : `${jsonText(reportRecord(run, words, options), false)}\n`);
}

function reportRecord(run: Run, { agent, type }: RequestWords, options: BenchOptions): Record<string, unknown> {
  const { tally, elapsedMs, counted } = run;
  const { connections, inFlight, dialect, msgpack, push, rate } = options;
  const mode = modeOf(options);
  return {
    mode,
    ...(push === undefined ? { agent, message_type: type } : { message_type: push }),
    dialect,
    format: msgpack === true ? "msgpack" : "json",
    connections,
    ...(push === undefined ? { in_flight: inFlight } : {}),
    ...(rate === undefined ? {} : { rate, sent: run.sent, behind: run.behind }),
    duration_ms: Math.round(elapsedMs),
    answered: counted.answered,
    per_second: perSecond(counted.answered, elapsedMs),
    ...(mode === "stream" ? { items: counted.items, items_per_second: perSecond(counted.items, elapsedMs) } : {}),
    ...(mode === "push" ? { dropped: tally.dropped } : { unanswered: run.unanswered }),
    errors: Object.fromEntries(tally.errors),
    latency_us: tally.percentiles ?? null,
  };
}

function reportText(run: Run, { agent, type }: RequestWords, options: BenchOptions): string {
  const { tally, elapsedMs, counted } = run;
  const { connections, inFlight, dialect, msgpack, push, rate } = options;
  const { bold, dim, red, yellow } = paletteFor(true);
  const mode = modeOf(options);
  const what = push === undefined ? `${agent} ${type}` : push;
  const load = push === undefined ? `${connections} × ${inFlight} in flight` : `${connections} subscribers`;
  const loop = rate === undefined ? "" : `, ${grouped(rate)}/s wanted`;
  const rows: string[][] = [
    [
      dim(nouns[mode]),
      bold(`${grouped(perSecond(counted.answered, elapsedMs))}/s`),
      dim(`${grouped(counted.answered)} in ${(elapsedMs / 1000).toFixed(1)} s`),
    ],
  ];
  if (mode === "stream") rows.push([dim("items"), bold(`${grouped(perSecond(counted.items, elapsedMs))}/s`), dim(grouped(counted.items))]);
  for (const [code, count] of tally.errors) rows.push([red(code), red(grouped(count)), ""]);
  if (run.unanswered > 0) rows.push([yellow("unanswered"), yellow(grouped(run.unanswered)), ""]);
  if (run.behind > 0) rows.push([yellow("behind"), yellow(grouped(run.behind)), dim("were due and never sent: the rate is too high")]);
  if (tally.dropped > 0) rows.push([yellow("dropped"), yellow(grouped(tally.dropped)), ""]);
  const latency = tally.percentiles;
  if (latency !== undefined) {
    for (const [name, value] of Object.entries(latency)) rows.push([dim(name === "p999" ? "p99.9" : name), inTime(value), ""]);
  }
  return `${bold(what)}  ${dim(`${load}${loop}, ${dialect}, ${msgpack === true ? "MessagePack" : "JSON"}`)}\n\n${tableText(rows, { numbers: [1] })}`;
}

const nouns = { closed: "requests", open: "requests", stream: "streams", push: "pushes" } as const;

function modeOf({ push, stream, rate }: BenchOptions): keyof typeof nouns {
  if (push !== undefined) return "push";
  return stream === true ? "stream" : rate === undefined ? "closed" : "open";
}

function perSecond(count: number, ms: number): number {
  return ms === 0 ? 0 : Math.round((count / ms) * 1000);
}

function grouped(count: number): string {
  return count.toLocaleString("en-US");
}

function inTime(us: number): string {
  return us < 1000 ? `${us} µs` : us < 1e6 ? `${(us / 1000).toFixed(2)} ms` : `${(us / 1e6).toFixed(2)} s`;
}
