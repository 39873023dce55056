// The client: everything that a program can ask of a server over one socket. Message types given as such type what goes out
// and what comes back; given by name, both are unknown.

import type { ActonError } from "../../errors.ts";
import type { CallOptions } from "../../message/call-options.ts";
import type { AnswerOf, MessageType, PayloadOf, RequestType, StreamType } from "../../message/message-type.ts";
import type { ReplyStream } from "../../message/reply-stream.ts";
import { Calls, type StreamOptions } from "./calls.ts";
import { type Discovery, discoveryFrom } from "./discovery.ts";
import type { Subscription, SubscribeOptions } from "./push-stream.ts";
import { RemoteAgent } from "./remote-agent.ts";
import { checkRequirements } from "./requirements.ts";
import { type ConnectOptions, Session } from "./session.ts";

/**
 * Connects to the server's socket. Rejects with CONNECTION_CLOSED when none answers there, with ACCESS_DENIED when it runs
 * as a user that is not trusted, and with UNSUPPORTED_PROTOCOL_VERSION when it is older than `requires`. That the server
 * refuses the connection shows in the first call.
 */
export async function connect(path: string, options: ConnectOptions = {}): Promise<Client> {
  const client = new Client(await Session.open(path, options));
  if (options.requires === undefined) return client;
  try {
    checkRequirements(path, await client.discover(), options.requires);
  } catch (error) {
    client.close();
    throw error;
  }
  return client;
}

export class Client implements AsyncDisposable {
  readonly #session: Session;
  readonly #calls: Calls;

  /** Made by `connect`. */
  constructor(session: Session) {
    this.#session = session;
    this.#calls = new Calls(session);
  }

  /** The agent's reply, or one ActonError with the server's code. */
  ask<T extends RequestType>(agent: string, type: T, payload: PayloadOf<T>, options?: CallOptions): Promise<AnswerOf<T>>;
  ask(agent: string, type: string, payload: unknown, options?: CallOptions): Promise<unknown>;
  ask(agent: string, type: MessageType | string, payload: unknown, options?: CallOptions): Promise<unknown> {
    return this.#calls.ask(agent, nameOf(type), payload, options);
  }

  /** Resolves once the message is in the agent's mailbox. */
  send<T extends MessageType>(agent: string, type: T, payload: PayloadOf<T>, options?: CallOptions): Promise<void>;
  send(agent: string, type: string, payload: unknown, options?: CallOptions): Promise<void>;
  send(agent: string, type: MessageType | string, payload: unknown, options?: CallOptions): Promise<void> {
    return this.#calls.send(agent, nameOf(type), payload, options);
  }

  /** The items as the agent yields them; it waits for the reader. Leaving the loop cancels. */
  stream<T extends StreamType>(agent: string, type: T, payload: PayloadOf<T>, options?: StreamOptions): ReplyStream<AnswerOf<T>>;
  stream(agent: string, type: string, payload: unknown, options?: StreamOptions): ReplyStream<unknown>;
  stream(agent: string, type: MessageType | string, payload: unknown, options?: StreamOptions): ReplyStream<unknown> {
    return this.#calls.stream(agent, nameOf(type), payload, options);
  }

  /**
   * What is broadcast of a type, or of all types whose name begins as a pattern does (`Price*`). Ends with
   * UNKNOWN_MESSAGE_TYPE when the server has no such type, and with CONNECTION_CLOSED when the connection goes for good.
   */
  subscribe<T extends MessageType>(type: T, options?: SubscribeOptions): Subscription<PayloadOf<T>>;
  subscribe(nameOrPattern: string, options?: SubscribeOptions): Subscription;
  subscribe(type: MessageType | string, options: SubscribeOptions = {}): Subscription {
    return this.#session.subscriptions.add(nameOf(type), options);
  }

  /** What the server offers: agents, message types, their schemas, versions. */
  async discover(options?: CallOptions): Promise<Discovery> {
    return discoveryFrom(await this.#calls.query({ discover: true }, options));
  }

  /** The listener's figures, by the names that they have on the wire. */
  async stats(options?: CallOptions): Promise<Readonly<Record<string, unknown>>> {
    const { payload } = await this.#calls.query({ stats: true }, options);
    return payload as Readonly<Record<string, unknown>>;
  }

  /** The round trip to the server, in milliseconds. */
  async ping(options?: CallOptions): Promise<number> {
    const { clock } = this.#session;
    const started = clock.monotonic();
    await this.#calls.query({ ping: true }, options);
    return clock.monotonic() - started;
  }

  /** A ref to one agent. With its blueprint's type, `client.agent<typeof calculator>(name)`, it is checked like a local handle. */
  agent<Source extends { readonly handled: MessageType } = { readonly handled: MessageType }>(name: string): RemoteAgent<Source["handled"]> {
    return new RemoteAgent(name, this.#calls);
  }

  /** Resolves when there is a connection, which matters with `reconnect` only; rejects when there will be none. */
  ready(): Promise<void> {
    return this.#session.ready();
  }

  /** Ends what is open with CONNECTION_CLOSED, and subscriptions as if they had been left. */
  close(): void {
    this.#session.close();
  }

  /** Resolves when the client is done for good: with the error that ended its connection, or with undefined after `close`. */
  get closed(): Promise<ActonError | undefined> {
    return this.#session.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}

function nameOf(type: MessageType | string): string {
  return typeof type === "string" ? type : type.name;
}
