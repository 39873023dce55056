// A transport whose other end is in the test's hand: what the client wrote, as bytes, and whatever the test answers.

import { ManualClock } from "../../../src/clock.ts";
import { ActonError } from "../../../src/errors.ts";
import { type Client, connect } from "../../../src/ipc/client/client.ts";
import type { ConnectOptions } from "../../../src/ipc/client/session.ts";
import type { PeerCredentials, Socket, SocketHandler, Transport } from "../../../src/ipc/transport.ts";
import { seededRandom } from "../../../src/random.ts";
import { type Fields, fieldsOf, frameOf, jsonFrame } from "../../support/raw-client.ts";

export class Wire implements Socket, Transport {
  credentials: PeerCredentials | undefined;
  readonly peerIsGone = false;
  written: Buffer = Buffer.alloc(0);
  writes = 0;
  /** Bytes that the next writes may take. */
  room = Infinity;
  terminated = false;
  handler: SocketHandler | undefined;
  /** Connects so far, and what the next ones fail with. */
  connects = 0;
  readonly refusals: string[] = [];

  listen(): never {
    throw new TypeError("not here");
  }

  async connect(_path: string, handler: SocketHandler): Promise<Socket> {
    this.connects += 1;
    const code = this.refusals.shift();
    if (code !== undefined) throw Object.assign(new Error("refused"), { code });
    this.handler = handler;
    this.terminated = false;
    this.written = Buffer.alloc(0);
    return this;
  }

  write(bytes: Uint8Array): number {
    if (this.terminated) return -1;
    this.writes += 1;
    const taken = Math.min(bytes.length, this.room);
    this.room -= taken;
    this.written = Buffer.concat([this.written, bytes.subarray(0, taken)]);
    return taken;
  }

  pause(): void {}
  resume(): void {}
  shutdown(): void {}
  terminate(): void {
    this.terminated = true;
  }

  /** Bodies of all whole frames so far, the greeting included. */
  get bodies(): Buffer[] {
    const bodies: Buffer[] = [];
    for (let at = 0; at + 4 <= this.written.length;) {
      const end = at + 4 + this.written.readUInt32BE(at);
      if (end > this.written.length) break;
      bodies.push(this.written.subarray(at + 4, end));
      at = end;
    }
    return bodies;
  }

  /** The frames after the greeting that opens every connection. */
  get sent(): Fields[] {
    return this.bodies
      .filter((body) => body.length > 0)
      .map((body) => fieldsOf(body))
      .filter((fields) => fields["request_id"] !== "0");
  }

  answer(body: unknown): void {
    this.handler?.data(jsonFrame(body));
  }

  bytes(bytes: Uint8Array): void {
    this.handler?.data(bytes);
  }

  body(body: Uint8Array | string): void {
    this.handler?.data(frameOf(body));
  }

  lose(): void {
    this.handler?.close();
  }
}

export interface Opened {
  readonly wire: Wire;
  readonly client: Client;
  readonly clock: ManualClock;
}

/** A client on a wire; keep-alive is off unless asked for. */
export async function open(options: ConnectOptions = {}): Promise<Opened> {
  const wire = new Wire();
  const clock = new ManualClock();
  const client = await connect("/run/x.sock", { transport: wire, clock, random: seededRandom(1), keepAliveMs: 0, ...options });
  return { wire, clock, client };
}

/** What the call fails with; throws when it does not fail with an ActonError. */
export async function failureOf(call: PromiseLike<unknown>): Promise<ActonError> {
  const thrown: unknown = await call.then(
    (value) => new TypeError(`it succeeded with ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
  if (!(thrown instanceof ActonError)) throw thrown;
  return thrown;
}

/** Frames of one turn leave at its end. */
export async function turn(): Promise<void> {
  for (let hop = 0; hop < 8; hop++) await Promise.resolve();
}
