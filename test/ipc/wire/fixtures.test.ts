import { describe, expect, test } from "bun:test";
import { decodeJson, encodeJson } from "../../../src/ipc/wire/json.ts";
import { decodeMessagePack, encodeMessagePack } from "../../../src/ipc/wire/msgpack.ts";

interface Frame {
  readonly name: string;
  readonly version: 1 | 2 | null;
  readonly format: "json" | "msgpack";
  readonly hex: string;
  readonly body: unknown;
}

const limits = { depth: 127, tokens: 100_000 };
const integers = [2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 64n - 1n, -(2n ** 53n) - 1n, -(2n ** 63n)];

async function recorded(file: string): Promise<Frame[]> {
  const all: Frame[] = await Bun.file(new URL(`../../fixtures/${file}`, import.meta.url)).json();
  return all.filter((frame) => body(frame).length > 0);
}

function body({ hex, version }: Frame): Uint8Array {
  const bytes = Buffer.from(hex, "hex");
  const start = version === null ? 4 : version === 1 ? 6 : 7;
  expect(bytes.readUInt32BE(0)).toBe(bytes.length - start);
  return bytes.subarray(start);
}

function decode(format: Frame["format"], bytes: Uint8Array): unknown {
  return (format === "json" ? decodeJson : decodeMessagePack)(bytes, 0, bytes.length, limits);
}

function encode(format: Frame["format"], value: unknown): Uint8Array {
  return format === "json" ? new TextEncoder().encode(encodeJson(value)) : encodeMessagePack(value);
}

function expected({ name, body }: Frame): unknown {
  return name.endsWith("/payload-integers-64-bit") ? { ...(body as object), payload: integers } : body;
}

/**
 * Bodies whose bytes may differ: maps with a wide header, whole numbers as float64, and positive integers beyond 32 bits (a push's
 * time among them), which Python and Rust write as uint64 and msgpackr as int64.
 */
const otherwiseWritten = /envelope-map(16|32)|payload-whole-float|payload-integers|\/push/;

describe.each(["bare-frames.json", "acton-frames.json"])("the frames of %s", async (file) => {
  const frames = await recorded(file);

  test.each(frames)("$name decodes to what was recorded, and again after encoding", (frame) => {
    const value = decode(frame.format, body(frame));
    expect(value).toEqual(expected(frame));
    expect(decode(frame.format, encode(frame.format, value))).toEqual(value);
  });

  test("canonical MessagePack is written byte for byte", () => {
    const canonical = frames.filter(({ name, format }) => format === "msgpack" && !otherwiseWritten.test(name));
    expect(canonical.length).toBeGreaterThanOrEqual(file === "bare-frames.json" ? 30 : 230);
    for (const frame of canonical) {
      expect(`${frame.name} ${Buffer.from(encodeMessagePack(expected(frame))).toString("hex")}`).toBe(
        `${frame.name} ${Buffer.from(body(frame)).toString("hex")}`,
      );
    }
  });
});
