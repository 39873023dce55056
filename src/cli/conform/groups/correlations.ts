// Correlations: what may be one, that it comes back, who else may have it, and the order of those that have none.

import type { Group } from "../case.ts";
import { absent, someList, someText } from "../expectation.ts";
import { listOf, sum } from "../speaker.ts";
import { acton1, acton2, acton2Pack, all, bare, kinds } from "../tongue.ts";

const acton = [acton1, acton2, acton2Pack];

export const correlations: Group = {
  name: "correlations",
  section: "Rules",
  tongues: all,
  needs: ["calculator"],
  sentences: [
    {
      says: "an id of 128 bytes comes back, and so does one that needs quoting",
      section: "Request",
      async run(peer) {
        for (const id of ["x".repeat(128), "é".repeat(64), 'a "quote", a \\ and a \u0001', "🙂", "__proto__", "constructor"]) {
          peer.ask(id);
          await peer.replies(id, { sum: 8 });
        }
      },
    },
    {
      says: "an id of 129 bytes, an empty one, and one that is no text are refused, without one that cannot be told",
      section: "Request",
      async run(peer) {
        for (const id of ["x".repeat(129), "é".repeat(65), "", 5, ["1"], {}]) {
          peer.send({ ...peer.id(id), ...sum });
          await peer.refuses(null, "SERIALIZATION_ERROR");
        }
        await peer.lives();
      },
    },
    {
      says: "a request must have one, and is refused under `unknown` without it",
      section: "acton request",
      tongues: acton,
      async run(peer) {
        peer.send(sum);
        await peer.refuses("unknown", "SERIALIZATION_ERROR");
        peer.send({ ...sum, correlation_id: null });
        await peer.refuses("unknown", "SERIALIZATION_ERROR");
        await peer.lives();
      },
    },
    {
      says: "an id that is in use is refused to a second request, and the first goes on",
      needs: ["calculator", "list_service", "streaming", "credit", "cancel"],
      async run(peer) {
        peer.wait("1");
        peer.ask("1");
        await peer.refuses("1", "PROTOCOL_ERROR");
        peer.list("1", 1);
        await peer.refuses("1", "PROTOCOL_ERROR", { shape: "stream" });
        peer.credit("1", 3);
        for (const sequence of [0, 1, 2]) await peer.item("1", sequence);
        await peer.final("1", 3);
      },
    },
    {
      says: "an id may be used again after its last frame",
      needs: ["calculator", "list_service", "streaming"],
      async run(peer) {
        for (let n = 0; n < 3; n++) {
          peer.ask("1", { payload: { a: n, b: 0 } });
          await peer.replies("1", { sum: n });
          peer.list("1", 1);
          await peer.item("1", 0);
          await peer.final("1", 1);
        }
      },
    },
    {
      says: "the same id on two connections is two ids",
      async run(peer, { open }) {
        const other = await open(peer.tongue);
        peer.ask("1", { payload: { a: 1, b: 0 } });
        other.ask("1", { payload: { a: 2, b: 0 } });
        await peer.replies("1", { sum: 1 });
        await other.replies("1", { sum: 2 });
      },
    },
    {
      says: "a request is not held up by a stream before it",
      needs: ["calculator", "list_service", "streaming", "credit", "cancel"],
      async run(peer) {
        peer.wait("slow");
        for (const id of ["1", "2", "3"]) {
          peer.ask(id);
          await peer.replies(id, { sum: 8 });
        }
        peer.cancel("slow");
        await peer.refuses("slow", "CANCELLED", { shape: "stream" });
      },
    },
    {
      says: "requests without an id are answered in their order",
      tongues: bare,
      async run(peer) {
        peer.write(...Array.from({ length: 20 }, (_, n) => peer.frame({ ...sum, payload: { a: n, b: 0 } })));
        for (let n = 0; n < 20; n++) await peer.replies(null, { sum: n });
      },
    },
    {
      says: "failures among requests without an id keep the order, too",
      tongues: bare,
      async run(peer) {
        const second = { ...sum, target: "nobody-here" };
        const fourth = { ...sum, payload: {} };
        peer.write(...[sum, second, sum, fourth, sum, { hello: "there" }, sum].map((fields) => peer.frame(fields)));
        await peer.replies(null, { sum: 8 });
        await peer.refuses(null, "ACTOR_NOT_FOUND");
        await peer.replies(null, { sum: 8 });
        await peer.refuses(null, "SERIALIZATION_ERROR");
        await peer.replies(null, { sum: 8 });
        await peer.refuses(null, "SERIALIZATION_ERROR");
        await peer.replies(null, { sum: 8 });
      },
    },
    {
      says: "a stream without an id gets a name from the server, and holds up what has none behind it",
      tongues: bare,
      needs: ["calculator", "list_service", "streaming"],
      async run(peer) {
        peer.write(peer.frame({ ...listOf(20), expects_stream: true }), peer.frame(sum));
        const { stream_id } = await peer.gets({ stream_id: someText, request_id: absent, sequence: 0, is_final: false });
        for (let sequence = 1; sequence < 20; sequence++) await peer.gets({ stream_id, sequence, is_final: false });
        await peer.gets({ stream_id, sequence: 20, payload: null, is_final: true });
        await peer.replies(null, { sum: 8 });
      },
    },
    {
      says: "whatever has no id is answered in its order, be it a stream, a ping or a mistake",
      tongues: bare,
      needs: ["calculator", "list_service", "streaming", "discovery"],
      async run(peer) {
        const frames = [{ ...listOf(20), expects_stream: true }, { ping: true }, { discover: true }, { message_types: 5 }, { hello: "there" }, sum];
        peer.write(...frames.map((fields) => peer.frame(fields)));
        for (let sequence = 0; sequence <= 20; sequence++) await peer.gets({ sequence, is_final: sequence === 20 });
        await peer.replies(null, null);
        await peer.gets({ request_id: null, success: true, actors: someList });
        await peer.refuses(null, "SERIALIZATION_ERROR", { shape: "types" });
        await peer.refuses(null, "SERIALIZATION_ERROR");
        await peer.replies(null, { sum: 8 });
      },
    },
    {
      says: "requests with an id pass those without one that wait",
      tongues: bare,
      needs: ["calculator", "list_service", "streaming", "credit", "cancel"],
      async run(peer) {
        const stream = { ...listOf(3), expects_stream: true, stream_window: 0, timeout_ms: 300 };
        peer.write(...[stream, sum, { request_id: "quick", ...sum }].map((fields) => peer.frame(fields)));
        await peer.replies("quick", { sum: 8 });
        await peer.gets({ stream_id: someText, sequence: 0, is_final: true, error_code: "TIMEOUT" });
        await peer.replies(null, { sum: 8 });
      },
    },
    {
      says: "kinds that only servers send are not answered",
      section: "Kinds",
      tongues: acton,
      needs: [],
      async run(peer) {
        const { version } = peer.tongue;
        const ofServers = version === 1 ? [kinds.response, kinds.error] : [kinds.response, kinds.error, kinds.push, kinds.stream];
        for (const kind of ofServers) peer.send({ correlation_id: "1", success: true }, { kind });
        await peer.lives();
      },
    },
  ],
};
