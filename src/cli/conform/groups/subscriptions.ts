// Subscriptions by name and by pattern: what the connection holds after each, and what is refused as a whole.

import type { Group } from "../case.ts";
import { including } from "../expectation.ts";
import { acton2, acton2Pack, bare, bareJson, full } from "../tongue.ts";

const acton = [acton2, acton2Pack];

/** Of one connection. */
const typesMax = 128;

export const subscriptions: Group = {
  name: "subscriptions",
  section: "Subscribe",
  tongues: full,
  needs: ["push", "price_feed"],
  sentences: [
    {
      says: "a type that is registered is subscribed",
      async run(peer) {
        peer.subscribe("1", ["PriceUpdate"]);
        await peer.holds("1", { types: ["PriceUpdate"] });
      },
    },
    {
      says: "known types are subscribed, and the others come back as rejected",
      tongues: bare,
      async run(peer) {
        peer.subscribe("1", ["NoSuchType", "PriceUpdate", "NorThis"]);
        await peer.holds("1", { types: ["PriceUpdate"], unknown: ["NoSuchType", "NorThis"] });
      },
    },
    {
      says: "when none is known it is UnknownMessageType, and nothing is subscribed",
      tongues: bare,
      async run(peer) {
        peer.subscribe("1", ["NoSuchType"]);
        await peer.refuses("1", "UNKNOWN_MESSAGE_TYPE", { shape: "types" });
        peer.unsubscribe("2", ["NoSuchType"]);
        await peer.holds("2", {});
      },
    },
    {
      says: "every name is subscribed, and those that nothing here can publish yet are named",
      section: "acton subscribe",
      tongues: acton,
      async run(peer) {
        peer.subscribe("1", ["PriceUpdate", "NoSuchType"]);
        await peer.holds("1", { types: ["PriceUpdate", "NoSuchType"], unknown: ["NoSuchType"] });
      },
    },
    {
      says: "the answer has everything that the connection holds, each type once",
      async run(peer) {
        for (const id of ["1", "2"]) {
          peer.subscribe(id, ["PriceUpdate", "PriceUpdate"]);
          await peer.holds(id, { types: ["PriceUpdate"] });
        }
      },
    },
    {
      says: "unsubscribe leaves what it names, and of the rest everything",
      section: "Unsubscribe",
      async run(peer) {
        peer.subscribe("1", ["PriceUpdate"]);
        await peer.holds("1", { types: ["PriceUpdate"] });
        peer.unsubscribe("2", ["NoSuchType"]);
        await peer.holds("2", { types: ["PriceUpdate"] });
        peer.unsubscribe("3", ["PriceUpdate"]);
        await peer.holds("3", {});
      },
    },
    {
      says: "an empty unsubscribe leaves all types and all patterns",
      section: "Unsubscribe",
      needs: ["push", "price_feed", "patterns"],
      async run(peer) {
        peer.subscribe("1", ["PriceUpdate"]);
        await peer.holds("1", { types: ["PriceUpdate"] });
        peer.subscribePatterns("2", ["Trade*"]);
        await peer.holds("2", { types: ["PriceUpdate"], patterns: ["Trade*"] }, "patterns");
        peer.unsubscribe("3", []);
        await peer.holds("3", {});
        peer.unsubscribePatterns("4", ["Other*"]);
        await peer.holds("4", {}, "patterns");
      },
    },
    {
      says: "names that are no array of texts are refused, and nothing is subscribed",
      async run(peer) {
        for (const types of ["PriceUpdate", 5, ["PriceUpdate", 5], { 0: "PriceUpdate" }, [null]]) {
          peer.subscribe("1", types);
          await peer.refuses("1", "SERIALIZATION_ERROR", { shape: "types" });
        }
        peer.unsubscribe("2", ["NoSuchType"]);
        await peer.holds("2", {});
      },
    },
    {
      says: "an id that is in use, and one that is none, are refused, and nothing is subscribed",
      section: "Rules",
      needs: ["push", "price_feed", "list_service", "streaming", "credit"],
      async run(peer) {
        peer.wait("1");
        peer.subscribe("1", ["PriceUpdate"]);
        await peer.refuses("1", "PROTOCOL_ERROR", { shape: "types" });
        peer.subscribe("x".repeat(129), ["PriceUpdate"]);
        await peer.refuses(null, "SERIALIZATION_ERROR", { shape: "types" });
        peer.unsubscribe("2", ["NoSuchType"]);
        await peer.holds("2", {});
      },
    },
    {
      says: "a connection may hold 128 types, and no more; a request applies whole or not at all",
      section: "Limits",
      tongues: acton,
      async run(peer) {
        const names = Array.from({ length: typesMax + 1 }, (_, n) => `Type${n}`);
        peer.subscribe("1", names);
        await peer.refuses("1", "PROTOCOL_ERROR", { shape: "types" });
        peer.subscribe("2", names.slice(1));
        await peer.holds("2", { types: names.slice(1), unknown: including("Type1", `Type${typesMax}`) });
        peer.subscribe("3", ["Type0"]);
        await peer.refuses("3", "PROTOCOL_ERROR", { shape: "types" });
      },
    },
    {
      says: "without the array of names it is refused",
      section: "acton subscribe",
      tongues: acton,
      async run(peer) {
        peer.subscribe("1", undefined);
        await peer.refuses("1", "SERIALIZATION_ERROR", { shape: "types" });
        peer.unsubscribe("2", undefined);
        await peer.refuses("2", "SERIALIZATION_ERROR", { shape: "types" });
      },
    },
    {
      says: "without an id nothing answers a success, and a failure is answered",
      tongues: bare,
      async run(peer) {
        peer.send({ message_types: ["PriceUpdate"] });
        await peer.lives();
        peer.send({ message_types: ["NoSuchType"] });
        await peer.refuses(null, "UNKNOWN_MESSAGE_TYPE", { shape: "types" });
        peer.send({ unsubscribe: [] });
        await peer.lives();
      },
    },
    {
      says: "types and patterns may come in one frame",
      tongues: bare,
      needs: ["push", "price_feed", "patterns"],
      async run(peer) {
        peer.send({ request_id: "1", message_types: ["PriceUpdate"], patterns: ["B*", "A*"] });
        await peer.holds("1", { types: ["PriceUpdate"], patterns: ["A*", "B*"] });
        peer.send({ request_id: "2", unsubscribe: ["PriceUpdate"], unsubscribe_patterns: ["A*"] });
        await peer.holds("2", { patterns: ["B*"] });
      },
    },
    {
      says: "a frame with a wrong pattern changes nothing, its types included",
      tongues: bare,
      needs: ["push", "price_feed", "patterns"],
      async run(peer) {
        peer.send({ request_id: "1", message_types: ["PriceUpdate"], patterns: ["no star"] });
        await peer.refuses("1", "SERIALIZATION_ERROR", { shape: "types" });
        peer.unsubscribe("2", ["NoSuchType"]);
        await peer.holds("2", {});
      },
    },
    {
      says: "a type that nobody knows is no reason to refuse the patterns beside it",
      tongues: [bareJson],
      needs: ["push", "patterns"],
      async run(peer) {
        peer.send({ request_id: "1", message_types: ["NoSuchType"], patterns: ["A*"] });
        await peer.holds("1", { patterns: ["A*"], unknown: including("NoSuchType") });
      },
    },
    {
      says: "a client that says goodbye to __unsubscribe__ is answered, and its subscriptions end",
      section: "acton request",
      tongues: acton,
      async run(peer) {
        peer.subscribe("1", ["PriceUpdate"]);
        await peer.holds("1", { types: ["PriceUpdate"] });
        peer.ask("2", { target: "__unsubscribe__", message_type: "anything", payload: null, expects_reply: false });
        await peer.delivered("2");
        peer.unsubscribe("3", ["NoSuchType"]);
        await peer.holds("3", {});
      },
    },
    {
      says: "the subscriptions of one connection are none of another's",
      async run(peer, { open }) {
        const other = await open(peer.tongue);
        peer.subscribe("1", ["PriceUpdate"]);
        await peer.holds("1", { types: ["PriceUpdate"] });
        other.unsubscribe("1", ["NoSuchType"]);
        await other.holds("1", {});
      },
    },
  ],
};
