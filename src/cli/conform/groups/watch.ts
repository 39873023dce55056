// The end of an agent, which is watched for. With the guide's services none ends, so what is seen is the waiting.

import type { Group } from "../case.ts";
import { containing } from "../expectation.ts";
import { full, kinds } from "../tongue.ts";

export const watch: Group = {
  name: "watch",
  section: "Watch",
  tongues: full,
  needs: ["watch", "calculator"],
  sentences: [
    {
      says: "an agent that is not there is AgentNotFound at once",
      async run(peer) {
        peer.watch("1", "nobody-here");
        await peer.refuses("1", "ACTOR_NOT_FOUND", { text: containing("nobody-here") });
        await peer.lives();
      },
    },
    {
      says: "it is silent while the agent lives, holds nothing up, and can be cancelled",
      async run(peer) {
        peer.watch("1", "calculator");
        peer.ask("2");
        await peer.replies("2", { sum: 8 });
        peer.cancel("1");
        await peer.refuses("1", "CANCELLED");
        await peer.lives();
      },
    },
    {
      says: "its id is in use meanwhile",
      async run(peer) {
        peer.watch("1", "calculator");
        peer.ask("1");
        await peer.refuses("1", "PROTOCOL_ERROR");
        peer.cancel("1");
        await peer.refuses("1", "CANCELLED");
      },
    },
    {
      says: "without an id, or with a name that is no text, it is refused",
      async run(peer) {
        peer.send({ watch: "calculator" }, { kind: kinds.watch });
        await peer.refuses(null, "SERIALIZATION_ERROR");
        peer.watch("1", 5);
        await peer.refuses("1", "SERIALIZATION_ERROR", { text: containing("watch") });
        await peer.lives();
      },
    },
  ],
};
