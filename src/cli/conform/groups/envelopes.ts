// The fields of a request, one by one: what each takes, what it is when it is left out, and that a wrong one costs its own
// request and nothing else.

import type { Group, Sentence } from "../case.ts";
import { containing } from "../expectation.ts";
import { sum } from "../speaker.ts";
import { acton2, all, bare, bareJson, type Fields } from "../tongue.ts";

const wrong: Readonly<Record<string, readonly unknown[]>> = {
  target: [undefined, null, 5, ["calculator"], { name: "calculator" }],
  message_type: [undefined, null, 5, ["AddRequest"]],
  expects_reply: ["true", 1, []],
  expects_stream: ["true", 0, {}],
  reply_to: [5, ["kv_store"], true],
  stream_window: [-1, 1.5, "3"],
  ask_chain: ["one", [1], Array.from({ length: 17 }, (_, n) => `id-${n}`), ["x".repeat(129)], [""]],
};

const wrongTimes = [-1, 0.5, "100", true];

export const envelopes: Group = {
  name: "envelopes",
  section: "Request",
  tongues: all,
  needs: ["calculator"],
  sentences: [
    ...Object.entries(wrong).map(([field, values]): Sentence => ({
      says: `${field} of a wrong type is SerializationError, which names it, and the connection lives`,
      tongues: field === "ask_chain" || field === "stream_window" ? [bareJson, acton2] : all,
      needs: field === "ask_chain" ? ["calculator", "ask_chain"] : field === "stream_window" ? ["calculator", "credit"] : ["calculator"],
      async run(peer) {
        for (const value of values) {
          const { [field]: _, ...others }: Fields = { ...sum };
          peer.send({ ...peer.id("1"), ...others, ...(value === undefined ? {} : { [field]: value }) });
          // What is a request without a target is something else, and has lost its way.
          await peer.refuses("1", "SERIALIZATION_ERROR", field === "target" && value === undefined ? {} : { text: containing(field) });
        }
        await peer.lives();
      },
    })),
    {
      says: "a time that is no whole number from 0 is SerializationError",
      async run(peer) {
        for (const time of wrongTimes) {
          peer.ask("1", { response_timeout_ms: time });
          await peer.refuses("1", "SERIALIZATION_ERROR", { text: containing("response_timeout_ms") });
        }
        await peer.lives();
      },
    },
    {
      says: "optional fields may be null",
      async run(peer) {
        peer.ask("1", { expects_stream: null, reply_to: null, response_timeout_ms: null, traceparent: null });
        await peer.replies("1", { sum: 8 });
        peer.ask("2", { expects_reply: null });
        await peer.delivered("2");
      },
    },
    {
      says: "expects_reply is false unless it is said",
      async run(peer) {
        const { expects_reply: _, ...fields } = sum;
        peer.send({ ...peer.id("1"), ...fields });
        await peer.delivered("1");
      },
    },
    {
      says: "a time of 0 is over at once where an answer is wanted",
      section: "Errors",
      async run(peer) {
        peer.ask("1", { response_timeout_ms: 0 });
        await peer.refuses("1", "TIMEOUT");
        await peer.lives();
      },
    },
    {
      says: "a time of 0 means nothing in fire and forget",
      async run(peer) {
        peer.ask("1", { response_timeout_ms: 0, expects_reply: false });
        await peer.delivered("1");
      },
    },
    {
      says: "a time of 2^64−1 is no limit, and refuses nothing",
      async run(peer) {
        peer.ask("1", { response_timeout_ms: 2n ** 64n - 1n });
        await peer.replies("1", { sum: 8 });
        peer.ask("2", { response_timeout_ms: 2 ** 31 });
        await peer.replies("2", { sum: 8 });
      },
    },
    {
      says: "timeout_ms is the name of the time, and wins over its alias",
      tongues: bare,
      async run(peer) {
        peer.ask("1", { timeout_ms: 0 });
        await peer.refuses("1", "TIMEOUT");
        peer.ask("2", { timeout_ms: 30_000, response_timeout_ms: 0 });
        await peer.replies("2", { sum: 8 });
        peer.ask("3", { timeout_ms: 0, response_timeout_ms: 30_000 });
        await peer.refuses("3", "TIMEOUT");
      },
    },
    {
      says: "trace context is taken, and refuses nothing when it is no text",
      section: "Extensions",
      needs: ["calculator", "trace"],
      async run(peer) {
        peer.ask("1", { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", tracestate: "a=1" });
        await peer.replies("1", { sum: 8 });
        peer.ask("2", { traceparent: 5, tracestate: [] });
        await peer.replies("2", { sum: 8 });
      },
    },
    {
      says: "an object without any field that is known is SerializationError",
      async run(peer) {
        peer.send({ ...peer.id("1"), hello: "there" });
        await peer.refuses("1", "SERIALIZATION_ERROR");
        peer.send({});
        await peer.refuses(null, "SERIALIZATION_ERROR");
        await peer.lives();
      },
    },
    {
      says: "the ids of handlers that nobody here knows are no cycle",
      section: "Cycles",
      tongues: [bareJson, acton2],
      needs: ["calculator", "ask_chain"],
      async run(peer) {
        peer.ask("1", { ask_chain: ["somebody-elses", "another-one"] });
        await peer.replies("1", { sum: 8 });
        peer.ask("2", { ask_chain: [] });
        await peer.replies("2", { sum: 8 });
        peer.ask("3", { ask_chain: Array.from({ length: 16 }, (_, n) => `${n}`.repeat(64)) });
        await peer.replies("3", { sum: 8 });
      },
    },
    {
      says: "a server that does not know ask_chain ignores it",
      section: "Cycles",
      tongues: [bareJson, acton2],
      async run(peer) {
        peer.ask("1", { ask_chain: ["somebody-elses"] });
        await peer.replies("1", { sum: 8 });
      },
    },
  ],
};
