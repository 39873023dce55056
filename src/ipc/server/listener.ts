// The IPC listener: a path, the connections accepted on it, and what they share. It is started by the application,
// drains when told to, and leaves nothing behind.

import type { AskChains } from "../../agent/ask-chains.ts";
import type { LagFigures } from "../../agent/lag-monitor.ts";
import type { Broker } from "../../broker/broker.ts";
import { after, type Clock } from "../../clock.ts";
import type { IpcConfig } from "../../config.ts";
import { detailOf, type Failure } from "../../errors.ts";
import type { FileSystem } from "../../files.ts";
import type { Log } from "../../log.ts";
import type { Names } from "../../runtime/names.ts";
import { nextTurn, type Scheduler } from "../../scheduler.ts";
import type { Socket, SocketHandler, Transport } from "../transport.ts";
import type { Packet } from "../wire/packet.ts";
import type { Arrival } from "./calls.ts";
import { Connection, type ConnectionOwner } from "./connection.ts";
import { Door } from "./door.ts";
import type { ListenerStats } from "./listener-stats.ts";
import { type HeldPath, holdPath } from "./held-path.ts";
import { checkOpenFiles, memoryBound, refusedMax } from "./listener-bounds.ts";
import { makeContext } from "./make-context.ts";
import { shuttingDown } from "./operations/refuse-arrival.ts";
import { performRequest } from "./operations/request.ts";
import { type Admission, admissionOf, type Policy } from "./policy.ts";
import { route } from "./router.ts";
import type { Release, ServerContext } from "./server-context.ts";
import type { TypeRegistry } from "./type-registry.ts";

/** What the listener stands in front of, and the seams it works through. */
export interface ListenerParts {
  readonly config: IpcConfig;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly log: Log;
  readonly files: FileSystem;
  readonly transport: Transport;
  readonly host: { readonly pid: number; readonly uid: number; openFilesMax(): number };
  readonly names: Names;
  readonly types: TypeRegistry;
  readonly broker: Broker;
  readonly askChains: AskChains;
  readonly lag: LagFigures | undefined;
  readonly policy: Policy | undefined;
  readonly inheritedSocket: number | undefined;
  readonly product: Release;
  readonly application: Release;
}

export interface DrainResult {
  /** Requests and streams that were still open when the time was over, and clients that had not read their answers. */
  readonly lost: number;
}

const cutOff: Failure = { code: "AGENT_STOPPED", message: "the server stopped before the answer came" };

export class IpcListener implements ConnectionOwner {
  readonly #parts: ListenerParts;
  readonly #context: ServerContext;
  readonly #connections = new Map<number, Connection>();
  readonly #door: Door;
  readonly #path: HeldPath;
  #draining = false;
  #onIdle: (() => void) | undefined;
  #onAllClosed: (() => void) | undefined;
  #drained: Promise<DrainResult> | undefined;
  #closing: Promise<void> | undefined;

  /** Throws ADDRESS_IN_USE, PATH_REFUSED or INVALID_CONFIG; serves from the moment it returns. */
  constructor(parts: ListenerParts) {
    this.#parts = parts;
    const openFiles = parts.host.openFilesMax();
    checkOpenFiles(parts.config, openFiles);
    this.#context = makeContext({ ...parts, uid: parts.host.uid }, { isDraining: () => this.#draining, stats: () => this.stats() });
    this.#door = new Door(this.#context, refusedMax(openFiles));
    const { host, config, log } = parts;
    this.#path = holdPath(parts, (socket) => this.#accept(socket));
    log.info("listening", { path: this.#path.path, pid: host.pid, memoryBoundMiB: Math.ceil(memoryBound(config) / 2 ** 20) });
  }

  /** Where the socket is. */
  get path(): string {
    return this.#path.path;
  }

  /** It has let its path go, or is about to. */
  get isClosed(): boolean {
    return this.#closing !== undefined;
  }

  get drainTimeoutMs(): number {
    return this.#parts.config.drainTimeoutMs;
  }

  stats(): ListenerStats {
    const { counters, inFlight, inFlightBytes, unfinished } = this.#context;
    let streamsOpen = 0;
    let requestsWaiting = 0;
    let subscriptions = 0;
    for (const connection of this.#connections.values()) {
      streamsOpen += connection.calls.streams;
      requestsWaiting += connection.calls.waiting;
      subscriptions += connection.subscriptions.count;
    }
    return {
      activeConnections: this.#connections.size,
      requestsInFlight: inFlight.used,
      bytesInFlight: inFlightBytes.used,
      streamsOpen,
      requestsWaiting,
      subscriptions,
      unfinishedBytes: unfinished.used,
      draining: this.#draining,
      ...counters.snapshot(),
      lags: this.#parts.lag?.lags ?? 0,
      longestLagMs: Math.round(this.#parts.lag?.longestLagMs ?? 0),
    };
  }

  /** Ends a live connection, and what it has sent that nobody has begun. False when there is none with that number. */
  revoke(connection: number): boolean {
    const found = this.#connections.get(connection);
    found?.revoke();
    return found !== undefined;
  }

  /** Refuses new requests, and waits until what runs is answered, for at most `drain_timeout_ms`. */
  drain(): Promise<DrainResult> {
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  /** Drains, says goodbye to every connection, removes the socket and lets the path go. */
  async shutdown(): Promise<DrainResult> {
    const result = await this.drain();
    await this.close();
    return result;
  }

  /** Tells whoever still waits that the server stops, flushes and closes every connection. After `drain`. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  route(connection: Connection, packet: Packet, bytes: number): void {
    route(this.#context, connection, packet, bytes);
  }

  perform(connection: Connection, arrival: Arrival): void {
    performRequest(this.#context, connection, arrival);
  }

  idle(): void {
    if (this.#onIdle !== undefined && this.#isQuiet()) this.#onIdle();
  }

  closed(connection: Connection): void {
    this.#connections.delete(connection.origin.peer.connection);
    this.#door.left(connection.origin.user);
    this.idle();
    if (this.#connections.size === 0) this.#onAllClosed?.();
  }

  #accept(socket: Socket): SocketHandler {
    this.#context.counters.connectionsAccepted += 1;
    if (this.isClosed) return this.#door.refuse(socket, shuttingDown);
    return this.#door.open(socket, (guest) => {
      const connection = new Connection(this.#context, this, socket, guest);
      this.#connections.set(guest.peer.connection, connection);
      const { policy } = this.#parts;
      if (policy?.admit !== undefined) void this.#admit(connection, policy.admit);
      return connection;
    });
  }

  // A connection that goes meanwhile settles the race, so that nothing of it waits for a policy that hangs.
  async #admit(connection: Connection, admit: NonNullable<Policy["admit"]>): Promise<void> {
    const { clock, config, log } = this.#parts;
    const early = Promise.withResolvers<Admission>();
    const timer = after(clock, config.admissionTimeoutMs, () => early.resolve({ refused: "Connection admission timed out" }));
    connection.onClose(() => early.resolve({ refused: "the connection is gone" }));
    let admission: Admission;
    try {
      admission = admissionOf(await Promise.race([admit(connection.origin.peer), early.promise]));
    } catch (error) {
      log.error("policy failed to admit a connection", { connection: connection.origin.peer.connection, error: detailOf(error) });
      admission = { refused: "the policy failed" };
    }
    clock.disarm(timer);
    if (admission.refused !== undefined && !connection.closed) this.#context.counters.connectionsDenied += 1;
    connection.decided(admission);
  }

  async #drain(): Promise<DrainResult> {
    const { clock, config } = this.#parts;
    this.#draining = true;
    this.#path.drain();
    for (const { calls } of [...this.#connections.values()]) calls.failWatches(shuttingDown);
    if (!this.#isQuiet()) {
      await new Promise<void>((resolve) => {
        const timer = after(clock, config.drainTimeoutMs, resolve);
        this.#onIdle = () => {
          clock.disarm(timer);
          resolve();
        };
      });
      this.#onIdle = undefined;
    }
    let lost = 0;
    for (const { calls, quiet } of this.#connections.values()) lost += quiet ? 0 : Math.max(calls.requests + calls.streams + calls.waiting, 1);
    return { lost };
  }

  async #close(): Promise<void> {
    this.#draining = true;
    // What the kernel has of clients is answered too: in one turn they are accepted, in the next one heard.
    for (let turn = 0; turn < 2; turn++) await nextTurn(this.#parts.scheduler);
    const allClosed = new Promise<void>((resolve) => {
      this.#onAllClosed = resolve;
    });
    for (const connection of [...this.#connections.values()]) {
      connection.calls.failAll(cutOff, shuttingDown);
      connection.finish(0);
    }
    if (this.#connections.size > 0) await allClosed;
    this.#path.release();
  }

  #isQuiet(): boolean {
    for (const connection of this.#connections.values()) if (!connection.quiet) return false;
    return true;
  }
}
