// A client's connection over time: the one there is, and with `reconnect` the next. Calls belong to the connection that they
// began on and end with it; subscriptions live on.

import { type Clock, SystemClock } from "../../clock.ts";
import { ActonError } from "../../errors.ts";
import { type Random, systemRandom } from "../../random.ts";
import type { Format } from "../wire/packet.ts";
import { type BodyCodec, jsonBodies } from "./body-codec.ts";
import { Connection, type ConnectionEvents, notConnected } from "./connection.ts";
import { type ClientTransport, dial, type DialOptions } from "./dial.ts";
import { ownUid, platformTransport } from "./platform.ts";
import { Reconnector, type ReconnectOptions } from "./reconnect.ts";
import type { Requirements } from "./requirements.ts";
import { Subscriptions } from "./subscriptions.ts";
import { Watches } from "./watches.ts";

export interface ConnectOptions {
  /** Default `json`. */
  readonly format?: Format;
  /** User ids that the server may run as. Default: one's own, and root. */
  readonly serverUids?: readonly number[];
  /** How long the connection may be idle before an empty frame keeps it alive; 0 is never. Default 10 s. */
  readonly keepAliveMs?: number;
  /** Dial again when the connection is lost. Default false. */
  readonly reconnect?: boolean | ReconnectOptions;
  /** Refuse a server that is older than this. Asks for discovery before the first call. */
  readonly requires?: Requirements;
  /** For calls that name none; streams are not bounded unless they say so. Default 30 s. */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Default: the one of the platform. */
  readonly transport?: ClientTransport;
}

interface Settings extends DialOptions {
  readonly path: string;
  readonly codec: BodyCodec;
  readonly keepAliveMs: number;
  readonly timeoutMs: number;
}

export class Session implements ConnectionEvents {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly subscriptions: Subscriptions;
  readonly watches = new Watches();
  /** Resolves when no connection will come any more: with the error that ended the last one, or with undefined after `close`. */
  readonly closed: Promise<ActonError | undefined>;
  readonly #settings: Settings;
  readonly #reconnector: Reconnector | undefined;
  readonly #waiting: { readonly resolve: () => void; readonly reject: (error: ActonError) => void }[] = [];
  #settleClosed!: (error: ActonError | undefined) => void;
  #connection: Connection | undefined;
  #over: ActonError | undefined;

  private constructor(settings: Settings, reconnect: ReconnectOptions | undefined) {
    this.#settings = settings;
    this.clock = settings.clock;
    this.timeoutMs = settings.timeoutMs;
    this.subscriptions = new Subscriptions(settings.timeoutMs);
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    if (reconnect === undefined) return;
    const { clock, random } = settings;
    this.#reconnector = new Reconnector({ ...reconnect, clock, random, dial: () => this.#dial(), giveUp: (error) => this.#finish(error, error) });
  }

  static async open(path: string, options: ConnectOptions): Promise<Session> {
    const { reconnect = false, keepAliveMs = 10_000, timeoutMs = 30_000, clock = new SystemClock(), random = systemRandom } = options;
    const [codec, transport] = await Promise.all([codecFor(options.format ?? "json"), options.transport ?? platformTransport()]);
    const settings = { path, codec, keepAliveMs, timeoutMs, clock, random, transport, serverUids: options.serverUids ?? trustedUids() };
    const session = new Session(settings, reconnect === false ? undefined : reconnect === true ? {} : reconnect);
    await session.#dial();
    return session;
  }

  /** The live connection. Throws CONNECTION_CLOSED when there is none. */
  get connection(): Connection {
    if (this.#connection !== undefined) return this.#connection;
    throw notConnected(this.#over?.message ?? "the connection was lost, and there is no new one yet");
  }

  /** Resolves when there is a connection; rejects when there will be none. */
  ready(): Promise<void> {
    if (this.#connection !== undefined) return Promise.resolve();
    if (this.#over !== undefined) return Promise.reject(notConnected(this.#over.message));
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  close(): void {
    const error = new ActonError("CONNECTION_CLOSED", "the client was closed");
    this.#finish(error, undefined);
  }

  push(body: Readonly<Record<string, unknown>>): void {
    this.subscriptions.push(body);
  }

  proven(): void {
    this.#reconnector?.succeeded();
  }

  ended(error: ActonError): void {
    // A connection that ends before it was attached fails its dial instead.
    if (this.#connection === undefined) return;
    this.#connection = undefined;
    this.subscriptions.lost();
    if (this.#over === undefined) {
      if (this.#reconnector === undefined) this.#finish(error, error);
      else this.#reconnector.failed(error);
    }
    this.watches.lost();
  }

  async #dial(): Promise<void> {
    const { path, codec, clock, keepAliveMs } = this.#settings;
    const connection = new Connection({ codec, clock, keepAliveMs, events: this });
    const socket = await dial(path, connection.handler, this.#settings);
    if (this.#over !== undefined) {
      socket.terminate();
      return;
    }
    connection.attach(socket);
    if (connection.failure !== undefined) throw connection.failure;
    this.#connection = connection;
    this.subscriptions.connected(connection);
    this.watches.connected(connection);
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  #finish(error: ActonError, told: ActonError | undefined): void {
    if (this.#over !== undefined) return;
    this.#over = error;
    this.#reconnector?.stop();
    this.#connection?.end(error);
    this.subscriptions.finish(error, told);
    for (const { reject } of this.#waiting.splice(0)) reject(notConnected(error.message));
    this.#settleClosed(told);
  }
}

// Loaded when needed: a command that makes one call in JSON never reads the MessagePack code.
async function codecFor(format: Format): Promise<BodyCodec> {
  return format === "json" ? jsonBodies : (await import("./packed-bodies.ts")).packedBodies;
}

function trustedUids(): readonly number[] {
  const uid = ownUid();
  return uid === undefined ? [0] : [uid, 0];
}
