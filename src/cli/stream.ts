// `acton stream`: the items that an agent yields, one line each, as they come.

import type { ClientOptions } from "./open-client.ts";
import { interruption } from "./interrupt.ts";
import { paintedJson, paletteFor } from "./palette.ts";
import { Request, type RequestWords } from "./request.ts";
import { jsonText, LineOutput, stdoutIsTerminal } from "./terminal.ts";
import { waiting } from "./waiting.ts";

export interface StreamOptions extends ClientOptions {
  /** Milliseconds for the whole stream; undefined is no limit. */
  readonly timeout?: number | undefined;
  /** Items after which to leave. */
  readonly count?: number | undefined;
  readonly json?: boolean | undefined;
}

export async function stream(words: RequestWords, options: StreamOptions): Promise<void> {
  const signal = interruption();
  const request = await Request.open(words, options);
  const { client, agent, type, payload } = request;
  const items = client.stream(agent, type, payload, { timeoutMs: options.timeout ?? Infinity });
  signal.addEventListener("abort", () => void items.return?.(undefined));
  try {
    await print(items, agent, options);
  } catch (thrown) {
    throw await request.explained(thrown);
  }
  client.close();
}

// A value that the stream ends with is its last line.
async function print(items: AsyncIterator<unknown, unknown>, agent: string, { count = Infinity, json }: StreamOptions): Promise<void> {
  const output = new LineOutput();
  const palette = paletteFor(json !== true && stdoutIsTerminal());
  const coloured = json !== true && stdoutIsTerminal();
  for (let taken = 0; taken < count; taken++) {
    const { done, value } = taken === 0 ? await waiting(`waiting for ${agent}`, items.next()) : await items.next();
    if (done === true && value === undefined) return;
    const line = jsonText(value, false);
    const heard = await output.write(coloured ? paintedJson(line, palette) : line);
    if (done === true) return;
    if (!heard) break;
  }
  await items.return?.(undefined);
}
