// A stream in progress: items leave as they come, the producer waits for the reader, one final frame ends it.

import type { Timer } from "../../../clock.ts";
import type { Failure } from "../../../errors.ts";
import { ReplyPort, type ReplySink } from "../../../message/reply-port.ts";
import type { RequestPacket } from "../../wire/packet.ts";
import type { OpenCall } from "../calls.ts";
import type { Connection } from "../connection.ts";
import type { ReplySlot } from "../reply-order.ts";
import type { ServerContext } from "../server-context.ts";
import { replyFailure } from "./reply-failure.ts";

export class StreamCall implements OpenCall, ReplySink, Timer {
  readonly streaming = true;
  readonly port = new ReplyPort(this);
  readonly packet: RequestPacket;
  due = 0;
  place = -1;
  readonly #context: ServerContext;
  readonly #connection: Connection;
  readonly #slot: ReplySlot | undefined;
  #sequence = 0;
  #ended = false;

  constructor(context: ServerContext, connection: Connection, packet: RequestPacket, slot: ReplySlot | undefined) {
    this.#context = context;
    this.#connection = connection;
    this.packet = packet;
    this.#slot = slot;
    const { timeoutMs } = packet;
    if (timeoutMs !== undefined && timeoutMs !== Infinity) context.clock.armAt(this, connection.lastArrival + timeoutMs);
  }

  item(value: unknown): Promise<void> | undefined {
    const connection = this.#connection;
    try {
      connection.dialect.item(connection.writerFor(this.#slot), this.packet, this.#sequence, value);
    } catch (error) {
      this.port.cancel();
      this.reject(replyFailure(this.#context, this.packet, error));
      return undefined;
    }
    this.#sequence += 1;
    connection.sent();
    return connection.streamPace(this.#slot);
  }

  resolve(value: unknown): void {
    const connection = this.#connection;
    this.#settle();
    try {
      connection.dialect.streamEnd(connection.writerFor(this.#slot), this.packet, this.#sequence, value === undefined ? null : value);
    } catch (error) {
      this.#fail(replyFailure(this.#context, this.packet, error));
      return;
    }
    connection.answered(this.#slot);
  }

  reject(failure: Failure): void {
    if (this.#ended) return;
    this.#settle();
    this.#fail(failure);
  }

  expire(): void {
    this.port.cancel();
    this.reject({ code: "TIMEOUT", message: `the stream did not end within ${this.packet.timeoutMs} ms` });
  }

  abandon(): void {
    this.#ended = true;
    this.port.cancel();
    this.#context.clock.disarm(this);
  }

  #fail(failure: Failure): void {
    this.#connection.fail(this.packet, this.#slot, failure, this.#sequence);
  }

  #settle(): void {
    this.#ended = true;
    this.#context.clock.disarm(this);
    this.#connection.calls.close(this);
  }
}
