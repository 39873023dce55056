// The texts that acton's own clients show, and some decide by, word for word.

import type { Group } from "../case.ts";
import { acton1, acton2, acton2Pack } from "../tongue.ts";

export const actonTexts: Group = {
  name: "acton texts",
  section: "acton errors",
  tongues: [acton1, acton2, acton2Pack],
  needs: ["calculator"],
  sentences: [
    {
      says: "an agent that is not there is `Actor not found: NAME`",
      async run(peer) {
        peer.ask("1", { target: "nobody" });
        await peer.gets({ error: "Actor not found: nobody" });
      },
    },
    {
      says: "a type that is not registered is `Unknown message type: NAME`",
      async run(peer) {
        peer.ask("1", { message_type: "NoSuch" });
        await peer.gets({ error: "Unknown message type: NoSuch" });
      },
    },
    {
      says: "a request that is late is `Request timed out after 0 ms waiting for response`",
      async run(peer) {
        peer.ask("1", { response_timeout_ms: 0 });
        await peer.gets({ error: "Request timed out after 0 ms waiting for response", error_code: "TIMEOUT" });
      },
    },
  ],
};
