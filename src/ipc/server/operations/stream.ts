// A stream in progress: items leave as they come, the producer waits for the reader, one final frame ends it.

import type { Timer } from "../../../clock.ts";
import { type Failure, withRan } from "../../../errors.ts";
import { ReplyPort, type ReplySink } from "../../../message/reply-port.ts";
import type { RequestPacket } from "../../wire/packet.ts";
import type { Arrival, OpenCall } from "../calls.ts";
import type { Connection } from "../connection.ts";
import type { HeldBytes } from "../held-bytes.ts";
import type { ReplySlot } from "../reply-order.ts";
import type { ServerContext } from "../server-context.ts";
import { replyFailure } from "./reply-failure.ts";

// A handler that awaits its sends never has more than one item waiting.
const heldMax = 1024;

/** Why the connection may not open another one; undefined when it may. */
export function tooManyStreams(context: ServerContext, { calls }: Connection): Failure | undefined {
  const { streamsMax, inFlightBytesMax } = context.config;
  if (calls.streams >= streamsMax) return { code: "TARGET_BUSY", message: `this connection has ${streamsMax} streams open already` };
  if (!calls.bytes.takesCall) return { code: "TARGET_BUSY", message: `what is in flight holds ${inFlightBytesMax} bytes already` };
  return undefined;
}

export class StreamCall implements OpenCall, ReplySink, Timer {
  readonly kind = "stream";
  readonly streaming = true;
  readonly port = new ReplyPort(this);
  readonly packet: RequestPacket;
  readonly held: HeldBytes;
  due = 0;
  order = 0;
  place = -1;
  readonly #context: ServerContext;
  readonly #connection: Connection;
  readonly #slot: ReplySlot | undefined;
  #sequence = 0;
  /** Takes no more items. */
  #ended = false;
  /** Its final frame is written, or nobody is there to read it. */
  #told = false;
  /** How the stream ended for its handler, while items of it still wait. */
  #last: { readonly value: unknown } | undefined;
  /** Frames that may leave before the client grants more. */
  #credit: number;
  readonly #held: Array<{ readonly value: unknown; readonly resolve: (pace: Promise<void> | undefined) => void }> = [];

  constructor(context: ServerContext, connection: Connection, { packet, slot, at }: Arrival, held: HeldBytes) {
    this.#context = context;
    this.#connection = connection;
    this.packet = packet;
    this.held = held;
    this.#slot = slot;
    const { timeoutMs, streamWindow } = packet;
    this.#credit = streamWindow ?? Infinity;
    if (timeoutMs !== undefined && timeoutMs !== Infinity) context.clock.armAt(this, at + timeoutMs);
  }

  item(value: unknown): Promise<void> | undefined {
    if (this.#ended) return undefined;
    if (value === undefined) return this.item(null);
    if (this.#credit > 0 && this.#held.length === 0) return this.#send(value);
    if (this.#held.length >= heldMax) {
      this.cancel({ code: "HANDLER_FAILED", message: `the handler sent ${heldMax} items without waiting for its reader` });
      return undefined;
    }
    return new Promise((resolve) => this.#held.push({ value, resolve }));
  }

  grant(credit: number): void {
    this.#credit += credit;
    while (this.#credit > 0 && !this.#ended) {
      const next = this.#held.shift();
      if (next === undefined) break;
      next.resolve(this.#send(next.value));
    }
    if (this.#last !== undefined && this.#held.length === 0) this.#finish(this.#last.value);
  }

  #send(value: unknown): Promise<void> | undefined {
    const connection = this.#connection;
    try {
      connection.dialect.item(connection.answers.writerFor(this.#slot), this.packet, this.#sequence, value);
    } catch (error) {
      this.cancel(replyFailure(this.#context, this.packet, error));
      return undefined;
    }
    this.#sequence += 1;
    this.#credit -= 1;
    connection.answers.sent(this.#slot);
    return connection.answers.streamPace(this.#slot);
  }

  /** What was sent and waits for credit goes first. */
  resolve(value: unknown): void {
    if (this.#held.length === 0) this.#finish(value);
    else this.#last = { value };
  }

  #finish(value: unknown): void {
    if (this.#told) return;
    const connection = this.#connection;
    this.#settle();
    try {
      connection.dialect.streamEnd(connection.answers.writerFor(this.#slot), this.packet, this.#sequence, value === undefined ? null : value);
    } catch (error) {
      this.#fail(replyFailure(this.#context, this.packet, error));
      return;
    }
    this.#told = true;
    connection.answered(this.#slot);
  }

  reject(failure: Failure): void {
    if (this.#told) return;
    this.#settle();
    this.#fail(failure);
  }

  expire(): void {
    const { timeoutMs } = this.packet;
    this.cancel({ code: "TIMEOUT", message: `the stream did not end within ${timeoutMs} ms`, afterMs: timeoutMs ?? 0 });
  }

  cancel(failure: Failure): void {
    if (this.#told) return;
    this.reject(withRan(failure, this.port.ran));
    this.port.cancel();
  }

  abandon(): void {
    this.port.cancel();
    this.#end();
    this.#told = true;
  }

  #fail(failure: Failure): void {
    this.#connection.fail(this.packet, this.#slot, failure, this.#sequence);
    this.#told = true;
  }

  #settle(): void {
    this.#end();
    this.#connection.calls.close(this);
  }

  // Whoever waits to send finds the port closed and stops.
  #end(): void {
    this.#ended = true;
    this.#context.clock.disarm(this);
    for (const { resolve } of this.#held.splice(0)) resolve(undefined);
  }
}
