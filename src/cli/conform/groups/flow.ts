// The client's hand on what runs: cancel, and credit for streams.

import type { Group } from "../case.ts";
import { either } from "../expectation.ts";
import { all } from "../tongue.ts";

export const flow: Group = {
  name: "cancel, credit",
  section: "Extensions",
  tongues: all,
  needs: ["list_service", "streaming", "credit", "cancel"],
  sentences: [
    {
      says: "a stream that is cancelled ends with Cancelled",
      section: "Cancel",
      async run(peer) {
        peer.list("1", 3, { stream_window: 1 });
        await peer.item("1", 0);
        peer.cancel("1");
        await peer.refuses("1", "CANCELLED", { shape: "stream", sequence: 1 });
        await peer.lives();
      },
    },
    {
      says: "a cancel of what is not open does nothing, and has no answer",
      section: "Cancel",
      needs: ["calculator", "cancel"],
      async run(peer) {
        peer.cancel("never there");
        peer.ask("1");
        await peer.replies("1", { sum: 8 });
        peer.cancel("1");
        await peer.lives();
      },
    },
    {
      says: "a cancelled id may be used again",
      section: "Cancel",
      async run(peer) {
        for (let n = 0; n < 3; n++) {
          peer.wait("1");
          peer.cancel("1");
          await peer.refuses("1", "CANCELLED", { shape: "stream" });
        }
      },
    },
    {
      says: "a cancel ends no stream of another connection",
      section: "Cancel",
      async run(peer, { open }) {
        const other = await open(peer.tongue);
        peer.wait("1");
        other.cancel("1");
        await other.lives();
        peer.credit("1", 3);
        for (const sequence of [0, 1, 2]) await peer.item("1", sequence);
        await peer.final("1", 3);
      },
    },
    {
      says: "no more items come ahead than the window, and then as many as there is credit for",
      section: "Credit",
      async run(peer) {
        peer.list("1", 10, { stream_window: 2 });
        await peer.item("1", 0);
        await peer.item("1", 1);
        await peer.lives();
        peer.credit("1", 3);
        for (const sequence of [2, 3, 4]) await peer.item("1", sequence);
        await peer.lives();
        peer.credit("1", 100);
        for (const sequence of [5, 6, 7, 8, 9]) await peer.item("1", sequence);
        await peer.final("1", 10);
      },
    },
    {
      says: "credit adds up",
      section: "Credit",
      async run(peer) {
        peer.wait("1");
        peer.credit("1", 1);
        peer.credit("1", 0);
        peer.credit("1", 1);
        await peer.item("1", 0);
        await peer.item("1", 1);
        await peer.lives();
        peer.cancel("1");
        await peer.refuses("1", "CANCELLED", { shape: "stream", sequence: 2 });
      },
    },
    {
      says: "credit for what is not open does nothing, and has no answer",
      section: "Credit",
      async run(peer) {
        peer.credit("never there", 5);
        await peer.lives();
      },
    },
    {
      says: "credit that is no whole number from 0 is refused, and the stream goes on waiting",
      section: "Credit",
      async run(peer) {
        peer.wait("1");
        peer.credit("1", -1);
        // In acton it comes under the stream's own correlation, which is in use.
        const code = peer.isBare ? "SERIALIZATION_ERROR" : either("SERIALIZATION_ERROR", "PROTOCOL_ERROR");
        await peer.gets({ success: false, error_code: code }, { tongue: peer.extensionTongue });
        await peer.lives();
        peer.cancel("1");
        await peer.refuses("1", "CANCELLED", { shape: "stream" });
      },
    },
    {
      says: "waiting for credit counts against the stream's time",
      section: "Credit",
      async run(peer) {
        peer.wait("1", { response_timeout_ms: 100 });
        await peer.refuses("1", "TIMEOUT", { shape: "stream" });
      },
    },
  ],
};
