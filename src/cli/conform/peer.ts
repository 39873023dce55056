// One connection of a case: sends any bytes, waits for frames, for pushes or for the end, and remembers both ways what went
// over it. It waits no longer than its case may take.

import { bunTransport } from "../../ipc/bun-transport.ts";
import type { Socket } from "../../ipc/transport.ts";
import { difference, shown, type Talk, Unmet } from "./expectation.ts";
import { type Fields, fieldsOf, firstFrame, type Frame, frameAround, bodyOf, kinds, shownBytes, type Tongue } from "./tongue.ts";

/** The header that is expected, where it is not the connection's own: an answer's kind, and the tongue it is in. */
export interface Header {
  readonly kind?: number | undefined;
  readonly tongue?: Tongue;
}

export interface Answer {
  readonly frame: Frame;
  readonly fields: Fields;
}

export class Peer {
  readonly tongue: Tongue;
  readonly #path: string;
  readonly #frames: Frame[] = [];
  readonly #pushes: Frame[] = [];
  readonly #waiting = new Set<() => void>();
  #socket: Socket | undefined;
  #outgoing: Uint8Array[] = [];
  #shuts = false;
  #came: Buffer = Buffer.alloc(0);
  #chunks: Buffer[] = [];
  #lastSent: Uint8Array | undefined;
  #lastCame: Buffer | undefined;
  /** Why nothing can be read any more. */
  #broken: string | undefined;
  #ended = false;
  #late = false;

  constructor(path: string, tongue: Tongue) {
    this.#path = path;
    this.tongue = tongue;
  }

  async connect(): Promise<void> {
    this.#socket = await bunTransport.connect(this.#path, {
      data: (bytes) => this.#arrived(bytes),
      drain: () => this.#flush(),
      end: () => this.#end(),
      close: () => this.#end(),
    });
  }

  /** Bytes as they are. All of them go out in order, at once as far as the kernel takes them. */
  write(...pieces: readonly Uint8Array[]): void {
    this.#lastSent = Buffer.concat(pieces);
    this.#outgoing.push(...pieces);
    this.#flush();
  }

  /** One frame, in this connection's tongue unless another is given. */
  send(fields: Fields, { kind = kinds.request, tongue = this.tongue }: Header = {}): void {
    this.write(this.frame(fields, { kind, tongue }));
  }

  /** A frame of this connection's tongue around any bytes. */
  around(body: Uint8Array | string, kind: number = kinds.request): Buffer {
    return frameAround(this.tongue, kind, body);
  }

  frame(fields: Fields, { kind = kinds.request, tongue = this.tongue }: Header = {}): Buffer {
    return frameAround(tongue, kind, bodyOf(tongue.format, fields));
  }

  /** No more will be sent. What comes is still read. */
  shutdown(): void {
    this.#shuts = true;
    this.#flush();
  }

  close(): void {
    this.#socket?.terminate();
  }

  stopReading(): void {
    this.#socket?.pause();
  }

  readOn(): void {
    this.#socket?.resume();
  }

  /** The next frame that is no push. Its fields must be these; the kind does not matter unless given. */
  async gets(expected: unknown, header: Header = {}): Promise<Fields> {
    const frame = await this.#next(this.#frames, shown(expected));
    return this.#checked(frame, expected, header).fields;
  }

  async next(header: Header = {}): Promise<Answer> {
    return this.#checked(await this.#next(this.#frames, "a frame"), {}, header);
  }

  /** The same for the next push. */
  async pushed(expected: Fields, tongue = this.tongue): Promise<Fields> {
    const frame = await this.#next(this.#pushes, `the push ${shown(expected)}`);
    return this.#checked(frame, expected, { kind: kinds.push, tongue }).fields;
  }

  /** Frames as they are; how many have come and nobody has taken. */
  get pushesWaiting(): number {
    return this.#pushes.length;
  }

  async frameOf(what: string): Promise<Frame> {
    return await this.#next(this.#frames, what);
  }

  /** Nothing more comes, and the server ends the connection. */
  async ends(): Promise<void> {
    await this.#until(() => this.#ended || this.#frames.length > 0, "the end of the connection");
    const [frame] = this.#frames;
    if (frame !== undefined) throw new Unmet("the end of the connection", shownBytes(frame.bytes), this.talk);
  }

  /** What is waited for comes too late. */
  expire(): void {
    this.#late = true;
    this.#changed();
  }

  get talk(): Talk {
    return { sent: this.#lastSent, received: this.#lastCame };
  }

  #checked(frame: Frame, expected: unknown, { kind, tongue = this.tongue }: Header): Answer {
    const { version, format } = frame;
    const where = `${version === 0 ? "" : `kind 0x${frame.kind.toString(16).padStart(2, "0")}, version ${version}, `}${format}`;
    const wanted = `${version === 0 || kind === undefined ? "" : `kind 0x${kind.toString(16).padStart(2, "0")}, `}${tongue.name}`;
    if (version !== tongue.version || format !== tongue.format || (version !== 0 && kind !== undefined && frame.kind !== kind)) {
      throw new Unmet(`${shown(expected)} as ${wanted}`, `a frame as ${where}: ${shownBytes(frame.bytes)}`, this.talk);
    }
    const fields = readable(frame);
    const differs = difference(fields, expected);
    if (differs !== undefined) throw new Unmet(shown(expected), `${shown(fields)}: ${differs}`, this.talk);
    return { frame, fields };
  }

  async #next(queue: Frame[], what: string): Promise<Frame> {
    await this.#until(() => queue.length > 0 || this.#ended || this.#broken !== undefined, what);
    const frame = queue.shift();
    if (frame !== undefined) return frame;
    throw new Unmet(what, this.#broken ?? "the end of the connection", this.talk);
  }

  #until(holds: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (!holds() && !this.#late) return;
        this.#waiting.delete(look);
        if (holds()) resolve();
        else reject(new Unmet(what, "nothing in time", this.talk));
      };
      this.#waiting.add(look);
      look();
    });
  }

  #arrived(bytes: Uint8Array): void {
    this.#lastCame = Buffer.from(bytes);
    this.#chunks.push(this.#lastCame);
    const waiting = this.#came.length + this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    // Joined only when the frame may be whole: a long one comes in many pieces.
    if (this.#came.length >= 4 && waiting < this.#came.readUInt32BE()) return;
    this.#came = Buffer.concat([this.#came, ...this.#chunks.splice(0)]);
    for (;;) {
      const frame = firstFrame(this.tongue.dialect, this.#came);
      if (typeof frame === "string") this.#broken ??= frame;
      if (typeof frame !== "object") break;
      this.#came = this.#came.subarray(frame.bytes.length);
      (isPush(frame) ? this.#pushes : this.#frames).push(frame);
    }
    this.#changed();
  }

  #flush(): void {
    for (let first = this.#outgoing[0]; first !== undefined; first = this.#outgoing[0]) {
      const taken = this.#socket?.write(first) ?? -1;
      // The server may have hung up, as it should on some of what it gets: that shows in what comes.
      if (taken < 0) this.#outgoing = [];
      else if (taken < first.length) {
        this.#outgoing[0] = first.subarray(taken);
        return;
      } else this.#outgoing.shift();
    }
    if (this.#shuts) this.#socket?.shutdown();
  }

  #end(): void {
    this.#ended = true;
    this.#changed();
  }

  #changed(): void {
    for (const look of this.#waiting) look();
  }
}

function readable(frame: Frame): Fields {
  try {
    return fieldsOf(frame);
  } catch (thrown) {
    throw new Unmet(`a body in ${frame.format}`, `${shownBytes(frame.bytes)}: ${thrown instanceof Error ? thrown.message : ""}`);
  }
}

function isPush(frame: Frame): boolean {
  if (frame.version !== 0) return frame.kind === kinds.push;
  if (!frame.body.includes("notification_type")) return false;
  try {
    return fieldsOf(frame)["notification_type"] !== undefined;
  } catch {
    // Told to whoever reads it.
    return false;
  }
}
