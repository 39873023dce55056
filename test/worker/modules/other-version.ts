// The module of `scene.ts` as it may be after a change: one agent handles something else, and one runs in place.

import { agent, app } from "acton";
import { Do, Order } from "../scene.ts";

export default app({
  agents: [
    agent("actor", () => ({}))
      .actOn(Do, () => "changed")
      .mutateOn(Order, () => {})
      .runOn("worker"),
    agent("other", () => ({})).actOn(Do, () => "in place"),
  ],
});
