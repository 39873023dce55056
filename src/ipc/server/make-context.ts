// Makes what all connections of one listener share.

import type { Publication } from "../../broker/publication.ts";
import { BufferPool } from "../wire/buffer-pool.ts";
import { encodeJson } from "../wire/json.ts";
import { Capacity } from "./capacity.ts";
import { ListenerCounters, type ListenerStats } from "./listener-stats.ts";
import type { ServerContext, SharedPayload } from "./server-context.ts";

type Given = "config" | "clock" | "scheduler" | "log" | "names" | "types" | "broker" | "askChains" | "uid" | "policy" | "product" | "application";

export interface ListenerState {
  isDraining(): boolean;
  stats(): ListenerStats;
}

export function makeContext(parts: Pick<ServerContext, Given>, state: ListenerState): ServerContext {
  const { config } = parts;
  let pushNumber = 0;
  let last: { readonly publication: Publication; readonly payload: SharedPayload } | undefined;
  return {
    ...parts,
    codecLimits: { depth: config.depthMax, tokens: config.tokensMax },
    counters: new ListenerCounters(),
    buffers: new BufferPool(),
    inFlight: new Capacity(config.inFlightTotalMax),
    // Each connection may have one message in flight, whatever the others hold.
    inFlightBytes: new Capacity(config.inFlightBytesMax, (config.maxConnections - 1) * config.maxMessageSize),
    unfinished: new Capacity(config.unfinishedBytesMax),
    get draining() {
      return state.isDraining();
    },
    stats: () => state.stats(),
    nextPushNumber: () => (pushNumber += 1),
    // A broadcast visits its subscribers one after the other, so remembering the last one is enough.
    payloadOf(publication) {
      if (last?.publication !== publication) last = { publication, payload: encodedOnce(publication.payload) };
      return last.payload;
    },
  };
}

function encodedOnce(value: unknown): SharedPayload {
  let text: string | undefined;
  let bytes: number | undefined;
  const json = (): string => (text ??= encodeJson(value));
  return { value, json, bytes: () => (bytes ??= Buffer.byteLength(json())) };
}
