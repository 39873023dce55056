// The four ways to an agent over the connection, without their types: what Client and RemoteAgent are both made of.

import type { ActonError } from "../../errors.ts";
import { askChain } from "../../ask-chain.ts";
import type { CallOptions } from "../../message/call-options.ts";
import type { Connection } from "./connection.ts";
import type { Body, OutgoingRequest } from "./open-call.ts";
import { cancelled, PendingCall, PendingQuery } from "./pending-call.ts";
import { RemoteStream } from "./remote-stream.ts";
import type { Session } from "./session.ts";

export interface StreamOptions extends CallOptions {
  /** Items that may wait here for the reader, whole items of up to 16 MiB each. Default 64. */
  readonly window?: number;
}

const windowDefault = 64;

export class Calls {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  ask(agent: string, type: string, payload: unknown, options?: CallOptions): Promise<unknown> {
    return this.#call(agent, type, payload, "reply", options, options?.askChain ?? askChain.current());
  }

  async send(agent: string, type: string, payload: unknown, options?: CallOptions): Promise<void> {
    await this.#call(agent, type, payload, "delivery", options);
  }

  stream(agent: string, type: string, payload: unknown, options: StreamOptions = {}): RemoteStream {
    const { timeoutMs, signal, window = windowDefault } = options;
    if (!Number.isSafeInteger(window) || window < 1) throw new RangeError(`A stream's window is a whole number from 1, not ${window}`);
    const limitMs = timeoutMs === undefined ? undefined : wholeMs(timeoutMs);
    const stream = new RemoteStream(this.#session.clock, { timeoutMs: limitMs, signal, window });
    try {
      if (signal?.aborted === true) throw cancelled("no");
      const { connection } = this.#session;
      connection.request(stream, {
        agent,
        type,
        payload,
        expects: "stream",
        timeoutMs: limitMs,
        window,
        askChain: options.askChain ?? askChain.current(),
      });
      stream.began(connection);
    } catch (error) {
      stream.fail(error as ActonError);
    }
    return stream;
  }

  /** A question to the server itself; its whole answer. */
  query(body: Body, options: CallOptions = {}): Promise<Body> {
    const timeoutMs = wholeMs(options.timeoutMs ?? this.#session.timeoutMs);
    return this.#begin(options.signal, (connection, resolve, reject) => {
      const call = new PendingQuery(connection, timeoutMs, resolve as (value: unknown) => void, reject);
      connection.query(call, body);
      return call;
    });
  }

  watch(agent: string, stopped: () => void): () => void {
    return this.#session.watches.add(agent, stopped);
  }

  #call(
    agent: string,
    type: string,
    payload: unknown,
    expects: OutgoingRequest["expects"],
    options: CallOptions | undefined,
    askChain?: readonly string[],
  ): Promise<unknown> {
    const timeoutMs = wholeMs(options?.timeoutMs ?? this.#session.timeoutMs);
    return this.#begin(options?.signal, (connection, resolve, reject) => {
      const call = new PendingCall(connection, timeoutMs, resolve, reject);
      connection.request(call, { agent, type, payload, expects, timeoutMs, askChain });
      return call;
    });
  }

  // What is thrown within becomes the promise's rejection.
  #begin<Value>(
    signal: AbortSignal | undefined,
    start: (connection: Connection, resolve: (value: Value) => void, reject: (error: ActonError) => void) => PendingCall,
  ): Promise<Value> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) throw cancelled("no");
      start(this.#session.connection, resolve, reject).began(signal);
    });
  }
}

function wholeMs(timeoutMs: number): number {
  if (!(timeoutMs >= 0)) throw new RangeError(`A time limit is a number of milliseconds from 0, not ${timeoutMs}`);
  return Math.ceil(timeoutMs);
}
