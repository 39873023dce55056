// The frames of a load test: requests encoded once, with a place for the id, and answers read as cheaply as they allow. An
// answer that is spelled like the first one is known by its bytes; any other is decoded.

import type { Frame, HeaderLength } from "../../ipc/wire/frame-decoder.ts";
import type { Format } from "../../ipc/wire/packet.ts";
import { isRecord } from "../../record.ts";

export type DialectName = "bare" | "acton";

export interface FrameFormat {
  readonly dialect: DialectName;
  readonly format: Format;
  readonly encode: (body: unknown) => Uint8Array;
  readonly decode: (bytes: Buffer, start: number, end: number) => unknown;
}

/** What a frame from the server means to whoever counts. */
export interface Answer {
  kind: "reply" | "item" | "failure" | "push" | "other";
  /** The number in the id of what it answers; -1 when it answers nothing. */
  slot: number;
  /** Of a failure: its code, or its text where there is none. */
  code: string;
  body: Readonly<Record<string, unknown>> | undefined;
}

const kinds = { request: 0x01, subscribe: 0x06 } as const;
const idBytes = 8;
/** Ids are of one length, so that they can be written over. */
const firstId = 10_000_000;

export function formatFor(dialect: DialectName, msgpack: boolean): Promise<FrameFormat> {
  return msgpack ? packed(dialect) : Promise.resolve(json(dialect));
}

function json(dialect: DialectName): FrameFormat {
  return {
    dialect,
    format: "json",
    encode: (body) => Buffer.from(JSON.stringify(body, (_key, value: unknown) => (typeof value === "bigint" ? JSON.rawJSON(String(value)) : value))),
    decode: (bytes, start, end) => JSON.parse(bytes.toString("utf8", start, end)),
  };
}

async function packed(dialect: DialectName): Promise<FrameFormat> {
  const { decodeMessagePack, encodeMessagePack } = await import("../../ipc/wire/msgpack.ts");
  const limits = { depth: 127, tokens: 2 ** 24 };
  const text = json(dialect);
  return {
    dialect,
    format: "msgpack",
    encode: encodeMessagePack,
    // What a server says of the connection as such may be in JSON.
    decode: (bytes, start, end) => (bytes[start] === 0x7b ? text.decode(bytes, start, end) : decodeMessagePack(bytes, start, end, limits)),
  };
}

export interface BenchMessage {
  readonly agent: string;
  readonly type: string;
  readonly payload: unknown;
  readonly stream: boolean;
}

/** One frame for each slot, which differ in their ids. */
export function requestFrames(format: FrameFormat, message: BenchMessage, slots: number): readonly Buffer[] {
  const id = format.dialect === "bare" ? "request_id" : "correlation_id";
  const expected = message.stream ? { expects_stream: true } : { expects_reply: true };
  const body = format.encode({ [id]: String(firstId), target: message.agent, message_type: message.type, ...expected, payload: message.payload });
  const frame = framed(format, kinds.request, body);
  const at = frame.indexOf(String(firstId));
  return Array.from({ length: slots }, (_, slot) => {
    const copy = Buffer.from(frame);
    copy.write(String(firstId + slot), at, "latin1");
    return copy;
  });
}

export function subscribeFrame(format: FrameFormat, type: string): Buffer {
  const id = format.dialect === "bare" ? "request_id" : "correlation_id";
  return framed(format, kinds.subscribe, format.encode({ [id]: String(firstId), message_types: [type] }));
}

const actonVersion = 2;

function framed({ dialect, format }: FrameFormat, kind: number, body: Uint8Array): Buffer {
  const header = dialect === "bare" ? Buffer.alloc(4) : Buffer.from([0, 0, 0, 0, actonVersion, kind, format === "json" ? 1 : 2]);
  header.writeUInt32BE(body.length);
  return Buffer.concat([header, body]);
}

/** The header's length; a version 1 frame of acton has one byte less. */
export function headerLengthOf(dialect: DialectName): HeaderLength {
  if (dialect === "bare") return () => 4;
  return (bytes, offset, end) => (end - offset < 7 ? 0 : bytes[offset + 4] === 1 ? 6 : 7);
}

const success = { json: Buffer.from('"success":true'), msgpack: Buffer.from("\xa7success\xc3", "latin1") } as const;

export class AnswerReader {
  readonly #format: FrameFormat;
  readonly #answer: Answer = { kind: "other", slot: -1, code: "", body: undefined };
  /** A plain reply up to its word of success: what comes before the id, and after it. */
  #before: Buffer | undefined;
  #after = Buffer.alloc(0);

  constructor(format: FrameFormat) {
    this.#format = format;
  }

  /** Valid until the next call. */
  read(frame: Frame): Answer {
    const answer = this.#answer;
    if (this.#isReply(frame)) {
      answer.kind = "reply";
      answer.slot = idAt(frame.bytes, frame.start + (this.#before?.length ?? 0)) - firstId;
      return answer;
    }
    const body = this.#format.decode(frame.bytes, frame.start, frame.end);
    answer.slot = -1;
    answer.body = isRecord(body) ? body : undefined;
    answer.kind = answer.body === undefined ? "other" : this.#interpret(answer, answer.body);
    if (answer.kind === "reply") this.#learn(frame, answer.slot);
    return answer;
  }

  #isReply({ bytes, start, end }: Frame): boolean {
    const before = this.#before;
    if (before === undefined || end - start < before.length + idBytes + this.#after.length) return false;
    return matches(bytes, start, before) && matches(bytes, start + before.length + idBytes, this.#after);
  }

  #interpret(answer: Answer, body: Readonly<Record<string, unknown>>): Answer["kind"] {
    const id = body["request_id"] ?? body["correlation_id"] ?? body["stream_id"];
    answer.slot = typeof id === "string" && id.length === idBytes ? Number(id) - firstId : -1;
    const { success, error, error_code: code } = body;
    if (success === false || typeof error === "string") {
      answer.code = String(code ?? error);
      return "failure";
    }
    if (body["is_final"] === false) return "item";
    if (success === true || body["is_final"] === true) return "reply";
    return body["message_type"] === undefined ? "other" : "push";
  }

  #learn({ bytes, start, end }: Frame, slot: number): void {
    const marker = success[this.#format.format];
    const idFrom = bytes.indexOf(String(firstId + slot), start, "latin1");
    const to = bytes.indexOf(marker, start);
    if (idFrom < 0 || to < idFrom || to > end) return;
    this.#before = Buffer.from(bytes.subarray(start, idFrom));
    this.#after = Buffer.from(bytes.subarray(idFrom + idBytes, to + marker.length));
  }
}

function idAt(bytes: Buffer, at: number): number {
  let id = 0;
  for (let index = at; index < at + idBytes; index++) id = id * 10 + ((bytes[index] as number) - 0x30);
  return id;
}

function matches(bytes: Buffer, at: number, expected: Buffer): boolean {
  for (let index = 0; index < expected.length; index++) if (bytes[at + index] !== expected[index]) return false;
  return true;
}
