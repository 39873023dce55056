// An agent system whose time stands still until a test advances it, and whose log lines can be read.

import { ManualClock } from "../../src/clock.ts";
import { resolveRuntimeConfig, type RuntimeConfigInput } from "../../src/config.ts";
import { ActonError } from "../../src/errors.ts";
import type { Log, LogFields, LogLevel } from "../../src/log.ts";
import { seededRandom } from "../../src/random.ts";
import { AgentSystem } from "../../src/runtime/agent-system.ts";
import { TurnScheduler } from "../../src/scheduler.ts";

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

export interface TestSystem {
  readonly clock: ManualClock;
  readonly system: AgentSystem;
  readonly lines: LogLine[];
}

export function testSystem(limits: RuntimeConfigInput = {}, options: { readonly validateLocal?: boolean } = {}): TestSystem {
  const clock = new ManualClock();
  const lines: LogLine[] = [];
  const seams = { clock, random: seededRandom(1), scheduler: new TurnScheduler(clock), log: recordingLog(lines) };
  const system = new AgentSystem(seams, { limits: resolveRuntimeConfig(limits), validateLocal: options.validateLocal ?? false });
  return { clock, system, lines };
}

export function recordingLog(lines: LogLine[], carried: LogFields = {}): Log {
  const at =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      lines.push({ level, message, fields: { ...carried, ...fields } });
    };
  return {
    debugOn: true,
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (fields) => recordingLog(lines, { ...carried, ...fields }),
  };
}

/** Lets everything that is ready run: the event loop has that many turns. */
export async function turns(count = 8): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** A promise that a test settles itself, and whether anybody has come to wait for it. */
export class Latch<Value = void> {
  readonly #deferred = Promise.withResolvers<Value>();
  waiting = 0;

  wait(): Promise<Value> {
    this.waiting += 1;
    return this.#deferred.promise;
  }

  open(value: Value): void {
    this.#deferred.resolve(value);
  }

  fail(error: unknown): void {
    this.#deferred.reject(error);
  }
}

/** What became of a promise so far, without waiting for it longer than a few turns: a value, `code`, or "pending". */
export async function outcome(promise: Promise<unknown>): Promise<unknown> {
  let state: unknown = "pending";
  promise.then(
    (value) => {
      state = { value };
    },
    (error: unknown) => {
      state = error instanceof ActonError ? error.code : error;
    },
  );
  await turns();
  return state;
}

/** The code that a call fails with; throws when it does not fail with an ActonError. */
export async function failure(promise: Promise<unknown>): Promise<ActonError> {
  const [settled] = await Promise.allSettled([promise]);
  if (settled.status === "fulfilled") throw new Error(`Expected a failure, but it resolved to ${JSON.stringify(settled.value)}`);
  if (!(settled.reason instanceof ActonError)) throw settled.reason;
  return settled.reason;
}
