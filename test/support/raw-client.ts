// A client made of bytes: sends whatever it is told in whatever pieces, and collects what comes. It waits for frames,
// for the end of the server's writing or for the close, and never for time to pass.

import { Packr, Unpackr } from "msgpackr";

export type Fields = Record<string, unknown>;

export interface RawClientOptions {
  /** Leaves the bytes uncut: for what is not in bare frames. */
  readonly uncut?: boolean;
}

const packr = new Packr({ useRecords: false, mapsAsObjects: true, variableMapSize: true, moreTypes: false });
// "auto" is missing in the package's types.
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: "auto" } as object);

/** A bare frame: a length, then the body. */
export function frameOf(body: Uint8Array | string): Buffer {
  const bytes = Buffer.from(body as string);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

export function jsonFrame(body: unknown): Buffer {
  return frameOf(JSON.stringify(body));
}

export function packedFrame(body: unknown): Buffer {
  return frameOf(packr.pack(body));
}

export function packed(value: unknown): Buffer {
  return packr.pack(value);
}

/** The body of a frame as its fields, in whichever format it has. */
export function fieldsOf(body: Uint8Array): Fields {
  return body[0] === 0x7b ? (JSON.parse(Buffer.from(body).toString("utf8")) as Fields) : (unpackr.unpack(body) as Fields);
}

export class RawClient implements AsyncDisposable {
  /** Frames that have come and were not taken yet. */
  readonly frames: Buffer[] = [];
  /** Everything that has come, when uncut. */
  bytes: Buffer = Buffer.alloc(0);
  /** How many bytes have come. */
  received = 0;
  /** The server has shut its write side. */
  ended = false;
  /** The connection is gone. */
  gone = false;
  /** What the connection broke with; undefined when it was closed in order. */
  broke: Error | undefined;
  readonly #uncut: boolean;
  readonly #waiting = new Set<() => void>();
  #socket: Bun.Socket<undefined> | undefined;
  #outgoing: Buffer[] = [];
  #shutAfterwards = false;
  #holdOpen = false;

  private constructor(options: RawClientOptions) {
    this.#uncut = options.uncut ?? false;
  }

  static async connect(path: string, options: RawClientOptions = {}): Promise<RawClient> {
    const client = new RawClient(options);
    client.#socket = await Bun.connect<undefined>({
      unix: path,
      allowHalfOpen: true,
      data: undefined,
      socket: {
        data: (_socket, bytes) => client.#arrived(bytes),
        drain: () => client.#flush(),
        end: () => client.#endArrived(),
        close: (_socket, error) => {
          client.broke = error;
          client.gone = true;
          client.ended = true;
          client.#changed();
        },
        error: () => {},
      },
    });
    return client;
  }

  /** Sends the bytes as they are, in one write where the kernel takes it. */
  write(bytes: Uint8Array): void {
    this.#outgoing.push(Buffer.from(bytes));
    this.#flush();
  }

  /** One frame in JSON. */
  send(body: unknown): void {
    this.write(jsonFrame(body));
  }

  /** One frame in MessagePack. */
  sendPacked(body: unknown): void {
    this.write(packedFrame(body));
  }

  /** Bytes that the kernel has not taken yet. */
  get unsent(): number {
    return this.#outgoing.reduce((sum, bytes) => sum + bytes.length, 0);
  }

  /** The fields of the next frame. Rejects when the connection ends first. */
  async next(): Promise<Fields> {
    return fieldsOf(await this.nextBody());
  }

  async nextBody(): Promise<Buffer> {
    await this.until(() => this.frames.length > 0 || this.ended);
    const body = this.frames.shift();
    if (body === undefined) throw new Error("the connection ended, and no frame came");
    return body;
  }

  async take(count: number): Promise<Fields[]> {
    const taken: Fields[] = [];
    while (taken.length < count) taken.push(await this.next());
    return taken;
  }

  /** Sends one frame and gives the next one that comes. */
  ask(body: unknown): Promise<Fields> {
    this.send(body);
    return this.next();
  }

  /** The frames up to the server's end. */
  async rest(): Promise<Fields[]> {
    await this.until(() => this.ended);
    return this.frames.splice(0).map((body) => fieldsOf(body));
  }

  /** Resolves when the condition holds; looked at whenever something arrives. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!holds()) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** Shuts the write side once everything is sent; reads on. */
  shutWrite(): void {
    this.#shutAfterwards = true;
    this.#flush();
  }

  /** Does not hang up when the server has shut its side. */
  holdOpen(): void {
    this.#holdOpen = true;
  }

  stopReading(): void {
    this.#socket?.pause();
  }

  startReading(): void {
    this.#socket?.resume();
  }

  /** Vanishes at once. */
  destroy(): void {
    this.#outgoing = [];
    this.#socket?.terminate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.destroy();
  }

  #arrived(bytes: Uint8Array): void {
    this.received += bytes.byteLength;
    this.bytes = this.bytes.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.bytes, bytes]);
    if (!this.#uncut) this.#cut();
    this.#changed();
  }

  #cut(): void {
    let offset = 0;
    while (this.bytes.length - offset >= 4) {
      const end = offset + 4 + this.bytes.readUInt32BE(offset);
      if (this.bytes.length < end) break;
      this.frames.push(this.bytes.subarray(offset + 4, end));
      offset = end;
    }
    this.bytes = this.bytes.subarray(offset);
  }

  #endArrived(): void {
    this.ended = true;
    if (!this.#holdOpen) this.#socket?.end();
    this.#changed();
  }

  #flush(): void {
    while (this.#outgoing.length > 0) {
      const first = this.#outgoing[0] as Buffer;
      const taken = this.#socket?.write(first) ?? 0;
      if (taken < first.length) {
        if (taken > 0) this.#outgoing[0] = first.subarray(taken);
        return;
      }
      this.#outgoing.shift();
    }
    if (this.#shutAfterwards) this.#socket?.shutdown();
    this.#shutAfterwards = false;
  }

  #changed(): void {
    for (const look of [...this.#waiting]) look();
  }
}
