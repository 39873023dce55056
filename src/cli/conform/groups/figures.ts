// The listener's figures, and the two ways to ask whether anybody is there: ping and heartbeat.

import type { Group } from "../case.ts";
import { expectThat, Matching, Unmet, wholeNumber } from "../expectation.ts";
import { acton1, acton2, acton2Pack, bare, type Fields, full, kinds } from "../tongue.ts";

const acton = [acton2, acton2Pack];

const counters = ["active_connections", "connections_accepted", "messages_processed", "frames_received", "frames_sent", "errors"];

export const figures: Group = {
  name: "stats, ping",
  section: "Stats",
  tongues: full,
  sentences: [
    {
      says: "stats are answered with the listener's figures",
      section: "Figures",
      needs: ["stats"],
      async run(peer) {
        peer.stats("1");
        await peer.replies("1", { ...Object.fromEntries(counters.map((counter) => [counter, wholeNumber])), draining: false });
      },
    },
    {
      says: "what is done shows in the figures",
      section: "Figures",
      needs: ["stats", "calculator"],
      async run(peer) {
        peer.stats("1");
        const { payload: before } = await peer.replies("1", { messages_processed: wholeNumber });
        peer.ask("2");
        await peer.replies("2", { sum: 8 });
        peer.ask("3", { target: "nobody-here" });
        await peer.refuses("3", "ACTOR_NOT_FOUND");
        peer.stats("4");
        const more = (counter: string, by: number): Matching => {
          const least = Number((before as Fields)[counter]) + by;
          return new Matching(`${least} or more`, (value) => Number(value) >= least);
        };
        await peer.replies("4", {
          messages_processed: more("messages_processed", 1),
          errors: more("errors", 1),
          frames_received: more("frames_received", 3),
        });
      },
    },
    {
      says: "a ping is answered by a response whose payload is null",
      section: "Ping",
      tongues: bare,
      async run(peer) {
        peer.send({ request_id: "1", ping: true });
        await peer.replies("1", null);
        peer.send({ ping: true });
        await peer.replies(null, null);
      },
    },
    {
      says: "a heartbeat without a body comes back without one",
      section: "acton heartbeat",
      tongues: [acton1, ...acton],
      async run(peer) {
        const frame = peer.frame({}, { kind: kinds.heartbeat });
        peer.write(Buffer.from(frame.subarray(0, peer.tongue.version + 5).fill(0, 0, 4)));
        const { kind, version, body } = await peer.frameOf("a heartbeat");
        expectThat({ kind, version, bytes: body.length }, { kind: kinds.heartbeat, version: peer.tongue.version, bytes: 0 });
      },
    },
    {
      says: "a heartbeat's body need not be of its format, and comes back byte for byte",
      section: "acton heartbeat",
      tongues: [acton1, ...acton],
      async run(peer) {
        const bytes = Buffer.from("not JSON \u0000\u00ff", "latin1");
        peer.write(peer.around(bytes, kinds.heartbeat));
        const { bytes: came } = await peer.frameOf("the heartbeat");
        if (!came.equals(peer.around(bytes, kinds.heartbeat))) throw new Unmet("the same frame", came.toString("hex"));
      },
    },
  ],
};
