// `acton subscribe`: what is broadcast, one line each, as it comes. What was lost on the way is said on standard error.

import { after, SystemClock } from "../clock.ts";
import { ActonError, failureText } from "../errors.ts";
import type { Client } from "../ipc/client/client.ts";
import type { Push } from "../ipc/client/push-stream.ts";
import { CommandError, exitCodeOf, exitCodes } from "./exit-codes.ts";
import { interruption } from "./interrupt.ts";
import { type ClientOptions, openClient } from "./open-client.ts";
import { type Palette, paintedJson, paletteFor } from "./palette.ts";
import { programName } from "./program-name.ts";
import { didYouMean, discoveryOf } from "./request.ts";
import { jsonText, LineOutput, printError, stderrIsTerminal, stdoutIsTerminal } from "./terminal.ts";

export interface SubscribeOptions extends ClientOptions {
  /** Milliseconds to listen for; undefined is no limit. */
  readonly timeout?: number | undefined;
  /** Pushes after which to leave. */
  readonly count?: number | undefined;
  readonly json?: boolean | undefined;
}

export async function subscribe(types: readonly string[], options: SubscribeOptions): Promise<void> {
  const signal = interruption();
  const client = await openClient(options, { keepAlive: true });
  const wanted = withoutCovered(types);
  const reader = new Reader(options, () => client.close());
  signal.addEventListener("abort", () => client.close());
  try {
    await Promise.all(wanted.map((type) => listen(client, type, reader, wanted)));
  } finally {
    client.close();
  }
  const { count, timeout } = options;
  if (reader.timeIsUp && count !== undefined) {
    throw new CommandError(exitCodes.timeout, `Timeout: ${reader.taken} of ${count} pushes came within ${timeout} ms`);
  }
}

async function listen(client: Client, type: string, reader: Reader, all: readonly string[]): Promise<void> {
  const pushes = client.subscribe(type);
  try {
    await pushes.ready;
    reader.subscribed(all);
    for await (const push of pushes) {
      if (!(await reader.take(push))) return;
    }
  } catch (thrown) {
    throw await explained(thrown, type, client);
  }
}

async function explained(thrown: unknown, type: string, client: Client): Promise<unknown> {
  if (!(thrown instanceof ActonError) || thrown.code !== "UNKNOWN_MESSAGE_TYPE") return thrown;
  const known = (await discoveryOf(client))?.messageTypes ?? [];
  return new CommandError(exitCodeOf(thrown), `${failureText(thrown)}${didYouMean(type, known, "")}`, { cause: thrown });
}

// A push is one line, however many of the names match it.
function withoutCovered(types: readonly string[]): readonly string[] {
  const distinct = [...new Set(types)];
  const covers = (pattern: string, name: string): boolean => pattern !== name && pattern.endsWith("*") && name.startsWith(pattern.slice(0, -1));
  return distinct.filter((name) => !distinct.some((other) => covers(other, name)));
}

class Reader {
  taken = 0;
  timeIsUp = false;
  readonly #output = new LineOutput();
  readonly #options: SubscribeOptions;
  readonly #done: () => void;
  readonly #palette: Palette;
  readonly #forPeople: boolean;
  #waitingFor = 0;
  // Lines are written one at a time, whichever subscription they come from.
  #last: Promise<boolean> = Promise.resolve(true);

  constructor(options: SubscribeOptions, done: () => void) {
    this.#options = options;
    this.#done = done;
    this.#forPeople = options.json !== true && stdoutIsTerminal();
    this.#palette = paletteFor(this.#forPeople);
  }

  /** The server has taken one of `all`. Time counts from the last of them. */
  subscribed(all: readonly string[]): void {
    this.#waitingFor += 1;
    if (this.#waitingFor < all.length) return;
    if (this.#forPeople && stderrIsTerminal()) printError(`subscribed to ${all.join(", ")}; Ctrl-C ends\n`);
    const { timeout } = this.#options;
    if (timeout === undefined) return;
    after(new SystemClock(), timeout, () => {
      this.timeIsUp = this.taken < (this.#options.count ?? Infinity);
      this.#done();
    });
  }

  /** False when there is nothing more to wait for. */
  take(push: Push): Promise<boolean> {
    this.#last = this.#last.then((more) => more && this.#write(push));
    return this.#last;
  }

  async #write(push: Push): Promise<boolean> {
    if (push.dropped > 0) printError(`${programName}: ${push.dropped} pushes were lost before this one: it comes faster than it is read\n`);
    this.taken += 1;
    const heard = await this.#output.write(this.#forPeople ? this.#line(push) : jsonText(pushRecord(push), false));
    const more = heard && this.taken < (this.#options.count ?? Infinity);
    if (!more) this.#done();
    return more;
  }

  #line({ type, payload, timestamp, source }: Push): string {
    const { dim, bold } = this.#palette;
    const time = new Date(timestamp).toTimeString().slice(0, 8);
    return `${dim(time)}  ${bold(type)}  ${paintedJson(jsonText(payload, false), this.#palette)}${source === undefined ? "" : dim(`  ${source}`)}`;
  }
}

function pushRecord({ type, payload, timestamp, source, seq, dropped }: Push): Record<string, unknown> {
  return { type, payload, timestamp, ...(source === undefined ? {} : { source }), seq, ...(dropped === 0 ? {} : { dropped }) };
}
