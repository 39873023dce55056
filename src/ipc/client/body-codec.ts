// Bodies of the bare dialect as a client writes and reads them, in JSON. A request is put together from fragments, and
// the commonest answer, a plain reply, is recognised by its bytes: only its payload is parsed.

import type { CodecLimits } from "../wire/codec.ts";
import type { Frame } from "../wire/frame-decoder.ts";
import type { FrameWriter } from "../wire/frame-writer.ts";
import { decodeJson, encodeJson, jsonId } from "../wire/json.ts";
import type { Body, OutgoingRequest } from "./open-call.ts";

/** Where what was read goes. */
export interface BodyReceiver {
  /** A successful reply's payload. */
  reply(id: number, payload: unknown): void;
  body(body: Body): void;
}

/** Each writing method writes one whole frame, or throws and leaves the writer as it was. */
export interface BodyCodec {
  request(out: FrameWriter, id: number, request: OutgoingRequest): void;
  other(out: FrameWriter, body: Body): void;
  /** Throws when the frame holds no object. */
  read(frame: Frame, receiver: BodyReceiver): void;
}

/** Our own server's answers may be as large as it likes; only the frame bounds them. */
export const bodyLimits: CodecLimits = { depth: 127, tokens: 2 ** 24 };
/** What clients write for "no limit". */
export const noTimeLimit = 2n ** 64n - 1n;

export const jsonBodies: BodyCodec = {
  request(out, id, { agent, type, payload, expects, timeoutMs, window, askChain }) {
    const time = timeoutMs === undefined ? "" : `,"timeout_ms":${Number.isSafeInteger(timeoutMs) ? timeoutMs : noTimeLimit}`;
    const pace = window === undefined ? "" : `,"stream_window":${window}`;
    const chain = askChain === undefined ? "" : `,"ask_chain":${JSON.stringify(askChain)}`;
    const expected = expects === "reply" ? `,"expects_reply":true` : expects === "stream" ? `,"expects_stream":true` : "";
    writeText(
      out,
      `{"request_id":"${id}","target":${jsonId(agent)},"message_type":${jsonId(type)}${expected}${time}${pace}${chain},"payload":${encodeJson(payload)}}`,
    );
  },

  other(out, body) {
    writeText(out, encodeJson(body));
  },

  read(frame, receiver) {
    if (readReply(frame, receiver)) return;
    receiver.body(objectFrom(decodeJson(frame.bytes, frame.start, frame.end, bodyLimits)));
  },
};

export function objectFrom(value: unknown): Body {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new TypeError("a body that is not an object");
  return value as Body;
}

function writeText(out: FrameWriter, text: string): void {
  out.begin();
  out.text(text);
  out.finish();
}

const replyHead = Buffer.from(`{"request_id":"`);
const replyMiddle = Buffer.from(`","success":true,"payload":`);
const replyTail = Buffer.from(`,"error":null}`);
const replyBytesMin = replyHead.length + 1 + replyMiddle.length + 1 + replyTail.length;

/** True when the frame was a plain reply, spelled as our server spells it. */
function readReply({ bytes, start, end }: Frame, receiver: BodyReceiver): boolean {
  if (end - start < replyBytesMin || !matches(bytes, start, replyHead)) return false;
  let id = 0;
  let at = start + replyHead.length;
  for (let digit = digitAt(bytes, at); digit >= 0 && digit <= 9; digit = digitAt(bytes, ++at)) id = id * 10 + digit;
  const from = at + replyMiddle.length;
  const to = end - replyTail.length;
  if (from >= to || !matches(bytes, at, replyMiddle) || !matches(bytes, to, replyTail)) return false;
  receiver.reply(id, decodeJson(bytes, from, to, bodyLimits));
  return true;
}

function digitAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) - 0x30;
}

function matches(bytes: Uint8Array, at: number, expected: Uint8Array): boolean {
  for (let index = 0; index < expected.length; index++) {
    if (bytes[at + index] !== expected[index]) return false;
  }
  return true;
}
