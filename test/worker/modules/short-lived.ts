// An agent whose thread ends as soon as it has started.

import { agent, app } from "acton";

export const shortLived = agent("short-lived", () => ({}))
  .afterStart(() => void setTimeout(() => process.exit(1), 5))
  .runOn("worker");

export default app({ agents: [shortLived] });
