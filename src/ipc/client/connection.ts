// The client end of one connection in the bare dialect: frames out, one write for all of a turn; frames in, each to the
// call that it belongs to. Whatever happens to the connection, every open call settles.

import type { Clock, Timer } from "../../clock.ts";
import { ActonError, detailOf, failureText } from "../../errors.ts";
import type { Socket, SocketHandler } from "../transport.ts";
import { FrameDecoder, lengthFieldBytes } from "../wire/frame-decoder.ts";
import { errorOf } from "./answer-error.ts";
import type { BodyCodec, BodyReceiver } from "./body-codec.ts";
import type { Body, Carrier, OpenCall, OutgoingRequest } from "./open-call.ts";
import { Outgoing } from "./outgoing.ts";

export interface ConnectionEvents {
  push(body: Body): void;
  /** The server has spoken for the first time: it took the connection. */
  proven(): void;
  /** Called once, last. */
  ended(error: ActonError): void;
}

export interface ConnectionOptions {
  readonly codec: BodyCodec;
  readonly clock: Clock;
  /** 0 is never. */
  readonly keepAliveMs: number;
  readonly events: ConnectionEvents;
}

export const frameBytesMax = 2 ** 24 - 1;
const outgoingBytesMax = 2 * frameBytesMax;
/** The id of the question that opens each connection; calls count from 1. */
const helloId = "0";
const headerLength = (): number => lengthFieldBytes;

export class Connection implements Carrier, BodyReceiver, Timer {
  due = 0;
  order = 0;
  place = -1;
  readonly clock: Clock;
  readonly handler: SocketHandler = {
    data: (bytes) => this.#read(bytes),
    drain: () => this.#outgoing.flush(),
    end: () => this.end(new ActonError("CONNECTION_CLOSED", "the server closed the connection")),
    close: () => this.end(new ActonError("CONNECTION_CLOSED", "the connection was lost")),
  };
  readonly #codec: BodyCodec;
  readonly #keepAliveMs: number;
  readonly #events: ConnectionEvents;
  readonly #incoming = new FrameDecoder(frameBytesMax);
  readonly #outgoing = new Outgoing(frameBytesMax, () => this.end(new ActonError("CONNECTION_CLOSED", "the connection is gone")));
  readonly #open = new Map<number, OpenCall>();
  #lastId = 0;
  #proven = false;
  #failure: ActonError | undefined;

  constructor({ codec, clock, keepAliveMs, events }: ConnectionOptions) {
    this.#codec = codec;
    this.clock = clock;
    this.#keepAliveMs = keepAliveMs;
    this.#events = events;
  }

  /** Why it has ended; undefined while it lives. */
  get failure(): ActonError | undefined {
    return this.#failure;
  }

  attach(socket: Socket): void {
    if (this.#failure !== undefined) {
      socket.terminate();
      return;
    }
    this.#outgoing.attach(socket);
    // A first frame at once: the server learns the dialect, so that whatever it has to say, a refusal too, is in our words.
    this.#write({ ping: true, request_id: helloId });
    if (this.#keepAliveMs > 0) this.clock.arm(this, this.#keepAliveMs);
  }

  /** Sends a request for `call`. Throws, and has sent nothing, when that is not possible. */
  request(call: OpenCall, request: OutgoingRequest): void {
    this.#admit();
    const id = this.#lastId + 1;
    try {
      this.#codec.request(this.#outgoing.writer, id, request);
    } catch (thrown) {
      throw unsendable(thrown);
    }
    this.#opened(call, id);
  }

  /** Sends a question to the server itself. */
  query(call: OpenCall, body: Body): void {
    this.#admit();
    const id = this.#lastId + 1;
    this.#write({ ...body, request_id: String(id) });
    this.#opened(call, id);
  }

  /** Sends what is not answered. Does nothing once the connection has ended. */
  tell(body: Body): void {
    if (this.#failure === undefined) this.#write(body);
  }

  forget(call: OpenCall): void {
    this.#open.delete(call.id);
  }

  cancel(call: OpenCall): void {
    if (this.#open.delete(call.id)) this.tell({ cancel: String(call.id) });
  }

  grant(call: OpenCall, credit: number): void {
    if (this.#open.has(call.id)) this.tell({ credit, stream_id: String(call.id) });
  }

  /** Ends the connection, and every call on it. */
  end(error: ActonError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.clock.disarm(this);
    this.#outgoing.close();
    const calls = [...this.#open.values()];
    this.#open.clear();
    for (const call of calls) call.fail(this.#failureOf(call, error));
    this.#events.ended(error);
  }

  /** Nothing has gone out for a while: shows the server that somebody is here. */
  expire(): void {
    const { writer } = this.#outgoing;
    if (this.#outgoing.wasQuiet() && writer.pending === 0) {
      writer.begin();
      writer.finish();
      this.#outgoing.leave();
      this.#outgoing.wasQuiet();
    }
    this.clock.arm(this, this.#keepAliveMs);
  }

  reply(id: number, payload: unknown): void {
    this.#prove();
    this.#open.get(id)?.answer(payload);
  }

  body(body: Body): void {
    if (body["notification_type"] === "subscription") {
      this.#prove();
      this.#events.push(body);
      return;
    }
    const id = body["request_id"] ?? body["stream_id"];
    if (typeof id === "string") {
      this.#prove();
      this.#open.get(Number(id))?.receive(body);
    } else if (body["success"] === false) {
      this.end(errorOf(body));
    }
  }

  #prove(): void {
    if (this.#proven) return;
    this.#proven = true;
    this.#events.proven();
  }

  // A server that refuses the connection ran nothing, and its code says why. Later only those calls are sure not to have run
  // whose frames have not left: half a frame runs nothing either.
  #failureOf(call: OpenCall, error: ActonError): ActonError {
    if (!this.#proven && error.code !== "CONNECTION_CLOSED" && error.code !== "PROTOCOL_ERROR") return error;
    const text = error.code === "CONNECTION_CLOSED" ? error.message : `the connection failed: ${failureText(error)}`;
    return new ActonError("CONNECTION_CLOSED", text, { ran: call.frameEnd > this.#outgoing.taken ? "no" : "unknown", cause: error });
  }

  #admit(): void {
    if (this.#failure !== undefined) throw notConnected(this.#failure.message);
    if (this.#outgoing.writer.pending > outgoingBytesMax) throw new ActonError("TARGET_BUSY", "too much waits to be sent: the server does not read");
  }

  #opened(call: OpenCall, id: number): void {
    this.#lastId = id;
    call.id = id;
    call.frameEnd = this.#outgoing.written;
    this.#open.set(id, call);
    this.#outgoing.leave();
  }

  #write(body: Body): void {
    try {
      this.#codec.other(this.#outgoing.writer, body);
    } catch (thrown) {
      throw unsendable(thrown);
    }
    this.#outgoing.leave();
  }

  #read(bytes: Uint8Array): void {
    if (this.#failure !== undefined) return;
    try {
      this.#incoming.push(bytes);
      for (let frame = this.#incoming.next(headerLength); frame !== undefined; frame = this.#incoming.next(headerLength)) {
        if (frame.start < frame.end) this.#codec.read(frame, this);
        if (this.#failure !== undefined) return;
      }
    } catch (thrown) {
      this.end(new ActonError("PROTOCOL_ERROR", `the server sent what cannot be understood: ${detailOf(thrown)}`, { cause: thrown }));
    }
  }
}

// The writer speaks of replies, being the server's too.
function unsendable(thrown: unknown): unknown {
  if (!(thrown instanceof ActonError) || thrown.code !== "HANDLER_FAILED") return thrown;
  return new ActonError("SERIALIZATION_ERROR", `the request exceeds the ${frameBytesMax} bytes that a frame holds`, { cause: thrown });
}

/** For a call that was not even begun. */
export function notConnected(why: string): ActonError {
  return new ActonError("CONNECTION_CLOSED", why, { ran: "no" });
}
