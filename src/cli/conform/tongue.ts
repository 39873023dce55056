// The five ways to speak on one socket, and the frames of each, written and read with none of the server's own code.

import { jsonText } from "../terminal.ts";
import { packed, unpacked } from "./message-pack.ts";

export type Fields = Readonly<Record<string, unknown>>;

export type Format = "json" | "msgpack";

export interface Tongue {
  readonly name: string;
  readonly dialect: "bare" | "acton";
  /** 0 in bare, which has none. */
  readonly version: number;
  readonly format: Format;
}

export const bareJson: Tongue = { name: "bare JSON", dialect: "bare", version: 0, format: "json" };
export const barePack: Tongue = { name: "bare MessagePack", dialect: "bare", version: 0, format: "msgpack" };
export const acton1: Tongue = { name: "acton/1", dialect: "acton", version: 1, format: "json" };
export const acton2: Tongue = { name: "acton/2 JSON", dialect: "acton", version: 2, format: "json" };
export const acton2Pack: Tongue = { name: "acton/2 MessagePack", dialect: "acton", version: 2, format: "msgpack" };

export const bare = [bareJson, barePack];
/** Those that have kinds for subscriptions and discovery. */
export const full = [...bare, acton2, acton2Pack];
export const all = [...bare, acton1, acton2, acton2Pack];

export const kinds = {
  request: 0x01,
  response: 0x02,
  error: 0x03,
  heartbeat: 0x04,
  push: 0x05,
  subscribe: 0x06,
  unsubscribe: 0x07,
  discover: 0x08,
  stream: 0x09,
  subscribePatterns: 0x0a,
  unsubscribePatterns: 0x0b,
  cancel: 0x40,
  credit: 0x41,
  stats: 0x42,
  watch: 0x43,
} as const;

/** A frame as it came. */
export interface Frame {
  readonly version: number;
  readonly kind: number;
  readonly format: Format;
  readonly bytes: Buffer;
  readonly body: Buffer;
}

export function lengthOf(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length);
  return bytes;
}

/** A bare frame around a body, or around any bytes. */
export function bareFrame(body: Uint8Array | string): Buffer {
  const bytes = Buffer.from(body as string);
  return Buffer.concat([lengthOf(bytes.length), bytes]);
}

/** `header` is what stands between the length and the body. */
export function actonFrame(header: readonly number[], body: Uint8Array | string): Buffer {
  const bytes = Buffer.from(body as string);
  return Buffer.concat([lengthOf(bytes.length), Buffer.from(header), bytes]);
}

export function bodyOf(format: Format, fields: Fields): Buffer {
  return format === "json" ? Buffer.from(jsonText(fields, false)) : packed(fields);
}

/** A frame around any bytes, with the header of this kind. `kind` means nothing in bare. */
export function frameAround(tongue: Tongue, kind: number, body: Uint8Array | string): Buffer {
  if (tongue.dialect === "bare") return bareFrame(body);
  return actonFrame(tongue.version === 1 ? [1, kind] : [2, kind, tongue.format === "json" ? 1 : 2], body);
}

const frameBytesMax = 2 ** 26;

/** The first frame of what has come; undefined while it is not whole, and a text that says why when it can be none. */
export function firstFrame(dialect: "bare" | "acton", came: Buffer): Frame | string | undefined {
  if (came.length < 5) return undefined;
  const length = came.readUInt32BE();
  if (length > frameBytesMax) return `a frame of ${length} bytes`;
  const version = dialect === "bare" ? 0 : (came[4] as number);
  if (dialect === "acton" && version !== 1 && version !== 2) return `a frame of version 0x${version.toString(16)}`;
  const headerLength = dialect === "bare" ? 4 : 5 + version;
  if (came.length < headerLength + length) return undefined;
  const bytes = came.subarray(0, headerLength + length);
  const body = bytes.subarray(headerLength);
  const packs = dialect === "bare" ? body[0] !== 0x7b : version === 2 && came[6] === 2;
  return { version, kind: dialect === "bare" ? 0 : (came[5] as number), format: packs ? "msgpack" : "json", bytes, body };
}

/** The fields of a body. Throws, with a text that says why, when it is not exactly what a server may send. */
export function fieldsOf({ format, body }: Frame): Fields {
  const value = format === "msgpack" ? unpacked(body) : parsed(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body));
  if (!isFields(value)) throw new TypeError("the body is not an object");
  return value;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parsed(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) =>
    typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? "")
      ? BigInt(context?.source ?? "")
      : value,
  );
}

/** Bytes for people: in hexadecimal, then as text; what is long is cut. */
export function shownBytes(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes.subarray(0, shownBytesMax))
    .toString("hex")
    .replace(/(..)(?=.)/g, "$1 ");
  const text = Buffer.from(bytes.subarray(0, 3 * shownBytesMax))
    .toString("latin1")
    .replace(/[^\x20-\x7e]/g, ".");
  const more = bytes.length > shownBytesMax ? " …" : "";
  return `${bytes.length} bytes: ${hex}${more}  |${text}${bytes.length > 3 * shownBytesMax ? "…" : ""}|`;
}

const shownBytesMax = 64;
