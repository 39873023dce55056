// `acton call`: one request to one agent, and its reply as JSON.

import { printReply } from "./reply.ts";
import type { ClientOptions } from "./open-client.ts";
import { Request, type RequestWords } from "./request.ts";
import { programName } from "./program-name.ts";
import { printError, stderrIsTerminal } from "./terminal.ts";
import { waiting } from "./waiting.ts";

export interface CallOptions extends ClientOptions {
  /** Milliseconds. */
  readonly timeout: number;
  readonly json?: boolean | undefined;
}

export async function call(words: RequestWords, options: CallOptions): Promise<void> {
  const request = await Request.open(words, options);
  const { client, agent, type, payload } = request;
  let reply: unknown;
  try {
    reply = await waiting(`waiting for ${agent}`, client.ask(agent, type, payload, { timeoutMs: options.timeout }));
  } catch (thrown) {
    throw await request.explained(thrown);
  }
  client.close();
  await printReply(reply, options.json === true);
  if (request.described?.kind === "stream" && stderrIsTerminal())
    printError(`${type} is answered by a stream, and this was its first item: see '${programName} stream'\n`);
}
