// What `call`, `send` and `stream` have in common: the payload typed by what the server says of its types, and failures that
// name what was probably meant. All on the connection of the request itself.

import { ActonError, failureText } from "../errors.ts";
import type { Client } from "../ipc/client/client.ts";
import type { DiscoveredType, Discovery } from "../ipc/client/discovery.ts";
import { nearestName } from "../nearest-name.ts";
import { CommandError, exitCodeOf } from "./exit-codes.ts";
import { openClient, type ClientOptions } from "./open-client.ts";
import { readPayload } from "./payload.ts";
import { typedPayload } from "./typed-payload.ts";

export interface RequestWords {
  readonly agent: string;
  readonly type: string;
  readonly payload: readonly string[];
}

export class Request {
  readonly client: Client;
  readonly agent: string;
  readonly type: string;
  readonly payload: unknown;
  readonly #discovery: Discovery | undefined;

  private constructor(client: Client, words: RequestWords, payload: unknown, discovery: Discovery | undefined) {
    this.client = client;
    this.agent = words.agent;
    this.type = words.type;
    this.payload = payload;
    this.#discovery = discovery;
  }

  /** Reads the payload, connects, and types it: pairs need the schema, JSON does not. */
  static async open(words: RequestWords, options: ClientOptions): Promise<Request> {
    const written = await readPayload(words.payload);
    const client = await openClient(options);
    if ("whole" in written) return new Request(client, words, written.whole, undefined);
    const discovery = await discoveryOf(client);
    return new Request(client, words, typedPayload(written.pairs, words.type, discovery?.schemas[words.type]), discovery);
  }

  /** What the server says of the message type, as far as it was asked. */
  get described(): DiscoveredType | undefined {
    return this.#discovery?.schemas[this.type];
  }

  /** The failure, with the nearest name when it is about one that the server does not have. */
  async explained(thrown: unknown): Promise<unknown> {
    if (!(thrown instanceof ActonError) || !["ACTOR_NOT_FOUND", "UNKNOWN_MESSAGE_TYPE", "UNHANDLED"].includes(thrown.code)) return thrown;
    const discovery = this.#discovery ?? (await discoveryOf(this.client));
    const hint = discovery === undefined ? "" : hintFor(thrown, this, discovery);
    return hint === "" ? thrown : new CommandError(exitCodeOf(thrown), `${failureText(thrown)}${hint}`, { cause: thrown });
  }
}

const discoveryMs = 2000;

/** What the server offers; undefined when it does not say: a policy may refuse it, and other servers may not know the question. */
export async function discoveryOf(client: Client): Promise<Discovery | undefined> {
  try {
    return await client.discover({ timeoutMs: discoveryMs });
  } catch (thrown) {
    if (thrown instanceof ActonError && thrown.code === "CONNECTION_CLOSED") throw thrown;
    return undefined;
  }
}

function hintFor(error: ActonError, { agent, type }: { readonly agent: string; readonly type: string }, discovery: Discovery): string {
  const names = discovery.agents.map(({ name }) => name);
  if (error.code === "ACTOR_NOT_FOUND") return names.includes(agent) ? "" : didYouMean(agent, names, "there are");
  const handled = discovery.agents.find(({ name }) => name === agent)?.handles ?? [];
  const near = nearestName(type, handled);
  if (near !== undefined && near !== type) return `, did you mean ${near}?`;
  const handlers = discovery.agents.filter(({ handles }) => handles.includes(type)).map(({ name }) => name);
  if (handlers.length > 0) return `; ${handlers.join(" and ")} would take it`;
  return didYouMean(type, discovery.messageTypes, handled.length === 0 ? "" : `${agent} takes`, handled);
}

const namesShownMax = 8;

/** `, did you mean x?`, else what there is, if that is not too much. */
export function didYouMean(name: string, known: readonly string[], there: string, shown: readonly string[] = known): string {
  const begun = known.filter((each) => each.startsWith(name));
  const near = nearestName(name, known) ?? (begun.length === 1 ? begun[0] : undefined);
  if (near !== undefined) return `, did you mean ${near}?`;
  return there === "" || shown.length === 0 || shown.length > namesShownMax ? "" : `; ${there} ${shown.join(", ")}`;
}
