// Requests: each gets an answer, of the shape and with the code that its case has.

import type { Group } from "../case.ts";
import { containing } from "../expectation.ts";
import { getValue, setValue, sum } from "../speaker.ts";
import { all, bare } from "../tongue.ts";

export const requests: Group = {
  name: "requests",
  section: "Request",
  tongues: all,
  needs: ["calculator"],
  sentences: [
    {
      says: "a request gets the one reply of its agent",
      async run(peer) {
        peer.ask("1", { payload: { a: -7, b: 3 } });
        await peer.replies("1", { sum: -4 });
        await peer.lives();
      },
    },
    {
      says: "fire and forget is answered as soon as the message is in the mailbox",
      async run(peer) {
        peer.ask("1", { expects_reply: false });
        await peer.delivered("1");
        await peer.lives();
      },
    },
    {
      says: "a payload that is left out is null, which a message without fields takes",
      needs: ["health"],
      async run(peer) {
        peer.send({ ...peer.id("1"), target: "health", message_type: "HealthCheck", expects_reply: true });
        await peer.replies("1", { status: "ok" });
        peer.send({ ...peer.id("2"), target: "health", message_type: "HealthCheck", payload: null, expects_reply: true });
        await peer.replies("2", { status: "ok" });
        peer.send({ ...peer.id("3"), target: "health", message_type: "HealthCheck", payload: {}, expects_reply: true });
        await peer.replies("3", { status: "ok" });
      },
    },
    {
      says: "fields that nobody knows are ignored, in the envelope and beside it",
      async run(peer) {
        peer.ask("1", { no_such_field: { deep: [1, 2, { x: null }] }, priority: "high" });
        await peer.replies("1", { sum: 8 });
      },
    },
    {
      says: "an agent that is not there is AgentNotFound, and the connection lives",
      section: "Errors",
      needs: [],
      async run(peer) {
        peer.ask("1", { target: "nobody-here" });
        await peer.refuses("1", "ACTOR_NOT_FOUND", { text: containing("nobody-here") });
        await peer.lives();
      },
    },
    {
      says: "a type that nobody has registered is UnknownMessageType, and the connection lives",
      section: "Errors",
      async run(peer) {
        peer.ask("1", { message_type: "NoSuchType" });
        await peer.refuses("1", "UNKNOWN_MESSAGE_TYPE", { text: containing("NoSuchType") });
        await peer.lives();
      },
    },
    {
      says: "its text ends in `is not registered`",
      section: "Errors",
      tongues: bare,
      async run(peer) {
        peer.ask("1", { message_type: "NoSuchType" });
        await peer.gets({ error: "UnknownMessageType: NoSuchType is not registered" });
      },
    },
    {
      says: "a message that its agent has no handler for is Unhandled, and the connection lives",
      section: "Errors",
      needs: ["calculator", "health"],
      async run(peer) {
        peer.ask("1", { target: "health" });
        await peer.refuses("1", "UNHANDLED");
        await peer.lives();
      },
    },
    {
      says: "a payload that the schema does not take is SerializationError, which names the field",
      section: "Errors",
      async run(peer) {
        peer.ask("1", { payload: { a: "five", b: 3 } });
        await peer.refuses("1", "SERIALIZATION_ERROR", { text: containing("a") });
        peer.ask("2", { payload: { a: 5 } });
        await peer.refuses("2", "SERIALIZATION_ERROR", { text: containing("b") });
        await peer.lives();
      },
    },
    {
      says: "a payload that is no object is SerializationError where the message has fields",
      section: "Errors",
      async run(peer) {
        for (const payload of [null, 5, "text", [5, 3], true]) {
          peer.ask("1", { payload });
          await peer.refuses("1", "SERIALIZATION_ERROR");
        }
      },
    },
    {
      says: "a failure is told in fire and forget, too",
      section: "Rules",
      async run(peer) {
        peer.ask("1", { target: "nobody-here", expects_reply: false });
        await peer.refuses("1", "ACTOR_NOT_FOUND");
        peer.ask("2", { payload: {}, expects_reply: false });
        await peer.refuses("2", "SERIALIZATION_ERROR");
      },
    },
    {
      says: "the agent is looked for before the type, and the type before the payload",
      section: "Rules",
      async run(peer) {
        peer.ask("1", { target: "nobody-here", message_type: "NoSuchType", payload: {} });
        await peer.refuses("1", "ACTOR_NOT_FOUND");
        peer.ask("2", { message_type: "NoSuchType", payload: {} });
        await peer.refuses("2", "UNKNOWN_MESSAGE_TYPE");
      },
    },
    {
      says: "a reply that goes to another agent is delivered there, and the client gets the acknowledgement",
      section: "Rules",
      needs: ["calculator", "kv_store", "reply_to"],
      async run(peer) {
        peer.ask("1", { reply_to: "kv_store" });
        await peer.delivered("1");
        await peer.lives();
      },
    },
    {
      says: "a reply_to that names nobody is AgentNotFound",
      section: "Rules",
      needs: ["calculator", "reply_to"],
      async run(peer) {
        peer.ask("1", { reply_to: "nobody-here" });
        await peer.refuses("1", "ACTOR_NOT_FOUND", { text: containing("nobody-here") });
        await peer.lives();
      },
    },
    {
      says: "nothing runs when reply_to names nobody",
      section: "Rules",
      needs: ["kv_store", "reply_to"],
      async run(peer) {
        const key = `conform-not-set-${peer.tongue.name}`;
        peer.send({ ...peer.id("1"), ...setValue(key, true), reply_to: "nobody-here" });
        await peer.refuses("1", "ACTOR_NOT_FOUND");
        peer.send({ ...peer.id("2"), ...getValue(key) });
        await peer.replies("2", { key, found: false, value: null });
      },
    },
    {
      says: "names are told apart by case, and are not trimmed",
      async run(peer) {
        for (const target of ["Calculator", "calculator ", ""]) {
          peer.ask("1", { target });
          await peer.refuses("1", "ACTOR_NOT_FOUND");
        }
        peer.ask("2", { message_type: "addrequest" });
        await peer.refuses("2", "UNKNOWN_MESSAGE_TYPE");
      },
    },
    {
      says: "an object with a target is a request, whatever else it has",
      tongues: bare,
      async run(peer) {
        peer.ask("1", { message_types: ["PriceUpdate"], patterns: ["*"], unsubscribe: [], discover: true, ping: true, stats: true, cancel: "1" });
        await peer.replies("1", { sum: 8 });
      },
    },
    {
      says: "an answer without an id has the id null",
      tongues: bare,
      async run(peer) {
        peer.send(sum);
        await peer.replies(null, { sum: 8 });
        peer.send({ ...sum, target: "nobody-here" });
        await peer.refuses(null, "ACTOR_NOT_FOUND");
      },
    },
  ],
};
