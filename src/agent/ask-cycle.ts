// Finds asks that would wait for themselves. Pure: a walk over who runs where and who waits for whose answer,
// done before an ask is queued, so that the answer is an error at once instead of a deadline.

/** A message that is waited for. */
export interface OpenAsk {
  readonly target: AgentNode;
  readonly exclusive: boolean;
  /** The handler that works on it; undefined while it is queued. */
  readonly server: RunningHandler | undefined;
  /** Whether something exclusive stands before it in the mailbox. Asked only while it is queued. */
  readonly behindExclusive: boolean;
}

export interface RunningHandler {
  readonly exclusive: boolean;
  readonly home: AgentNode;
  readonly openAsks: Iterable<OpenAsk>;
}

export interface AgentNode {
  readonly name: string;
  readonly exclusiveHandler: RunningHandler | undefined;
  /** The concurrent handlers that wait for an answer. */
  readonly waitingReaders: ReadonlySet<RunningHandler>;
  /** No concurrent handler more may run. */
  readonly crowded: boolean;
}

/** The names from the asker's agent to itself, in the order of waiting; undefined when the ask waits for others only. */
export function findAskCycle(asker: RunningHandler, ask: OpenAsk): readonly string[] | undefined {
  const visited = new Set<RunningHandler>();

  function throughAsk(open: OpenAsk, path: readonly string[]): readonly string[] | undefined {
    const further = [...path, open.target.name];
    if (open.server !== undefined) return throughHandler(open.server, further);
    const alone = open.exclusive || open.behindExclusive;
    // The asker itself stands in the way of what is queued where it runs, when it or the queued message wants to be alone.
    if (open.target === asker.home && (asker.exclusive || alone)) return further;
    if (open.target === asker.home && isFullOf(asker, open.target)) return further;
    const { exclusiveHandler, waitingReaders } = open.target;
    const blockers = exclusiveHandler !== undefined ? [exclusiveHandler] : alone ? waitingReaders : [];
    for (const blocker of blockers) {
      const cycle = throughHandler(blocker, further);
      if (cycle !== undefined) return cycle;
    }
    return undefined;
  }

  function throughHandler(handler: RunningHandler, path: readonly string[]): readonly string[] | undefined {
    if (handler === asker) return path;
    if (visited.has(handler)) return undefined;
    visited.add(handler);
    for (const open of handler.openAsks) {
      const cycle = throughAsk(open, path);
      if (cycle !== undefined) return cycle;
    }
    return undefined;
  }

  return throughAsk(ask, [asker.home.name]);
}

/** All the room that an agent has for concurrent handlers is taken by such as wait for that room. */
function isFullOf(asker: RunningHandler, home: AgentNode): boolean {
  if (!home.crowded) return false;
  for (const reader of home.waitingReaders) {
    if (reader !== asker && ![...reader.openAsks].some((ask) => ask.target === home && ask.server === undefined)) return false;
  }
  return true;
}
