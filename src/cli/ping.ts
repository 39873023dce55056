// `acton ping`: the round trip to the server, once or often.

import { SystemClock } from "../clock.ts";
import { interruption } from "./interrupt.ts";
import { type ClientOptions, openClient } from "./open-client.ts";
import { paletteFor } from "./palette.ts";
import { pause, unlessAborted } from "./pause.ts";
import { jsonText, LineOutput, printError, stdoutIsTerminal } from "./terminal.ts";
import { waiting } from "./waiting.ts";

export interface PingOptions extends ClientOptions {
  readonly count: number;
  /** Milliseconds between two pings. */
  readonly interval: number;
  readonly timeout: number;
  readonly json?: boolean | undefined;
}

export async function ping(options: PingOptions): Promise<void> {
  const { count, interval, timeout } = options;
  const forPeople = options.json !== true && stdoutIsTerminal();
  const client = await openClient(options, { keepAlive: true });
  const signal = count > 1 ? interruption() : new AbortController().signal;
  const clock = new SystemClock();
  const output = new LineOutput();
  const { bold, dim } = paletteFor(forPeople);
  const times: number[] = [];
  while (!signal.aborted) {
    const ms = await waiting("waiting for the server", unlessAborted(signal, client.ping({ timeoutMs: timeout, signal })));
    if (ms === undefined) break;
    times.push(ms);
    const line = forPeople ? `${dim(`${times.length}`)} ${bold(inMs(ms))}` : jsonText({ seq: times.length, ms: Number(ms.toFixed(3)) }, false);
    if (!(await output.write(line)) || times.length >= count) break;
    await pause(clock, interval, signal);
  }
  client.close();
  if (times.length > 1 && forPeople) printError(`${summary(times)}\n`);
}

function summary(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const middle = sorted[sorted.length >> 1] ?? 0;
  return `${times.length} round trips: least ${inMs(sorted[0] ?? 0)}, median ${inMs(middle)}, most ${inMs(sorted.at(-1) ?? 0)}`;
}

function inMs(ms: number): string {
  return `${ms.toFixed(ms < 10 ? 3 : 1)} ms`;
}
