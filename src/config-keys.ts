// Every configuration key, once: default, bounds, unit, meaning. The types, the checks, the names in files and in the
// environment, `--print-config` and the test of docs/configuration.md all read these tables.

import { logLevels } from "./log-line.ts";

/** A whole number when `default` is a number, one of `choices` or a text of a `form` where there are any, else an absolute path. */
export interface ConfigKey {
  readonly default: number | string;
  readonly min?: number;
  readonly max?: number;
  readonly choices?: readonly string[];
  readonly form?: { readonly pattern: RegExp; readonly says: string };
  readonly unit: string;
  readonly about: string;
}

export type KeyTable = Readonly<Record<string, ConfigKey>>;

const durationMax = 2 ** 31 - 1;
const countMax = 1_000_000;
const byteCountMax = 2 ** 40;
const frameBytesMax = 2 ** 24 - 1;
const KiB = 1024;
const MiB = 1024 * KiB;
const octalMode = { pattern: /^0?[67][0-7]{2}$/, says: 'an octal mode in quotes that lets the server\'s own user connect, such as "0660"' };
const groupName = { pattern: /^[\w][\w.-]{0,63}$|^$/, says: "a group's name or number" };

// One row a key: the columns are the point.
// oxfmt-ignore
export const listenerKeys = {
  socketPath: { default: "/tmp/acton.sock", unit: "path", about: "Where the listener binds; at most 103 bytes" },
  socketMode: { default: "0600", form: octalMode, unit: "mode", about: "The socket's mode; wider than 0600 only with a policy that names users or groups" },
  socketGroup: { default: "", form: groupName, unit: "group", about: "The socket's group, by name or number; empty is the server's own" },
  maxConnections: { default: 100, min: 1, max: countMax, unit: "connections", about: "Connections at once; at most ¾ of the open-file limit" },
  connectionsPerUidMax: { default: 0, min: 0, max: countMax, unit: "connections", about: "Connections of one user at once; 0 is as many as max_connections" },
  connectionTimeoutMs: { default: 30_000, min: 0, max: durationMax, unit: "ms", about: "An idle connection is closed after this, an acton one after twice this; 0 is never" },
  subscriptionTimeoutMs: { default: 0, min: 0, max: durationMax, unit: "ms", about: "The same for a connection that holds subscriptions; 0 is never" },
  maxMessageSize: { default: MiB, min: 1, max: frameBytesMax, unit: "bytes", about: "The largest frame either way" },
  frameTimeoutMs: { default: 10_000, min: 1, max: durationMax, unit: "ms", about: "A frame that has begun must be whole within this" },
  unfinishedBytesMax: { default: 64 * MiB, min: 1, max: byteCountMax, unit: "bytes", about: "Unfinished frames of all connections together" },
  pushBufferSize: { default: 100, min: 1, max: countMax, unit: "pushes", about: "Pushes that wait per connection; the newest beyond are dropped and counted" },
  writeTimeoutMs: { default: 30_000, min: 1, max: durationMax, unit: "ms", about: "A connection whose peer reads nothing for this long is closed" },
  outgoingSoftBytes: { default: MiB, min: 1, max: byteCountMax, unit: "bytes", about: "With more waiting to go out a connection is not read and its streams pause" },
  outgoingHardBytes: { default: 8 * MiB, min: 1, max: byteCountMax, unit: "bytes", about: "With more waiting to go out a connection is closed" },
  inFlightMax: { default: 64, min: 1, max: countMax, unit: "requests", about: "Requests running at once per connection" },
  inFlightTotalMax: { default: 4096, min: 1, max: countMax, unit: "requests", about: "Requests running at once on all connections" },
  inFlightPerUidMax: { default: 0, min: 0, max: countMax, unit: "requests", about: "Requests of one user running at once; 0 is as many as in_flight_total_max" },
  inFlightBytesMax: { default: 64 * MiB, min: 1, max: byteCountMax, unit: "bytes", about: "Frames of requests that run, open streams and messages not handled yet, all connections together" },
  waitingBytesMax: { default: MiB, min: 1, max: byteCountMax, unit: "bytes", about: "Request frames that wait per connection before it is no longer read" },
  streamsMax: { default: 128, min: 1, max: countMax, unit: "streams", about: "Streams open at once per connection" },
  subscriptionsMax: { default: 128, min: 1, max: countMax, unit: "subscriptions", about: "Subscribed types per connection, and patterns (128 at most)" },
  depthMax: { default: 127, min: 1, max: 127, unit: "containers", about: "Nesting of a body, the envelope included" },
  tokensMax: { default: 100_000, min: 16, max: frameBytesMax, unit: "values", about: "Values and containers in one body" },
  requestTimeoutMs: { default: 30_000, min: 1, max: durationMax, unit: "ms", about: "A request that names no time of its own is answered within this" },
  drainTimeoutMs: { default: 5_000, min: 0, max: durationMax, unit: "ms", about: "How long a shutdown waits for what is running" },
  admissionTimeoutMs: { default: 60_000, min: 1, max: durationMax, unit: "ms", about: "The policy must have admitted a connection within this" },
  framesPerTurnMax: { default: 32, min: 1, max: countMax, unit: "frames", about: "Frames of one connection worked off before others have their turn" },
} as const satisfies KeyTable;

// oxfmt-ignore
export const rateLimitKeys = {
  requestsPerSecond: { default: 0, min: 0, max: countMax, unit: "requests/s", about: "Requests per second and connection; 0 is no limit" },
  burstSize: { default: 0, min: 0, max: countMax, unit: "requests", about: "Requests that may come at once; 0 is as many as requests_per_second" },
} as const satisfies KeyTable;

// oxfmt-ignore
export const runtimeKeys = {
  mailboxSize: { default: 1024, min: 1, max: countMax, unit: "messages", about: "Messages that wait per agent" },
  waitingSendersMax: { default: 1024, min: 0, max: countMax, unit: "senders", about: "Senders that wait for room in one full mailbox" },
  sendTimeoutMs: { default: 30_000, min: 0, max: durationMax, unit: "ms", about: "How long a sender waits for room" },
  askTimeoutMs: { default: 30_000, min: 0, max: durationMax, unit: "ms", about: "An ask that names no time of its own has its outcome within this" },
  stopTimeoutMs: { default: 10_000, min: 0, max: durationMax, unit: "ms", about: "An agent that has not stopped within this is forced to" },
  startTimeoutMs: { default: 10_000, min: 1, max: durationMax, unit: "ms", about: "A restart that has not come up within this has failed" },
  restartsMax: { default: 5, min: 0, max: countMax, unit: "restarts", about: "Restarts of one supervised child within the window; then it is given up" },
  restartWindowMs: { default: 60_000, min: 1, max: durationMax, unit: "ms", about: "The window in which a child's restarts are counted" },
  backoffMs: { default: 100, min: 0, max: durationMax, unit: "ms", about: "A first restart waits this long, each further one within the window twice as long" },
  backoffMaxMs: { default: 30_000, min: 0, max: durationMax, unit: "ms", about: "No restart waits longer" },
  readersMax: { default: 100, min: 1, max: countMax, unit: "handlers", about: "actOn handlers of one agent that run at once" },
  streamReaderTimeoutMs: { default: 1_000, min: 1, max: durationMax, unit: "ms", about: "A mutateOn stream whose reader keeps it waiting this long ends" },
  messagesPerTurnMax: { default: 64, min: 1, max: countMax, unit: "messages", about: "Messages of one agent worked off before others have their turn" },
  lagWarnMs: { default: 50, min: 0, max: durationMax, unit: "ms", about: "A handler that holds the event loop longer is logged and counted; 0 is never" },
  subscriberQueueSize: { default: 1024, min: 1, max: countMax, unit: "messages", about: "Broadcasts that wait per subscriber; more are lost and counted" },
} as const satisfies KeyTable;

// oxfmt-ignore
export const logKeys = {
  level: { default: "info", choices: logLevels, unit: "level", about: "The least severe lines that are written" },
  format: { default: "auto", choices: ["auto", "pretty", "json"], unit: "format", about: "auto is pretty on a terminal and JSON lines elsewhere" },
  queueSize: { default: 1024, min: 1, max: countMax, unit: "lines", about: "Lines that wait while the output is blocked; more are dropped and counted" },
} as const satisfies KeyTable;

// oxfmt-ignore
export const policyKeys = {
  default: { default: "allow", choices: ["allow", "deny"], unit: "verdict", about: "What holds where no rule applies; needed beside rules" },
} as const satisfies KeyTable;

/** The table that stands at the top of a file, then those that have a `[section]` of their own. */
export const keyTables = {
  "": listenerKeys,
  rateLimit: rateLimitKeys,
  runtime: runtimeKeys,
  log: logKeys,
  policy: policyKeys,
} as const satisfies Record<string, KeyTable>;

export type SectionName = keyof typeof keyTables;

/** One key under each of its names. */
export interface KeyEntry {
  readonly section: SectionName;
  /** As in code: `rateLimit.burstSize`. */
  readonly path: string;
  /** As in a file: `rate_limit.burst_size`. */
  readonly fileName: string;
  /** `ACTON_RATE_LIMIT_BURST_SIZE`. */
  readonly variable: string;
  readonly key: ConfigKey;
}

export const keyEntries: readonly KeyEntry[] = (Object.keys(keyTables) as SectionName[]).flatMap((section) => {
  const table: KeyTable = keyTables[section];
  return Object.keys(table).map((name) => {
    const path = section === "" ? name : `${section}.${name}`;
    const fileName = snakeCase(path);
    return { section, path, fileName, variable: `ACTON_${fileName.replace(".", "_").toUpperCase()}`, key: table[name] as ConfigKey };
  });
});

export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
