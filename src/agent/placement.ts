// Where an agent runs: beside all others, on a thread of its own, or on several that share its messages.

export interface WorkerOptions {
  /** A handler that holds its thread longer than this, in milliseconds, is ended with it, as if the agent had crashed. Default 5,000; Infinity: never. */
  readonly stuckMs?: number;
  /** A thread whose heap is found larger than this many bytes is ended likewise. Default: no limit. */
  readonly heapBytesMax?: number;
}

/** Which member of a pool gets a message. A message is never taken from one member and given to another. */
export type Route =
  /** One after the other. */
  | { readonly kind: "roundRobin" }
  /** The one with the fewest messages that wait or are worked on. */
  | { readonly kind: "leastLoaded" }
  /** Always the same one for the same key, so that messages of one key keep their order. */
  | { readonly kind: "byKey"; readonly keyOf: (payload: unknown, type: string) => string | number };

export interface PoolOptions extends WorkerOptions {
  /** How many threads, from 1. */
  readonly size: number;
  /** Default: leastLoaded. */
  readonly route?: Route;
}

export interface Placement {
  readonly kind: "worker" | "pool";
  readonly size: number;
  readonly route: Route;
  readonly stuckMs: number;
  readonly heapBytesMax: number;
}

export const roundRobin: Route = { kind: "roundRobin" };
export const leastLoaded: Route = { kind: "leastLoaded" };

/** `keyOf` is called with each payload and the name of its type, on the thread that sends. */
export function byKey<Payload = unknown>(keyOf: (payload: Payload, type: string) => string | number): Route {
  return { kind: "byKey", keyOf: keyOf as (payload: unknown, type: string) => string | number };
}

/** For `runOn`: as many threads as `size` says, each with a model of its own. Throws a RangeError for a size or limit that is none. */
export function pool({ size, route = leastLoaded, ...options }: PoolOptions): Placement {
  if (!Number.isInteger(size) || size < 1) throw new RangeError(`Cannot make a pool of ${size} threads`);
  return { ...onWorker(options), kind: "pool", size, route };
}

/** Whether an agent can go on in its place with the other's code. */
export function isSamePlace(one: { readonly placement: Placement | undefined }, other: { readonly placement: Placement | undefined }): boolean {
  return one.placement?.kind === other.placement?.kind;
}

export function onWorker({ stuckMs = 5000, heapBytesMax = Infinity }: WorkerOptions = {}): Placement {
  for (const [name, value] of Object.entries({ stuckMs, heapBytesMax })) {
    if (Number.isNaN(value) || value <= 0) throw new RangeError(`Cannot run on a worker with ${name} ${value}: it must be a number above 0`);
  }
  return { kind: "worker", size: 1, route: roundRobin, stuckMs, heapBytesMax };
}
