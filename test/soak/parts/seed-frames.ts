// The frames that the fuzzers begin with: what was recorded of both protocols, one of each operation, and fresh ones.

import { readFileSync } from "node:fs";
import { encodeJson } from "../../../src/ipc/wire/json.ts";
import { encodeMessagePack } from "../../../src/ipc/wire/msgpack.ts";
import type { Format } from "../../../src/ipc/wire/packet.ts";
import { actonFrame, kinds, spellings } from "../../ipc/acton/support.ts";
import { frameOf, packed } from "../../support/raw-client.ts";
import { type Chance, someRecord, someValue } from "./chance.ts";

export const frameBytesMax = 64 * 1024;
/** Bodies up to here must be dealt with at once. */
export const smallBytes = 4096;

/** Mostly the right length, so that the body is looked at; else one that is telling, or as the mutation left it. */
export function withLength(bytes: Buffer, chance: Chance): Buffer {
  if (bytes.length < 5 || chance.oncein(6)) return bytes;
  const header = bytes[4] === 1 ? 6 : bytes[4] === 2 ? 7 : 4;
  const exact = Math.max(0, bytes.length - header);
  const length = chance.oncein(12) ? chance.one([0, 1, exact - 1, exact + 1, frameBytesMax, frameBytesMax + 1, 2 ** 31, 2 ** 32 - 1]) : exact;
  bytes.writeUInt32BE(Math.max(0, length));
  return bytes;
}

/** The recorded frames of both protocols, and one of each operation in each spelling. */
export function seedFrames(): readonly Buffer[] {
  const recorded = ["bare-frames.json", "acton-frames.json"].flatMap((name) => {
    const file = readFileSync(new URL(`../../fixtures/${name}`, import.meta.url), "utf8");
    return (JSON.parse(file) as readonly { readonly hex: string }[]).map(({ hex }) => Buffer.from(hex, "hex"));
  });
  const bodies = [
    { target: "echo", message_type: "Echo", payload: { deep: [[[{}]]], text: "grüße" }, expects_reply: true, request_id: "r", correlation_id: "r" },
    { target: "streams", message_type: "Count", payload: { items: 2 }, expects_stream: true, stream_window: 3, timeout_ms: 2 ** 40 },
    { message_types: ["Price", "Text"], patterns: ["Pri*"], request_id: "s", correlation_id: "s" },
    { unsubscribe: ["Price"], unsubscribe_patterns: [] },
    { discover: true },
    { stats: true, correlation_id: "q" },
    { ping: true, request_id: "p" },
    { cancel: "r", correlation_id: "r" },
    { credit: 5, stream_id: "r", correlation_id: "r" },
    { watch: "echo", request_id: "w", correlation_id: "w" },
    { target: "echo", message_type: "Echo", payload: 1, traceparent: "00-1-2-01", ask_chain: ["a", "b"], correlation_id: "c", reply_to: "notes" },
  ];
  const made = bodies.flatMap((body) => [
    frameOf(JSON.stringify(body)),
    frameOf(packed(body)),
    ...Object.values(kinds).flatMap((kind) => spellings.map((spelling) => actonFrame(kind, body, spelling))),
  ]);
  return [...recorded.filter((bytes) => bytes.length <= smallBytes), ...made, Buffer.alloc(4)];
}

/** A frame that no other case begins with. */
export function freshFrame(chance: Chance, dialect: "bare" | "acton"): Buffer {
  const format: Format = chance.oncein(2) ? "json" : "msgpack";
  const options = { binary: format === "msgpack", bigints: true };
  const body = {
    ...someRecord(chance, options, 2),
    target: "echo",
    message_type: "Echo",
    payload: someValue(chance, options),
    request_id: "r",
    correlation_id: "r",
  };
  const bytes = format === "json" ? Buffer.from(encodeJson(body)) : Buffer.from(encodeMessagePack(body));
  return dialect === "bare" ? frameOf(bytes) : actonFrame(kinds.request, bytes, format);
}
