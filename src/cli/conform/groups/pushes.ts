// Pushes: what one has in it, who gets it, how often, and in which format. The guide's price feed broadcasts each second.

import type { Group } from "../case.ts";
import { expectThat, Matching, someText, Unmet, wholeNumber } from "../expectation.ts";
import { acton2, acton2Pack, bareJson, barePack, full, kinds } from "../tongue.ts";

const seq = wholeNumber;

export const pushes: Group = {
  name: "pushes",
  section: "Push",
  tongues: full,
  needs: ["push", "price_feed"],
  sentences: [
    {
      says: "a push has its type, payload, time and number, and the agent that it is of",
      async run(peer) {
        peer.subscribe("1", ["PriceUpdate"]);
        await peer.holds("1", { types: ["PriceUpdate"] });
        const payload = { symbol: someText };
        await peer.pushed(
          peer.isBare
            ? { notification_type: "subscription", message_type: "PriceUpdate", payload, timestamp: wholeNumber, source_agent: "price_feed", seq: 0 }
            : { notification_id: someText, message_type: "PriceUpdate", payload, timestamp_ms: wholeNumber, source_actor: "price_feed", seq: 0 },
        );
      },
    },
    {
      says: "pushes of a type are numbered from 0 on each connection, and come once each",
      needs: ["push", "price_feed", "patterns"],
      async run(peer) {
        peer.subscribe("1", ["PriceUpdate"]);
        await peer.holds("1", { types: ["PriceUpdate"] });
        peer.subscribePatterns("2", ["*", "Price*", "PriceUpdate*"]);
        await peer.gets({ ...peer.id("2"), success: true });
        const field = peer.isBare ? "timestamp" : "timestamp_ms";
        const first = await peer.pushed({ message_type: "PriceUpdate", seq: 0 });
        const later = new Matching(`a time after ${String(first[field])}`, (time) => Number(time) > Number(first[field]));
        await peer.pushed({ message_type: "PriceUpdate", seq: 1, [field]: later });
      },
    },
    {
      says: "each subscriber gets the same broadcast, with numbers of its own",
      tongues: [bareJson, acton2],
      async run(peer, { open }) {
        peer.subscribe("1", ["PriceUpdate"]);
        await peer.holds("1", { types: ["PriceUpdate"] });
        await peer.pushed({ seq: 0 });
        const other = await open(peer.tongue);
        other.subscribe("1", ["PriceUpdate"]);
        await other.holds("1", { types: ["PriceUpdate"] });
        const [mine, theirs] = [await peer.pushed({ seq: 1 }), await other.pushed({ seq: 0 })];
        const { payload, message_type } = theirs;
        expectThat(mine, { payload, message_type });
      },
    },
    {
      says: "after unsubscribe none comes",
      section: "Unsubscribe",
      tongues: [bareJson, acton2Pack],
      async run(peer, { open }) {
        peer.subscribe("1", ["PriceUpdate"]);
        await peer.holds("1", { types: ["PriceUpdate"] });
        peer.unsubscribe("2", []);
        await peer.holds("2", {});
        const before = peer.pushesWaiting;
        const other = await open(peer.tongue);
        other.subscribe("1", ["PriceUpdate"]);
        await other.holds("1", { types: ["PriceUpdate"] });
        await other.pushed({ seq });
        await peer.lives();
        if (peer.pushesWaiting > before) throw new Unmet("no push after unsubscribe", "one");
      },
    },
    {
      says: "a push has the format of the latest subscribe",
      section: "Frames",
      tongues: [bareJson, acton2],
      needs: ["push", "price_feed", "messagepack"],
      async run(peer) {
        const packed = peer.isBare ? barePack : acton2Pack;
        peer.subscribe("1", ["PriceUpdate"]);
        await peer.holds("1", { types: ["PriceUpdate"] });
        peer.send({ ...peer.id("2"), message_types: ["PriceUpdate"] }, { kind: kinds.subscribe, tongue: packed });
        await peer.gets({ ...peer.id("2"), success: true }, { tongue: packed });
        // Those of a moment before may be under way.
        if (peer.pushesWaiting > 0) await peer.pushed({ seq });
        await peer.pushed({ message_type: "PriceUpdate", payload: { symbol: someText } }, packed);
      },
    },
    {
      says: "requests are answered while pushes come",
      tongues: [bareJson, acton2],
      needs: ["push", "price_feed", "calculator"],
      async run(peer) {
        peer.subscribe("1", ["PriceUpdate"]);
        await peer.holds("1", { types: ["PriceUpdate"] });
        while (peer.pushesWaiting === 0) {
          peer.ask("2");
          await peer.replies("2", { sum: 8 });
          await Bun.sleep(10);
        }
        await peer.pushed({ seq: 0 });
      },
    },
    {
      says: "who has not subscribed gets none",
      tongues: [bareJson, acton2],
      async run(peer, { open }) {
        await peer.lives();
        const other = await open(peer.tongue);
        other.subscribe("1", ["PriceUpdate"]);
        await other.holds("1", { types: ["PriceUpdate"] });
        await other.pushed({ seq });
        await peer.lives();
        if (peer.pushesWaiting > 0) throw new Unmet("no push", "one");
      },
    },
  ],
};
