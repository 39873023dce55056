// The client end of one connection in the bare dialect: calls out, replies in, matched by request id.
// Whatever happens to the connection, every open call settles.

import { type Clock, SystemClock } from "../../clock.ts";
import { ActonError, detailOf, type ErrorCode, errorKinds, isErrorCode } from "../../errors.ts";
import { type Frame, FrameDecoder, lengthFieldBytes } from "../wire/frame-decoder.ts";
import type { Format } from "../wire/packet.ts";
import type { Socket, SocketHandler, Transport } from "../transport.ts";
import { PendingCalls } from "./pending.ts";

export interface ConnectOptions {
  readonly transport: Transport;
  readonly clock?: Clock;
  /** Default `json`. */
  readonly format?: Format;
  /** User ids that the server may run as; anyone's when left out. Where the platform cannot tell, nothing is checked. */
  readonly serverUids?: readonly number[];
}

export interface AskOptions {
  /** Default 30 s. */
  readonly timeoutMs?: number;
}

export interface Client {
  /** The agent's reply, or one ActonError. */
  ask(agent: string, type: string, payload: unknown, options?: AskOptions): Promise<unknown>;
  /** Resolves once the message is in the agent's mailbox. */
  send(agent: string, type: string, payload: unknown, options?: AskOptions): Promise<void>;
  /** Ends what is open with CONNECTION_CLOSED. */
  close(): void;
}

const timeoutMsDefault = 30_000;
/** Longer ones do not fit into a socket's address, or are cut short without a word. */
const pathBytesMax = 103;

/** Connects to the server's socket. CONNECTION_CLOSED when none answers there, ACCESS_DENIED when it runs as somebody else. */
export async function connect(path: string, options: ConnectOptions): Promise<Client> {
  const pathBytes = Buffer.byteLength(path);
  if (pathBytes > pathBytesMax)
    throw new ActonError("CONNECTION_CLOSED", `cannot connect to ${path}: the path has ${pathBytes} bytes, at most ${pathBytesMax} are possible`);
  const codec = await loadCodec(options.format ?? "json");
  const client = new BareClient(codec, options.clock ?? new SystemClock());
  const socket = await options.transport.connect(path, client.handler).catch((thrown: unknown) => {
    throw unreachable(path, thrown);
  });
  const uid = socket.credentials?.uid;
  if (uid !== undefined && options.serverUids?.includes(uid) === false) {
    socket.terminate();
    throw new ActonError("ACCESS_DENIED", `the server at ${path} runs as user ${uid}, which is not trusted: nothing was sent`);
  }
  client.attach(socket);
  return client;
}

interface Codec {
  encode(envelope: Readonly<Record<string, unknown>>): Uint8Array;
  decode(frame: Frame): unknown;
}

const limits = { depth: 127, tokens: 2 ** 24 };

// Loaded when needed: a command that makes one call in JSON never reads the MessagePack code.
async function loadCodec(format: Format): Promise<Codec> {
  switch (format) {
    case "json": {
      const { decodeJson, encodeJson } = await import("../wire/json.ts");
      const member = ([key, value]: [string, unknown]): string => `${JSON.stringify(key)}:${encodeJson(value)}`;
      return {
        encode: (envelope) => Buffer.from(`{${Object.entries(envelope).map(member).join(",")}}`),
        decode: ({ bytes, start, end }) => decodeJson(bytes, start, end, limits),
      };
    }
    case "msgpack": {
      const { decodeMessagePack, encodeMessagePack } = await import("../wire/msgpack.ts");
      return { encode: encodeMessagePack, decode: ({ bytes, start, end }) => decodeMessagePack(bytes, start, end, limits) };
    }
  }
}

const frameBytesMax = 2 ** 24 - 1;
const outgoingBytesMax = 4 * frameBytesMax;

class BareClient implements Client {
  readonly handler: SocketHandler = {
    data: (bytes) => this.#read(bytes),
    drain: () => this.#flush(),
    end: () => this.#fail(new ActonError("CONNECTION_CLOSED", "the server closed the connection")),
    close: () => this.#fail(new ActonError("CONNECTION_CLOSED", "the connection was lost")),
  };
  readonly #codec: Codec;
  readonly #calls: PendingCalls;
  readonly #incoming = new FrameDecoder(frameBytesMax);
  #socket: Socket | undefined;
  #outgoing: Uint8Array[] = [];
  #outgoingBytes = 0;
  #lastId = 0;
  #closed: ActonError | undefined;

  constructor(codec: Codec, clock: Clock) {
    this.#codec = codec;
    this.#calls = new PendingCalls(clock);
  }

  attach(socket: Socket): void {
    this.#socket = socket;
    if (this.#closed !== undefined) socket.terminate();
  }

  async ask(agent: string, type: string, payload: unknown, options: AskOptions = {}): Promise<unknown> {
    return this.#call({ target: agent, message_type: type, payload, expects_reply: true }, options);
  }

  async send(agent: string, type: string, payload: unknown, options: AskOptions = {}): Promise<void> {
    await this.#call({ target: agent, message_type: type, payload, expects_reply: false }, options);
  }

  close(): void {
    this.#fail(new ActonError("CONNECTION_CLOSED", "the client was closed"));
  }

  #call(call: Readonly<Record<string, unknown>>, { timeoutMs = timeoutMsDefault }: AskOptions): Promise<unknown> {
    if (this.#closed !== undefined) throw new ActonError("CONNECTION_CLOSED", this.#closed.message);
    const id = String(++this.#lastId);
    const body = this.#codec.encode({ request_id: id, ...call, timeout_ms: timeoutMs });
    if (body.length > frameBytesMax)
      throw new ActonError("SERIALIZATION_ERROR", `the request has ${body.length} bytes; a frame holds ${frameBytesMax}`);
    if (this.#outgoingBytes + body.length > outgoingBytesMax)
      throw new ActonError("TARGET_BUSY", "too much waits to be sent: the server does not read");
    const outcome = this.#calls.open(id, timeoutMs);
    this.#enqueue(body);
    return outcome;
  }

  #enqueue(body: Uint8Array): void {
    const frame = Buffer.allocUnsafe(4 + body.length);
    frame.writeUInt32BE(body.length);
    frame.set(body, 4);
    this.#outgoing.push(frame);
    this.#outgoingBytes += frame.length;
    if (this.#outgoing.length === 1) this.#flush();
  }

  #flush(): void {
    for (let first = this.#outgoing[0]; first !== undefined; first = this.#outgoing[0]) {
      const taken = this.#socket?.write(first) ?? -1;
      if (taken < 0) return this.#fail(new ActonError("CONNECTION_CLOSED", "the connection is gone"));
      this.#outgoingBytes -= taken;
      if (taken < first.length) {
        this.#outgoing[0] = first.subarray(taken);
        return;
      }
      this.#outgoing.shift();
    }
  }

  #read(bytes: Uint8Array): void {
    try {
      this.#incoming.push(bytes);
      for (let frame = this.#next(); frame !== undefined; frame = this.#next()) this.#receive(frame);
    } catch (thrown) {
      this.#fail(new ActonError("PROTOCOL_ERROR", `the server sent what cannot be understood: ${detailOf(thrown)}`, { cause: thrown }));
    }
  }

  #next(): Frame | undefined {
    return this.#incoming.next(() => lengthFieldBytes);
  }

  #receive(frame: Frame): void {
    if (frame.start === frame.end) return;
    const response = this.#codec.decode(frame);
    if (!isRecord(response)) throw new TypeError("a body that is not an object");
    const id = response["request_id"];
    if (response["success"] === true && typeof id === "string") this.#calls.answer(id, response["payload"] ?? null);
    if (response["success"] !== false) return;
    const error = errorOf(response);
    // An error that names no call is about the connection: too many of them, or a frame that was not understood.
    if (typeof id === "string") this.#calls.fail(id, error);
    else this.#fail(error);
  }

  #fail(error: ActonError): void {
    if (this.#closed !== undefined) return;
    this.#closed = error;
    this.#outgoing = [];
    this.#calls.failAll(error);
    this.#socket?.terminate();
  }
}

function errorOf(response: Readonly<Record<string, unknown>>): ActonError {
  const text = typeof response["error"] === "string" ? response["error"] : "";
  const code: ErrorCode = isErrorCode(response["error_code"]) ? response["error_code"] : "PROTOCOL_ERROR";
  const prefix = `${errorKinds[code].variant}: `;
  const retryAfterMs = response["retry_after_ms"];
  return new ActonError(code, text.startsWith(prefix) ? text.slice(prefix.length) : text, {
    ...(typeof retryAfterMs === "number" ? { retryAfterMs } : {}),
    details: response["details"],
  });
}

function unreachable(path: string, thrown: unknown): ActonError {
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  const reasons: Record<string, string> = {
    ENOENT: "no socket is there; is its server running?",
    ENOTDIR: "no socket is there; is its server running?",
    ECONNREFUSED: "no server listens there; is it running?",
    EACCES: "access is denied",
  };
  const reason = (typeof code === "string" ? reasons[code] : undefined) ?? detailOf(thrown);
  return new ActonError("CONNECTION_CLOSED", `cannot connect to ${path}: ${reason}`, { cause: thrown });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
