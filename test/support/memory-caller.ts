// A client made of bytes on a machine in memory, whose kernel holds exactly as much as a test says: for limits that are met to the byte.

import type { Socket, Transport } from "acton";
import { eventually, quiet } from "./conditions.ts";
import { type Fields, fieldsOf, jsonFrame } from "./raw-client.ts";

export class MemoryCaller {
  readonly frames: Fields[] = [];
  ended = false;
  #bytes: Buffer = Buffer.alloc(0);
  #socket: Socket | undefined;
  #unsent: Buffer = Buffer.alloc(0);

  static async connect(transport: Transport, path: string): Promise<MemoryCaller> {
    const caller = new MemoryCaller();
    caller.#socket = await transport.connect(path, {
      data: (bytes) => caller.#arrived(bytes),
      drain: () => caller.#flush(),
      end: () => caller.destroy(),
      close: () => (caller.ended = true),
    });
    return caller;
  }

  get unsent(): number {
    return this.#unsent.length;
  }

  write(bytes: Uint8Array): void {
    this.#unsent = Buffer.concat([this.#unsent, bytes]);
    this.#flush();
  }

  send(body: Fields): void {
    this.write(jsonFrame(body));
  }

  ask(body: Fields): Promise<Fields> {
    this.send(body);
    return this.next();
  }

  async next(): Promise<Fields> {
    await eventually(() => this.frames.length > 0 || this.ended, "an answer");
    const frame = this.frames.shift();
    if (frame === undefined) throw new Error("the connection ended, and no frame came");
    return frame;
  }

  /** Whether the server reads what is sent now. */
  async isRead(): Promise<boolean> {
    this.send({ ping: true, request_id: "read?" });
    await quiet();
    const at = this.frames.findIndex((frame) => frame["request_id"] === "read?");
    if (at >= 0) this.frames.splice(at, 1);
    return at >= 0;
  }

  stopReading(): void {
    this.#socket?.pause();
  }

  destroy(): void {
    this.ended = true;
    this.#socket?.terminate();
  }

  #arrived(bytes: Uint8Array): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    while (this.#bytes.length >= 4) {
      const end = 4 + this.#bytes.readUInt32BE(0);
      if (this.#bytes.length < end) return;
      this.frames.push(fieldsOf(this.#bytes.subarray(4, end)));
      this.#bytes = this.#bytes.subarray(end);
    }
  }

  #flush(): void {
    if (this.#unsent.length === 0) return;
    const taken = this.#socket?.write(this.#unsent) ?? 0;
    if (taken > 0) this.#unsent = this.#unsent.subarray(taken);
  }
}
