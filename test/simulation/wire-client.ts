// A client made of bytes, on a simulated socket: frames out, fields in, in either dialect and format. Knows nothing of
// what is right; its owner is told of every frame and of the end.

import type { Link, SimulatedProcess, World } from "acton/testing";
import type { Socket } from "../../src/ipc/transport.ts";
import { type Fields, fieldsOf, frameOf, packed } from "../support/raw-client.ts";

export type Speech = "bare json" | "bare msgpack" | "acton";

export interface WireOwner {
  body(fields: Fields, kind: number): void;
  /** The server has shut its side, or the connection is gone. Called once. */
  over(): void;
}

const lengthBytes = 4;
const actonHeaderBytes = 7;

export class WireClient {
  readonly process: SimulatedProcess;
  readonly speech: Speech;
  state: "connecting" | "open" | "over" = "connecting";
  /** It hung up itself, or shut its side. */
  left = false;
  reading = true;
  /** The world's time when it connected, when it last sent something, and when something last came. */
  connectedAt = 0;
  sentAt = 0;
  heardAt = 0;
  /** Since when nothing stands between it and the server. */
  calmSince = 0;
  /** How long nothing had been sent before the last frame. */
  gapMs = 0;
  link: Link | undefined;
  readonly #world: World;
  readonly #owner: WireOwner;
  #socket: Socket | undefined;
  #incoming: Buffer = Buffer.alloc(0);
  #outgoing: Buffer = Buffer.alloc(0);
  #shutAfterwards = false;
  #stoppedAt = 0;
  #notReadMs = 0;

  constructor(world: World, path: string, { speech, owner, process }: { speech: Speech; owner: WireOwner; process: SimulatedProcess }) {
    this.#world = world;
    this.speech = speech;
    this.#owner = owner;
    this.process = process;
    this.connectedAt = world.now;
    this.sentAt = world.now;
    const connecting = process.memory.transport.connect(path, {
      data: (bytes) => this.#arrived(bytes),
      drain: () => this.#flush(),
      end: () => this.#ended(),
      close: () => this.#over(),
    });
    connecting.then(
      (socket) => this.#connected(socket),
      () => this.#over(),
    );
  }

  get isOpen(): boolean {
    return this.state === "open" && !this.left;
  }

  /** The way to the server is as it should be: what is missing now is the server's doing. */
  get isCalm(): boolean {
    return this.isOpen && this.reading && this.link !== undefined && this.link.isCalm && this.#outgoing.length === 0;
  }

  /** To be called after every event. */
  observe(): void {
    if (this.isCalm) this.calmSince = Math.max(this.calmSince, this.link?.settledAt ?? 0);
    else this.calmSince = this.#world.now;
  }

  /** A frame of this dialect. `kind` is the acton dialect's. */
  send(fields: Fields, kind = 1): void {
    if (this.speech === "bare msgpack") return this.write(frameOf(packed(fields)));
    const frame = frameOf(JSON.stringify(fields));
    if (this.speech === "bare json") return this.write(frame);
    this.write(Buffer.concat([frame.subarray(0, lengthBytes), Buffer.from([2, kind, 1]), frame.subarray(lengthBytes)]));
  }

  write(bytes: Buffer): void {
    if (this.state === "over" || this.left) return;
    const { now } = this.#world;
    if (now > this.sentAt) this.gapMs = now - this.sentAt;
    this.sentAt = now;
    this.#outgoing = this.#outgoing.length === 0 ? bytes : Buffer.concat([this.#outgoing, bytes]);
    this.#flush();
  }

  /** The longest time for which it did not read. */
  get notReadMs(): number {
    return Math.max(this.#notReadMs, this.reading ? 0 : this.#world.now - this.#stoppedAt);
  }

  setReading(reading: boolean): void {
    this.#notReadMs = this.notReadMs;
    if (this.reading) this.#stoppedAt = this.#world.now;
    this.reading = reading;
    if (reading) this.#socket?.resume();
    else this.#socket?.pause();
  }

  /** Shuts its side; reads on. */
  shut(): void {
    this.left = true;
    this.#shutAfterwards = true;
    this.#flush();
  }

  hangUp(): void {
    this.left = true;
    this.#socket?.terminate();
    this.#over();
  }

  #connected(socket: Socket): void {
    this.#socket = socket;
    this.link = [...this.#world.machine.links].find((link) => link.socket("client") === socket);
    if (this.left) return this.hangUp();
    this.state = "open";
    this.#flush();
  }

  #arrived(bytes: Uint8Array): void {
    this.heardAt = this.#world.now;
    this.#incoming = this.#incoming.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#incoming, bytes]);
    const acton = this.speech === "acton";
    const header = acton ? actonHeaderBytes : lengthBytes;
    while (this.#incoming.length >= header) {
      const end = header + this.#incoming.readUInt32BE(0);
      if (this.#incoming.length < end) return;
      const body = this.#incoming.subarray(header, end);
      const kind = acton ? (this.#incoming[lengthBytes + 1] ?? 0) : 0;
      this.#incoming = this.#incoming.subarray(end);
      this.#owner.body(body.length === 0 ? {} : this.#fieldsOf(body), kind);
    }
  }

  #fieldsOf(body: Buffer): Fields {
    try {
      return fieldsOf(body);
    } catch {
      // A refusal may come in another dialect than ours: then we have said nothing yet.
      return { unreadable: true };
    }
  }

  #flush(): void {
    if (this.#socket === undefined) return;
    if (this.#outgoing.length > 0) {
      const taken = this.#socket.write(this.#outgoing);
      if (taken > 0) this.#outgoing = this.#outgoing.subarray(taken);
    }
    if (this.#shutAfterwards && this.#outgoing.length === 0) this.#socket.shutdown();
  }

  #ended(): void {
    this.#over();
    this.#socket?.terminate();
  }

  #over(): void {
    if (this.state === "over") return;
    this.state = "over";
    this.#owner.over();
  }
}
