// `acton send`: one message, and the word that it is in the agent's mailbox.

import type { ClientOptions } from "./open-client.ts";
import { printReply } from "./reply.ts";
import { Request, type RequestWords } from "./request.ts";
import { waiting } from "./waiting.ts";

export interface SendOptions extends ClientOptions {
  /** Milliseconds. */
  readonly timeout: number;
  readonly json?: boolean | undefined;
}

export async function send(words: RequestWords, options: SendOptions): Promise<void> {
  const request = await Request.open(words, options);
  const { client, agent, type, payload } = request;
  try {
    await waiting(`waiting for ${agent}`, client.send(agent, type, payload, { timeoutMs: options.timeout }));
  } catch (thrown) {
    throw await request.explained(thrown);
  }
  client.close();
  await printReply({ status: "delivered" }, options.json === true);
}
