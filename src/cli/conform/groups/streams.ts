// Streams: items in order, one final frame, and what cuts one short.

import type { Group } from "../case.ts";
import { absent, containing, either, expectThat, someText } from "../expectation.ts";
import { listOf } from "../speaker.ts";
import { acton1, acton2, all, bare, bareJson, kinds } from "../tongue.ts";

export const streams: Group = {
  name: "streams",
  section: "Stream frame",
  tongues: all,
  needs: ["list_service", "streaming"],
  sentences: [
    {
      says: "items come in order from sequence 0, then a final frame without a payload",
      async run(peer) {
        peer.list("1", 5);
        for (let sequence = 0; sequence < 5; sequence++) await peer.item("1", sequence);
        await peer.final("1", 5);
        await peer.lives();
      },
    },
    {
      says: "a stream of ten thousand items comes whole",
      tongues: [bareJson, acton2],
      async run(peer) {
        peer.list("1", 10_000);
        for (let sequence = 0; sequence < 10_000; sequence++) await peer.item("1", sequence);
        await peer.final("1", 10_000);
      },
    },
    {
      says: "expects_stream wins over expects_reply",
      section: "Request",
      async run(peer) {
        peer.list("1", 1, { expects_reply: true });
        await peer.item("1", 0);
        await peer.final("1", 1);
      },
    },
    {
      says: "a request for one reply can be asked as a stream: one item, or a value on the final frame",
      needs: ["calculator", "streaming"],
      async run(peer) {
        peer.ask("1", { expects_stream: true });
        const first = await peer.gets({ ...peer.id("1"), sequence: 0, payload: { sum: 8 }, error: absent }, peer.streamHeader);
        if (first["is_final"] === false) await peer.final("1", 1);
      },
    },
    {
      says: "a stream of an unknown agent is one final frame with the error",
      section: "Stream frame",
      async run(peer) {
        peer.list("1", 1, { target: "nobody-here" });
        await peer.refuses("1", "ACTOR_NOT_FOUND", { shape: "stream" });
        await peer.lives();
      },
    },
    {
      says: "a stream of an unknown type is one final frame with the error",
      async run(peer) {
        peer.list("1", 1, { message_type: "NoSuchType" });
        await peer.refuses("1", "UNKNOWN_MESSAGE_TYPE", { shape: "stream" });
        await peer.lives();
      },
    },
    {
      says: "a stream with a wrong payload is one final frame with the error",
      async run(peer) {
        peer.list("1", 1, { payload: { page_size: "many" } });
        await peer.refuses("1", "SERIALIZATION_ERROR", { shape: "stream", text: containing("page_size") });
        await peer.lives();
      },
    },
    {
      says: "a stream whose envelope is wrong is one final frame with the error",
      async run(peer) {
        peer.list("1", 1, { target: 5 });
        await peer.refuses("1", "SERIALIZATION_ERROR", { shape: "stream" });
        await peer.lives();
      },
    },
    {
      says: "its time bounds the whole stream, and past it comes a final frame with Timeout",
      needs: ["list_service", "streaming", "credit"],
      async run(peer) {
        peer.list("1", 3, { stream_window: 1, response_timeout_ms: 300 });
        await peer.item("1", 0);
        const text = peer.isBare ? containing("Timeout: ") : containing("Stream timed out after 300 ms");
        await peer.refuses("1", "TIMEOUT", { shape: "stream", sequence: 1, text });
        await peer.lives();
      },
    },
    {
      says: "a time of 2^64−1 is no limit",
      async run(peer) {
        peer.list("1", 1, { response_timeout_ms: 2n ** 64n - 1n });
        await peer.item("1", 0);
        await peer.final("1", 1);
      },
    },
    {
      says: "a stream without an id that cannot begin is one final frame, too",
      tongues: bare,
      async run(peer) {
        peer.send({ ...listOf(1), expects_stream: true, target: "nobody-here" });
        const expected = { stream_id: someText, request_id: absent, sequence: 0, payload: null, is_final: true, error_code: "ACTOR_NOT_FOUND" };
        await peer.gets(expected);
        await peer.lives();
      },
    },
    {
      says: "a time of 0 ends a stream at once",
      async run(peer) {
        peer.list("1", 3, { response_timeout_ms: 0 });
        await peer.refuses("1", "TIMEOUT", { shape: "stream" });
      },
    },
    {
      says: "the items of streams beside one another are told apart, each in its order",
      async run(peer) {
        const next = new Map([1, 2, 3, 4].map((n) => [`s${n}`, 0]));
        for (const id of next.keys()) peer.list(id, 50);
        for (let open = next.size; open > 0;) {
          const { fields } = await peer.next(peer.streamHeader);
          const id = String(fields[peer.isBare ? "request_id" : "correlation_id"]);
          const sequence = next.get(id) ?? -1;
          const last = sequence === 50;
          const expected = { ...peer.id(id), sequence, is_final: last, payload: last ? either(undefined, null) : { id: sequence } };
          expectThat(fields, expected);
          next.set(id, sequence + 1);
          if (last) open -= 1;
        }
      },
    },
    {
      says: "a stream that is asked for in version 1 comes in frames of version 2",
      section: "Header",
      tongues: [acton1],
      async run(peer) {
        peer.list("1", 1);
        await peer.gets({ correlation_id: "1", sequence: 0 }, { kind: kinds.stream, tongue: acton2 });
        await peer.gets({ correlation_id: "1", sequence: 1, is_final: true }, { kind: kinds.stream, tongue: acton2 });
      },
    },
    {
      says: "a stream's time has the other name, too",
      section: "Request",
      tongues: bare,
      needs: ["list_service", "streaming", "credit"],
      async run(peer) {
        peer.list("1", 3, { stream_window: 0, timeout_ms: 100 });
        await peer.refuses("1", "TIMEOUT", { shape: "stream" });
      },
    },
    {
      says: "a stream whose reply goes to another agent is one final frame with the acknowledgement",
      section: "Rules",
      needs: ["list_service", "kv_store", "streaming", "reply_to"],
      async run(peer) {
        peer.send({ ...peer.id("1"), ...listOf(2), expects_stream: true, reply_to: "kv_store" });
        const expected = { ...peer.id("1"), sequence: 0, payload: { status: "delivered" }, is_final: true };
        await peer.gets(expected, peer.streamHeader);
      },
    },
  ],
};
