// The recorded frames of acton-reactive 10.0.0 as test data, and how a body is read without the code under test.

import { type Fields, fieldsOf } from "../../support/raw-client.ts";

export interface RecordedFrame {
  readonly name: string;
  readonly direction: "client" | "server";
  readonly version: 1 | 2;
  readonly kind: number;
  readonly format: "json" | "msgpack";
  readonly bytes: Buffer;
  /** Null for an empty body. */
  readonly body: unknown;
}

/** What the bodies called `payload-integers-64-bit` hold: the file's own numbers are rounded when it is parsed. */
const wideIntegers = [2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 64n - 1n, -(2n ** 53n) - 1n, -(2n ** 63n)];

export async function recordedFrames(): Promise<readonly RecordedFrame[]> {
  const frames = (await Bun.file(new URL("../../fixtures/acton-frames.json", import.meta.url)).json()) as Array<
    Omit<RecordedFrame, "bytes"> & { hex: string }
  >;
  return frames.map(({ hex, ...frame }) => {
    const isWide = frame.name.endsWith("/payload-integers-64-bit");
    return { ...frame, bytes: Buffer.from(hex, "hex"), body: isWide ? { ...(frame.body as Fields), payload: wideIntegers } : frame.body };
  });
}

export interface ActonFrame {
  readonly version: number;
  readonly kind: number;
  readonly format: "json" | "msgpack";
  /** The body as it came. */
  readonly raw: Buffer;
  /** The body's fields; empty when it is not an object. */
  readonly fields: Fields;
}

/** Cuts the frame that begins at `offset`; undefined while it is not whole. */
export function cutFrame(bytes: Buffer, offset = 0): { readonly frame: ActonFrame; readonly end: number } | undefined {
  if (bytes.length < offset + 6) return undefined;
  const version = bytes[offset + 4] as number;
  const header = version === 1 ? 6 : 7;
  const end = offset + header + bytes.readUInt32BE(offset);
  if (bytes.length < end) return undefined;
  const format = version === 1 || bytes[offset + 6] === 1 ? "json" : "msgpack";
  const raw = bytes.subarray(offset + header, end);
  const isObject =
    raw[0] === 0x7b || (format === "msgpack" && raw.length > 0 && ((raw[0] as number) >> 4 === 0x8 || raw[0] === 0xde || raw[0] === 0xdf));
  return { frame: { version, kind: bytes[offset + 5] as number, format, raw, fields: isObject ? fieldsOf(raw) : {} }, end };
}
