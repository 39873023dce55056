// The same bodies in MessagePack. Loaded when a client asks for that format, and only then.

import { decodeMessagePack, encodeMessagePack } from "../wire/msgpack.ts";
import { type BodyCodec, bodyLimits, jsonBodies, noTimeLimit, objectFrom } from "./body-codec.ts";

export const packedBodies: BodyCodec = {
  request(out, id, { agent, type, payload, expects, timeoutMs, window, askChain }) {
    this.other(out, {
      request_id: String(id),
      target: agent,
      message_type: type,
      ...(expects === "reply" ? { expects_reply: true } : expects === "stream" ? { expects_stream: true } : {}),
      ...(timeoutMs === undefined ? {} : { timeout_ms: Number.isSafeInteger(timeoutMs) ? timeoutMs : noTimeLimit }),
      ...(window === undefined ? {} : { stream_window: window }),
      ...(askChain === undefined ? {} : { ask_chain: askChain }),
      payload,
    });
  },

  other(out, body) {
    const bytes = encodeMessagePack(body);
    out.begin();
    out.raw(bytes);
    out.finish();
  },

  read(frame, receiver) {
    const { bytes, start, end } = frame;
    // What the server says of the connection as such is in JSON, whatever its client speaks.
    if (bytes[start] === 0x7b) jsonBodies.read(frame, receiver);
    else receiver.body(objectFrom(decodeMessagePack(bytes, start, end, bodyLimits)));
  },
};
