// Patterns: a literal prefix and one final star, within limits of length and number.

import type { Group } from "../case.ts";
import { containing, Unmet } from "../expectation.ts";
import { acton2, acton2Pack, bare, bareJson, full } from "../tongue.ts";

const acton = [acton2, acton2Pack];

/** Of one request, and of one connection. */
const patternsMax = 128;
const patternBytesMax = 256;

const numbered = (count: number, from = 0): string[] => Array.from({ length: count }, (_, n) => `p${String(n + from).padStart(3, "0")}*`);

export const patterns: Group = {
  name: "patterns",
  section: "Subscribe",
  tongues: full,
  needs: ["push", "patterns"],
  sentences: [
    {
      says: "every pattern that is held is told, sorted",
      async run(peer) {
        peer.subscribePatterns("1", ["Trade*", "*"]);
        await peer.holds("1", { patterns: ["*", "Trade*"] }, "patterns");
        peer.subscribePatterns("2", ["Alarm*", "Trade*"]);
        await peer.holds("2", { patterns: ["*", "Alarm*", "Trade*"] }, "patterns");
        peer.unsubscribePatterns("3", ["Trade*", "Other*"]);
        await peer.holds("3", { patterns: ["*", "Alarm*"] }, "patterns");
      },
    },
    {
      says: "what is not a prefix and one final star is refused",
      async run(peer) {
        for (const pattern of ["", "Price", "*Price", "Pri*ce", "Price**", "* "]) {
          peer.subscribePatterns("1", [pattern]);
          const text = peer.isBare ? containing("SerializationError: ") : containing("pattern must contain exactly one terminal '*'");
          await peer.refuses("1", "SERIALIZATION_ERROR", { shape: "patterns", text });
        }
        await peer.lives();
      },
    },
    {
      says: "a request applies whole or not at all",
      async run(peer) {
        peer.subscribePatterns("1", ["Good*", "bad"]);
        await peer.refuses("1", "SERIALIZATION_ERROR", { shape: "patterns", ...(peer.isBare ? {} : { text: containing("pattern must") }) });
        peer.unsubscribePatterns("2", ["Other*"]);
        await peer.holds("2", {}, "patterns");
      },
    },
    {
      says: "a pattern may have 256 bytes, and no more",
      async run(peer) {
        const longest = `${"é".repeat(127)}x*`;
        peer.subscribePatterns("1", [longest]);
        await peer.holds("1", { patterns: [longest] }, "patterns");
        peer.subscribePatterns("2", [`x${"y".repeat(patternBytesMax - 1)}*`]);
        const text = peer.isBare ? containing("SerializationError: ") : containing("pattern exceeds 256 UTF-8 bytes");
        await peer.refuses("2", "SERIALIZATION_ERROR", { shape: "patterns", text });
      },
    },
    {
      says: "a connection may hold 128 patterns, and no more",
      async run(peer) {
        const most = numbered(patternsMax);
        peer.subscribePatterns("1", most);
        await peer.holds("1", { patterns: most }, "patterns");
        peer.subscribePatterns("2", numbered(1, patternsMax));
        const text = peer.isBare ? containing("ProtocolError: ") : containing("pattern limit of 128 exceeded");
        await peer.refuses("2", "PROTOCOL_ERROR", { shape: "patterns", text });
        peer.subscribePatterns("3", most.slice(0, 5));
        await peer.holds("3", { patterns: most }, "patterns");
      },
    },
    {
      says: "a request may have 128 patterns, and no more",
      async run(peer) {
        peer.subscribePatterns("1", numbered(patternsMax + 1));
        const text = peer.isBare ? containing("ProtocolError: ") : containing("pattern limit of 128 exceeded");
        await peer.refuses("1", "PROTOCOL_ERROR", { shape: "patterns", text });
        peer.unsubscribePatterns("2", ["Other*"]);
        await peer.holds("2", {}, "patterns");
      },
    },
    {
      says: "patterns that are no array of texts are refused",
      async run(peer) {
        for (const value of ["A*", 5, ["A*", 5]]) {
          peer.subscribePatterns("1", value);
          await peer.refuses("1", "SERIALIZATION_ERROR", { shape: "patterns" });
        }
        await peer.lives();
      },
    },
    {
      says: "an empty unsubscribe of patterns leaves all patterns, and no type",
      section: "Unsubscribe",
      needs: ["push", "patterns", "price_feed"],
      async run(peer) {
        const types = ["PriceUpdate"];
        peer.subscribe("1", types);
        await peer.holds("1", { types });
        peer.subscribePatterns("2", ["A*", "B*"]);
        await peer.holds("2", { types, patterns: ["A*", "B*"] }, "patterns");
        peer.unsubscribePatterns("3", []);
        await peer.holds("3", { types }, "patterns");
        peer.subscribe("4", types);
        await peer.holds("4", { types });
      },
    },
    {
      says: "an empty subscribe of patterns changes nothing, and tells what is held",
      section: "acton subscribe patterns",
      tongues: acton,
      async run(peer) {
        peer.subscribePatterns("1", ["A*"]);
        await peer.holds("1", { patterns: ["A*"] }, "patterns");
        peer.subscribePatterns("2", []);
        await peer.holds("2", { patterns: ["A*"] }, "patterns");
      },
    },
    {
      says: "a prefix is taken literally, and by case",
      needs: ["push", "patterns", "price_feed"],
      tongues: [bareJson, acton2],
      async run(peer, { open }) {
        peer.subscribePatterns("1", ["price*", "P.*", "Price[A-Z]*", "PriceUpdate2*"]);
        await peer.holds("1", { patterns: ["P.*", "PriceUpdate2*", "Price[A-Z]*", "price*"] }, "patterns");
        const other = await open(peer.tongue);
        other.subscribePatterns("1", ["PriceU*"]);
        await other.holds("1", { patterns: ["PriceU*"] }, "patterns");
        await other.pushed({ message_type: "PriceUpdate" });
        await peer.lives();
        if (peer.pushesWaiting > 0) throw new Unmet("no push", "one");
      },
    },
    {
      says: "a star alone matches every type, and a whole name before it matches that name",
      needs: ["push", "patterns", "price_feed"],
      tongues: [...bare, acton2],
      async run(peer, { open }) {
        const other = await open(peer.tongue);
        peer.subscribePatterns("1", ["*"]);
        other.subscribePatterns("1", ["PriceUpdate*"]);
        await peer.holds("1", { patterns: ["*"] }, "patterns");
        await other.holds("1", { patterns: ["PriceUpdate*"] }, "patterns");
        await peer.pushed({ message_type: "PriceUpdate" });
        await other.pushed({ message_type: "PriceUpdate" });
      },
    },
  ],
};
