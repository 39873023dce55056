// Runs agents of a fixture module, in place or on threads, and waits for what becomes of them.

import { join } from "node:path";
import { ActonApp, ActonError, type LaunchOptions, type MessageType } from "acton";
import { type LogLine, recordingLog } from "../support/system.ts";

const deadlineMs = 20_000;

export interface Stage extends AsyncDisposable {
  readonly runtime: ActonApp;
  readonly lines: LogLine[];
}

/** A runtime whose threads import the module of this name in this directory. */
export function stage(module: string, options: LaunchOptions = {}): Stage {
  const lines: LogLine[] = [];
  const runtime = ActonApp.launch({ log: recordingLog(lines), module: join(import.meta.dir, module), ...options });
  return { runtime, lines, [Symbol.asyncDispose]: () => runtime[Symbol.asyncDispose]() };
}

/** Resolves when the condition holds, looked at every few milliseconds: what another thread does takes time. */
export async function until(holds: () => boolean | Promise<boolean>, what = "the condition"): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`${what} did not come true`);
    await passing(5);
  }
}

export function passing(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** What became of a call, as something to compare. */
export async function outcomeOf(call: Promise<unknown>): Promise<unknown> {
  try {
    return { value: await call };
  } catch (error) {
    if (!(error instanceof ActonError)) return { thrown: String(error) };
    const { code, message, ran, details, retryAfterMs } = error;
    return { code, message, ran, details, retryAfterMs };
  }
}

export function outcomesOf(calls: readonly Promise<unknown>[]): Promise<unknown[]> {
  return Promise.all(calls.map(outcomeOf));
}

/** Everything of a stream: its items, and what it ended with. */
export async function read(stream: AsyncGenerator<unknown, unknown, void>): Promise<unknown> {
  const items: unknown[] = [];
  for (;;) {
    try {
      const step = await stream.next();
      if (step.done === true) return { items, value: step.value };
      items.push(step.value);
    } catch (error) {
      return { items, ...((await outcomeOf(Promise.reject(error))) as object) };
    }
  }
}

/** What has been broadcast of a type, from now on. */
export function heard<T extends MessageType>({ runtime }: Stage, type: T): { readonly payload: unknown; readonly source: string | undefined }[] {
  const all: { payload: unknown; source: string | undefined }[] = [];
  runtime.broker().subscribe(type, (payload, { source }) => void all.push({ payload, source }));
  return all;
}
