// What all connections of one listener share.

import type { AskChains } from "../../agent/ask-chains.ts";
import type { Broker } from "../../broker/broker.ts";
import type { Publication } from "../../broker/publication.ts";
import type { Clock } from "../../clock.ts";
import type { IpcConfig } from "../../config.ts";
import type { Log } from "../../log.ts";
import type { Names } from "../../runtime/names.ts";
import type { Scheduler } from "../../scheduler.ts";
import type { BufferPool } from "../wire/buffer-pool.ts";
import type { CodecLimits } from "../wire/codec.ts";
import type { EncodedPayload } from "../wire/packet.ts";
import type { Capacity } from "./capacity.ts";
import type { ListenerCounters, ListenerStats } from "./listener-stats.ts";
import type { Policy } from "./policy.ts";
import type { TypeRegistry } from "./type-registry.ts";

/** Name and version of something that clients may want to know. */
export interface Release {
  readonly name: string;
  readonly version: string;
}

/** A broadcast's payload, which many connections may get. */
export interface SharedPayload extends EncodedPayload {
  /** Of its JSON. */
  bytes(): number;
}

export interface ServerContext {
  readonly config: IpcConfig;
  readonly codecLimits: CodecLimits;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly log: Log;
  readonly names: Names;
  readonly types: TypeRegistry;
  readonly broker: Broker;
  readonly askChains: AskChains;
  /** The user that the server runs as. */
  readonly uid: number;
  readonly policy: Policy | undefined;
  readonly product: Release;
  readonly application: Release;
  readonly counters: ListenerCounters;
  /** Spare buffers for what goes out. */
  readonly buffers: BufferPool;
  /** Requests in flight, all connections together. */
  readonly inFlight: Capacity;
  /** Bytes of their frames, of open streams' and of messages that are not handled yet, all connections together. */
  readonly inFlightBytes: Capacity;
  /** Bytes of unfinished frames, all connections together. */
  readonly unfinished: Capacity;
  /** New requests are refused; what runs is answered. */
  readonly draining: boolean;
  stats(): ListenerStats;
  nextPushNumber(): number;
  /** The publication's payload, encoded at most once however many connections it goes to. */
  payloadOf(publication: Publication): SharedPayload;
}
